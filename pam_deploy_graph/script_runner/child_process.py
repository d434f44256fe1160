"""在时限与输出上限之内运行一个进程，结束后不留下任何子进程（依据 faults「script」）。

进程自成一组：到时限先 TERM 全组，一秒后 KILL 全组；组长结束之后，组里剩下的也一律 KILL。
输出边读边截，超出的读走丢弃，所以内存不随输出增长，对方也不会堵在写管道上。
管道与进程的结束都由调用者的 asyncio 事件循环看着：没有线程，也不轮询。
只用于 POSIX。
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Self

from pam_deploy_graph.i18n import tr

_CHUNK: Final = 65_536
_POLL_SECONDS: Final = 0.02
_DRAIN_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """一个进程的限度：``seconds`` 与 ``term_grace`` 为秒，其余为字节。"""

    seconds: float
    stdout_bytes: int = 1_048_576
    stderr_bytes: int = 65_536
    term_grace: float = 1.0


@dataclass(frozen=True, slots=True)
class ProcessOutcome:
    """进程的结局。

    ``exit_code`` 为负表示被该信号结束，``None`` 表示 KILL 之后仍未能收回；
    ``code_lost`` 为真时它不作数：宿主忽略 SIGCHLD（或自己收走了子进程），退出码谁也读不到。
    ``stdout_cut`` 为真时 ``stdout`` 只有上限之内的完整行，末尾有一行说明。
    """

    exit_code: int | None
    stdout: str
    stderr: str
    timed_out: bool
    stdout_cut: bool
    code_lost: bool = False


async def run_process(argv: Sequence[str], *, env: Mapping[str, str], limits: ProcessLimits) -> ProcessOutcome:
    """运行一个进程并等它结束，最迟在 ``limits.seconds + 2`` 秒之后返回；被取消时 KILL 整个进程组。

    Args:
        argv: 程序与参数；从不经过 shell，标准输入是 ``/dev/null``。
        env: 进程的全部环境变量。
        limits: 时限与输出上限。

    Returns:
        结局与（可能截断的）输出；非 UTF-8 的字节换成 U+FFFD。

    Raises:
        OSError: 程序不存在、没有权限或格式不对，进程没有启动。

    """
    loop = asyncio.get_running_loop()
    with _Capture(loop, limits.stdout_bytes) as stdout, _Capture(loop, limits.stderr_bytes) as stderr:
        process = _start(argv, env, stdout, stderr)
        try:
            timed_out = await _supervise(process.pid, limits)
            # 逃出进程组的孙进程可能握着管道：剩下的只再等这一会儿。
            await _within(_DRAIN_SECONDS, stdout.ended, stderr.ended)
        finally:
            code_lost = _was_taken(process.pid)
            exit_code = _reap(process)
    return ProcessOutcome(exit_code, stdout.text(), stderr.text(), timed_out, stdout.cut, code_lost)


class _Capture:
    """一根管道的输出：事件循环看着读端，上限之内留下，之外丢弃。"""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        """建好管道；``writer`` 是交给子进程的写端。"""
        self.cut = False
        self.ended: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._limit = limit
        self._kept = bytearray()
        self._reader, self.writer = os.pipe()

    def __enter__(self) -> Self:
        """离开时关上还开着的两端。"""
        return self

    def __exit__(self, *_: object) -> None:
        """关上还开着的两端。"""
        self.close_writer()
        self._close_reader()

    def listen(self) -> None:
        """开始看读端；写端还在自己手里，不会读到头。"""
        self._loop.add_reader(self._reader, self._read)

    def _read(self) -> None:
        """读一块；读到头就关上。"""
        chunk = os.read(self._reader, _CHUNK)
        room = self._limit - len(self._kept)
        self._kept += chunk[:room]
        self.cut = self.cut or len(chunk) > room
        if not chunk:
            self._close_reader()
            self.ended.set_result(None)

    def close_writer(self) -> None:
        """关上自己的写端：子进程已经有了它那一份，或者没有启动。"""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def _close_reader(self) -> None:
        """关上读端，不再看它。"""
        if self._reader >= 0:
            self._loop.remove_reader(self._reader)
            os.close(self._reader)
            self._reader = -1

    def text(self) -> str:
        """解码；截断过的只留完整的行，免得半行被当成一个值。"""
        if not self.cut:
            return self._kept.decode("utf-8", "replace")
        whole = self._kept[: self._kept.rfind(b"\n") + 1]
        return whole.decode("utf-8", "replace") + tr("[输出超过 {limit} 字节，其余已丢弃]\n", limit=self._limit)


def _start(argv: Sequence[str], env: Mapping[str, str], stdout: _Capture, stderr: _Capture) -> subprocess.Popen[bytes]:
    """启动进程，读它的输出；先看好管道再启动，看不了的就没有启动过。"""
    stdout.listen()
    stderr.listen()
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=stdout.writer, stderr=stderr.writer, env=env, start_new_session=True
    )
    stdout.close_writer()
    stderr.close_writer()
    return process


async def _supervise(pid: int, limits: ProcessLimits) -> bool:
    """等进程结束，到时限就 TERM、KILL；返回是否超时。"""
    with _exit_of(pid) as ended:
        try:
            timed_out = not await _within(limits.seconds, ended)
            if timed_out:
                _signal_group(pid, signal.SIGTERM)
                await _within(limits.term_grace, ended)
        finally:
            # 组长还没有收尸，它的进程号不会被别人占用，这一下只打到自己的组。
            _signal_group(pid, signal.SIGKILL)
        await _within(_DRAIN_SECONDS, ended)
    return timed_out


async def _within(seconds: float, *events: asyncio.Future[None]) -> bool:
    """几件事都发生了为真，到点为假。"""
    waiting = [event for event in events if not event.done()]
    return not waiting or not (await asyncio.wait(waiting, timeout=seconds))[1]


@contextmanager
def _exit_of(pid: int) -> Iterator[asyncio.Future[None]]:
    """给出在进程结束时完成的 future；只看，不收尸。"""
    with ExitStack() as stack:
        try:
            ended = _watch(pid, stack)
        except (AttributeError, OSError):  # 不是 Linux、内核早于 5.3，或者描述符用完了
            ended = asyncio.get_running_loop().create_task(_poll_exit(pid))
            stack.callback(ended.cancel)
        yield ended


def _watch(pid: int, stack: ExitStack) -> asyncio.Future[None]:
    """由事件循环看着进程的描述符。"""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    fd = os.pidfd_open(pid)
    stack.callback(os.close, fd)
    loop.add_reader(fd, _settle, ended)
    stack.callback(loop.remove_reader, fd)
    return ended


def _settle(ended: asyncio.Future[None]) -> None:
    """进程结束了；在不再看它之前，事件循环每一圈都会来说一次。"""
    if not ended.done():
        ended.set_result(None)


async def _poll_exit(pid: int) -> None:
    """隔一会儿看一眼，直到进程结束。"""
    while not _has_ended(pid):  # noqa: ASYNC110 —— 没有 pidfd，就没有谁来通知
        await asyncio.sleep(_POLL_SECONDS)


def _has_ended(pid: int) -> bool:
    """进程是否已经结束；只看，不收尸。宿主不理会 SIGCHLD 的，内核已经收走了。"""
    return _was_taken(pid) or os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _was_taken(pid: int) -> bool:
    """结束了的进程是不是已经被内核或宿主收走，连同退出码；``Popen`` 那时会说它是 0。"""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _signal_group(pid: int, number: signal.Signals) -> None:
    """给整个进程组发信号。"""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _reap(process: subprocess.Popen[bytes]) -> int | None:
    """收回退出码；KILL 之后仍卡在内核里的不再等。"""
    try:
        return process.wait(timeout=_DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        return None
