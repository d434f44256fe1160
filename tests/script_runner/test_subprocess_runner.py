"""在限度之内运行真实的进程：时限、信号、输出上限、孙进程。"""

import asyncio
import errno
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pam_deploy_graph.script_runner.child_process import ProcessLimits, ProcessOutcome, run_process
from tests.patience import patience
from tests.script_runner.conftest import MakeScript, until

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def run(script: Path, *arguments: str, seconds: float = 20.0, **limits: int) -> ProcessOutcome:
    """运行一个桩脚本。"""
    return asyncio.run(run_process([str(script), *arguments], env=ENV, limits=ProcessLimits(seconds, **limits)))


def alive(pid_file: Path) -> bool:
    """文件里记下的进程是否还活着。"""
    try:
        return psutil.Process(int(pid_file.read_text())).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def settled(pid_file: Path) -> bool:
    """稍等片刻，看进程有没有消失；被 KILL 之后由别人收尸，需要一点时间。"""
    until = time.monotonic() + patience(2)
    while alive(pid_file) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid_file)


def test_output_and_exit_code_come_back(make_script: MakeScript) -> None:
    """输出、退出码照实返回，标准输入是空的，环境只有给出的几个。"""
    script = make_script('cat; echo "A=$1"; echo oops >&2; env; exit 5')
    outcome = run(script, "x y;$(id)")
    assert (outcome.exit_code, outcome.stderr, outcome.timed_out) == (5, "oops\n", False)
    lines = outcome.stdout.splitlines()
    assert lines[0] == "A=x y;$(id)"
    assert {line.split("=")[0] for line in lines[1:]} <= {"PATH", "PWD", "SHLVL", "_"}


def test_a_host_that_ignores_its_children_loses_the_exit_code(make_script: MakeScript) -> None:
    """宿主忽略 SIGCHLD：输出照样拿到，退出码说明是读不到的，不冒充 0。"""
    script = make_script("echo A=1; exit 6")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        outcome = run(script)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert (outcome.code_lost, outcome.stdout, outcome.timed_out) == (True, "A=1\n", False)
    assert not run(script).code_lost


def test_a_signal_is_reported(make_script: MakeScript) -> None:
    """被信号结束的进程返回负数。"""
    assert run(make_script("kill -SEGV $$")).exit_code == -11


@pytest.mark.parametrize(
    ("body", "at_least", "at_most"),
    [
        ("exec sleep 30", 0.3, 1.25),
        ("sleep 30 & wait", 0.3, 1.25),
        ("trap '' TERM; while :; do sleep 0.2; done", 1.3, 2.3),
        ("exec >&- 2>&-; sleep 30", 0.3, 1.25),
        ("trap 'echo A=late; exit 0' TERM; sleep 30 & wait", 0.3, 1.25),
    ],
    ids=["hang", "child", "ignores-term", "closed-pipes", "handles-term"],
)
def test_the_deadline_holds(
    body: str, at_least: float, at_most: float, make_script: MakeScript, record_property: Callable[[str, object], None]
) -> None:
    """到时限先 TERM、后 KILL，最迟在时限之后 2 秒返回。"""
    start = time.monotonic()
    outcome = run(make_script(body), seconds=0.3)
    took = time.monotonic() - start
    record_property("figure", f"到时不停的脚本（{body}）：时限 0.3 秒，{took:.2f} 秒返回")
    assert at_least <= took < patience(at_most)
    assert outcome.timed_out


def test_what_was_said_before_the_deadline_is_kept(make_script: MakeScript) -> None:
    """超时之前的输出留着。"""
    outcome = run(make_script("echo A=1; echo half >&2; printf B=; sleep 30"), seconds=0.3)
    assert (outcome.stdout, outcome.stderr, outcome.timed_out) == ("A=1\nB=", "half\n", True)


@pytest.mark.parametrize("redirect", ["", ">/dev/null 2>&1"], ids=["holds-the-pipe", "lets-go"])
def test_a_grandchild_is_not_left_behind(redirect: str, make_script: MakeScript, tmp_path: Path) -> None:
    """脚本结束后还握着管道的孙进程不拖住调用，也不会留下。"""
    pid_file = tmp_path / "pid"
    script = make_script(f'(trap "" TERM HUP; sleep 30) {redirect} & echo $! >"$1"; echo A=1')
    start = time.monotonic()
    outcome = run(script, str(pid_file))
    assert time.monotonic() - start < patience(1.5)
    assert (outcome.exit_code, outcome.stdout, outcome.timed_out) == (0, "A=1\n", False)
    assert settled(pid_file)


def test_a_grandchild_that_left_the_group_does_not_block(make_script: MakeScript, tmp_path: Path) -> None:
    """自立会话的孙进程握着管道时，调用照样按时返回，已有的输出不丢。"""
    pid_file = tmp_path / "pid"
    start = time.monotonic()
    outcome = run(make_script('setsid sleep 30 & echo $! >"$1"; echo A=1; sleep 0.2'), str(pid_file))
    assert time.monotonic() - start < patience(1.5)
    assert (outcome.exit_code, outcome.stdout) == (0, "A=1\n")
    psutil.Process(int(pid_file.read_text())).kill()


def test_a_grandchild_dies_with_the_group_at_the_deadline(make_script: MakeScript, tmp_path: Path) -> None:
    """超时的时候，不理会 TERM 的孙进程也被 KILL。"""
    pid_file = tmp_path / "pid"
    body = '(trap "" TERM; echo $BASHPID >"$1"; while :; do sleep 0.2; done) & sleep 30'
    assert run(make_script(body), str(pid_file), seconds=0.4).timed_out
    assert settled(pid_file)


def test_memory_stays_flat_with_100_megabytes(make_script: MakeScript) -> None:
    """100 MB 的输出读走丢弃：脚本跑完，内存不涨，截断处只留完整的行。"""
    script = make_script(
        'exec 3>&1; head -c 20000000 /dev/zero | tr "\\0" e >&2; yes IP=10.0.0.123 | head -c 100000000; echo END=1'
    )
    run(make_script("echo warm", "warm.sh"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = run(script)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (outcome.exit_code, outcome.stdout_cut) == (0, True)
    *lines, marker = outcome.stdout.splitlines()
    assert set(lines) == {"IP=10.0.0.123"}
    assert marker == "[输出超过 1048576 字节，其余已丢弃]"
    assert len(outcome.stderr) < 70_000
    print(f"120 MB 的输出：留下 {len(outcome.stdout) + len(outcome.stderr)} 字，常驻内存涨了 {grown} KiB")  # noqa: T201  数目要让人看见
    assert grown < 16_384, f"常驻内存涨了 {grown} KiB"


def test_exactly_the_limit_is_not_cut(make_script: MakeScript) -> None:
    """恰好等于上限不算截断，多一个字节才算。"""
    script = make_script('printf "%s" "$1"')
    assert run(script, "A=12", stdout_bytes=4).stdout == "A=12"
    cut = run(script, "A=123", stdout_bytes=4)
    assert (cut.stdout_cut, cut.stdout) == (True, "[输出超过 4 字节，其余已丢弃]\n")


def test_binary_output_is_decoded_with_replacement(make_script: MakeScript) -> None:
    """非 UTF-8 的字节换成替代字符，不抛异常。"""
    assert run(make_script(r"printf 'A=\xff\xfe\0\n'")).stdout == "A=\ufffd\ufffd\0\n"


@pytest.mark.parametrize(("mode", "error"), [(0o644, PermissionError), (None, FileNotFoundError)])
def test_what_cannot_start_raises(
    mode: int | None, error: type[OSError], make_script: MakeScript, tmp_path: Path
) -> None:
    """起不来的程序抛 OSError，不留下文件描述符。"""
    run(make_script("echo", "warm.sh"))
    path = tmp_path / "gone" if mode is None else make_script("echo", mode=mode)
    open_before = psutil.Process().num_fds()
    with pytest.raises(error):
        run(path)
    assert psutil.Process().num_fds() == open_before


def test_nothing_leaks_over_many_runs(make_script: MakeScript) -> None:
    """反复运行不漏文件描述符，也不留僵尸。"""
    script = make_script("echo A=1")
    run(script)
    open_before, children_before = psutil.Process().num_fds(), psutil.Process().children()
    for _ in range(30):
        run(script)
    assert psutil.Process().num_fds() == open_before
    assert psutil.Process().children() == children_before


@pytest.mark.parametrize(
    ("body", "code", "timed_out"),
    [("echo A=1; exit 5", 5, False), ("exec >&- 2>&-; sleep 0.2", 0, False), ("echo A=1; exec sleep 30", -15, True)],
)
def test_an_old_kernel_will_do(
    body: str,
    code: int,
    timed_out: bool,  # noqa: FBT001 —— 参数表里的一列
    make_script: MakeScript,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """内核没有 pidfd（早于 5.3）时，结局相同。"""

    def missing(_pid: int) -> int:
        """老内核的回答。"""
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, "pidfd_open", missing)
    outcome = run(make_script(body), seconds=0.6)
    assert (outcome.exit_code, outcome.timed_out) == (code, timed_out)


async def test_cancelling_leaves_no_process_behind(make_script: MakeScript, tmp_path: Path) -> None:
    """等待中被取消：整个进程组都被结束，文件描述符收回。"""
    pid_file = tmp_path / "pid"
    script = make_script('(trap "" TERM; echo $BASHPID >"$1"; sleep 30) & wait')
    open_before = psutil.Process().num_fds()
    task = asyncio.create_task(run_process([str(script), str(pid_file)], env=ENV, limits=ProcessLimits(20)))
    await until(lambda: pid_file.exists() and pid_file.read_text() != "")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert settled(pid_file)
    assert psutil.Process().num_fds() == open_before


async def test_what_cannot_be_watched_is_not_started(
    make_script: MakeScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """事件循环看不了管道时什么也没有启动：报「没有启动」的，不能已经做了事。"""

    def full(*_: object) -> None:
        """看得太多了。"""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    script = make_script('touch "$1"; sleep 1')
    open_before = psutil.Process().num_fds()
    monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", full)
    with pytest.raises(OSError, match="space"):
        await run_process([str(script), str(tmp_path / "done")], env=ENV, limits=ProcessLimits(5))
    await asyncio.sleep(0.3)
    assert not (tmp_path / "done").exists()
    assert psutil.Process().num_fds() == open_before
