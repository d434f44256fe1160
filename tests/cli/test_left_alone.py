"""自己开起来的试验场与它的 MCP 服务，不比开它的程序活得久；手工开的只听 SIGTERM。"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.program import MODULE, Pam
from tests.cli.terminal import Terminal
from tests.patience import patience

SECONDS = 20.0


def _running() -> dict[int, tuple[int, str]]:
    """在跑的进程：进程号 → 父进程号与命令行；已经死了、等人收走的不算。"""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            line = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # 正好结束了
            continue
        if state != "Z":
            found[int(folder.name)] = (int(parent), line)
    return found


def _family(root: int) -> dict[int, str]:
    """一个进程和它的全部后代：进程号 → 命令行。"""
    running = _running()
    found = [root]
    for pid in found:
        found += [child for child, (parent, _) in running.items() if parent == pid]
    return {pid: running[pid][1] for pid in found if pid in running}


def _services(root: int) -> dict[int, str]:
    """等它开的试验场（或它就是试验场）开起 MCP 服务，返回全家。"""
    deadline = time.monotonic() + patience(SECONDS)
    while not any("pam_deploy_graph.mcp_node" in line for line in _family(root).values()):
        assert time.monotonic() < deadline, f"没有开起试验场：{_family(root)}"
        time.sleep(0.05)
    return _family(root)


def _wait_for_end(processes: Iterable[int]) -> None:
    """等这些进程都没了；不肯走的杀掉，用例不通过。"""
    deadline = time.monotonic() + patience(SECONDS)
    while left := {pid: line for pid, line in _running().items() if pid in processes}:
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            pytest.fail(f"留了下来：{left}")
        time.sleep(0.05)


@pytest.mark.parametrize(
    "argv",
    [
        [MODULE, "demo"],
        [MODULE, "chat", "--lab"],
        ["examples.library"],
    ],
    ids=" ".join,
)
def test_killed_parent_leaves_nothing_behind(pam: Pam, terminal: Terminal, argv: list[str], tmp_path: Path) -> None:
    """程序被 kill -9：试验场与 MCP 服务随之结束，临时状态目录也删掉。"""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    job = pam.job(argv, env={"TMPDIR": str(temporary)}, tty=terminal.slave)
    started = _services(job.pid)
    assert job.kill().code == -signal.SIGKILL
    _wait_for_end(started)
    assert list(temporary.glob("pam-lab-*")) == []


def test_killed_parent_of_a_lone_mcp_node(tmp_path: Path) -> None:
    """单独开起来的 MCP 服务也一样。"""
    code = (
        "import os; from pam_deploy_graph.lab.helper import Helper, helper_command\n"
        "print(Helper(helper_command('mcp-node', '--node-url', 'http://127.0.0.1:1')).process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    _wait_for_end([int(done.stdout)])


@pytest.mark.parametrize("stdin", ["<&-", "</dev/null"])
def test_started_by_hand_it_stays(stdin: str, tmp_path: Path) -> None:
    """手工开的：外壳走了、没有标准输入，照样服务；SIGTERM 才结束。"""
    command = f'setsid nohup "$0" -m {MODULE} lab --workstations 1 {stdin} >out 2>err & echo $!'
    shell = ["bash", "-c", command, sys.executable]
    pid = int(subprocess.run(shell, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True).stdout)
    started = _services(pid)
    try:
        info = json.loads(_first_line(tmp_path / "out"))
        home = urlsplit(info["home_url"])
        with socket.create_connection((home.hostname, home.port), timeout=SECONDS):
            pass
        assert started.keys() <= _running().keys()
    finally:
        os.kill(pid, signal.SIGTERM)
    _wait_for_end(started)


def _first_line(path: Path) -> str:
    """等到一个文件有了一整行。"""
    deadline = time.monotonic() + patience(SECONDS)
    while not (text := path.read_text(encoding="utf-8")).endswith("\n"):
        assert time.monotonic() < deadline, "没有报到"
        time.sleep(0.05)
    return text
