"""少见的调用者：标准流关着的，名字不是 UTF-8 的，在演示里说「不」的。"""

import subprocess
import sys
from typing import Any

import pytest

from tests.cli.program import Pam
from tests.cli.site import BEFORE, Site
from tests.cli.terminal import Terminal
from tests.patience import patience

NOT_UTF8 = "\udcff\udce4"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams(site: Site, closed: str) -> None:
    """标准流关着（cron、服务管理器）照样做完；此前以 1 退出，账本还可能顶了标准错误的号。"""
    site.take(1)
    argv = [sys.executable, "-m", "pam_deploy_graph", *site.argv("--yes"), "--home", str(site.pam.home)]
    shell = ["/bin/bash", "-c", f'exec "$0" "$@" {closed}', *argv]
    assert (
        subprocess.run(shell, cwd=site.pam.folder, env=site.pam.env, check=False, timeout=patience(50)).returncode == 0
    )
    site.all_right()


@pytest.mark.parametrize(
    "argv",
    [
        ["status"],
        ["report"],
        ["resume"],
        ["cancel"],
        ["confirm", "--approve"],
        ["run", "--failed-of"],
        ["runs", "--home"],
    ],
    ids=" ".join,
)
def test_names_that_are_not_utf8(pam: Pam, argv: list[str]) -> None:
    """不是 UTF-8 的运行名与目录：2，一句中文，不是回溯。"""
    home: dict[str, Any] = {"home": NOT_UTF8} if "--home" in argv else {}
    done = pam(*(argv[:1] if home else [*argv, NOT_UTF8]), **home)
    assert (done.code, "Traceback" in done.err, "错误" in done.err) == (2, False, True)


def test_a_token_file_that_is_no_text(pam: Pam) -> None:
    """``PAM_TOKEN_FILE`` 指着一个二进制文件：2，指出是它。"""
    (pam.folder / "token").write_bytes(b"\xff\xfe")
    params = {"AIRPORT_CODE": "PEK", "APP_NAME": "a", "MODULE_NAME": "b", "VERSION_NUMBER": "1"}
    pairs = [part for name, value in params.items() for part in ("--param", f"{name}={value}")]
    done = pam("run", *pairs, env={"PAM_TOKEN": "", "PAM_TOKEN_FILE": "token"})
    assert (done.code, "PAM_TOKEN_FILE" in done.err, "Traceback" in done.err) == (2, True, False)


@pytest.mark.parametrize(
    ("answers", "code"),
    [([("批准？", "n")], 12), ([("批准？", "y"), ("回滚？", "n")], 0)],
    ids=["plan", "rollback"],
)
def test_saying_no_in_the_demo(pam: Pam, terminal: Terminal, answers: list[tuple[str, str]], code: int) -> None:
    """演示里拒绝计划是 12；不回滚也是如愿，报告说得出那一台留在新版本上。此前两样都以 1（缺陷）结束。"""
    job = pam.start("demo", tty=terminal.slave)
    for asked, answer in answers:
        terminal.expect(asked)
        terminal.type(f"{answer}\n")
    assert terminal.finish(job).code == code
    assert "对不上" not in terminal.shown


@pytest.mark.parametrize("failing", ["start", "verify"])
def test_what_is_left_as_it_is_is_read_back(site: Site, failing: str) -> None:
    """保持现状的一台，报告里的版本是向它问来的，不是空着。"""
    (bad,) = site.take(1)
    site.lab.add_fault(f"{bad}:{failing}:fail:1")
    assert (site.run("--yes").code, site.confirm("reject").code, site.resume().code) == (10, 0, 11)
    row = site.report()["ips"][bad]
    assert (row["version_before"], row["version_after"]) == (BEFORE, site.version)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["runs"], 0),
        *(
            (argv, 2)
            for argv in (["status"], ["report", "x"], ["resume", "x"], ["cancel", "x"], ["confirm", "x", "--reject"])
        ),
        (["run", "--failed-of", "x"], 2),
    ],
    ids=str,
)
def test_a_look_leaves_nothing_behind(pam: Pam, argv: list[str], code: int) -> None:
    """看一个没有运行过的地方（例如打错的 ``--home``）：说没有，不新建目录与文件。"""
    done = pam(*argv)
    assert (done.code, "没有" in done.out + done.err, pam.home.exists()) == (code, True, False)


def test_without_a_command(pam: Pam) -> None:
    """不给命令就看到帮助，退出码 2，不说成一条错误。"""
    done = pam.job(["pam_deploy_graph"]).wait()
    assert (done.code, done.out, "doctor" in done.err, "错误" in done.err) == (2, "", True, False)
