"""在时限与输出上限之内运行一个进程，结束后不留下任何子进程（依据 faults 的 script 一族）。

进程自成一组：到时限先 TERM 全组，一秒后 KILL 全组；组长结束之后，组里剩下的也一律 KILL。
输出边读边截，超出的读走丢弃，所以内存不随输出增长，对方也不会堵在写管道上。
只用于 POSIX。
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

_CHUNK: Final = 65_536
_POLL_SECONDS: Final = 0.1
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

    ``exit_code`` 为负表示被该信号结束，``None`` 表示 KILL 之后仍未能收回。
    ``stdout_cut`` 为真时 ``stdout`` 只有上限之内的完整行，末尾有一行说明。
    """

    exit_code: int | None
    stdout: str
    stderr: str
    timed_out: bool
    stdout_cut: bool


class _Capture:
    """一根管道的输出：上限之内留下，之外丢弃。"""

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        """接管管道的读端。"""
        self.pipe = pipe
        self.cut = False
        self._limit = limit
        self._kept = bytearray()

    def read(self) -> bool:
        """读一块；返回管道是否还开着。"""
        chunk = os.read(self.pipe.fileno(), _CHUNK)
        room = self._limit - len(self._kept)
        self._kept += chunk[:room]
        self.cut = self.cut or len(chunk) > room
        return bool(chunk)

    def text(self) -> str:
        """解码；截断过的只留完整的行，免得半行被当成一个值。"""
        if not self.cut:
            return self._kept.decode("utf-8", "replace")
        whole = self._kept[: self._kept.rfind(b"\n") + 1]
        return whole.decode("utf-8", "replace") + f"[输出超过 {self._limit} 字节，其余已丢弃]\n"


class _Supervisor:
    """看着一个进程：读它的输出，等它结束。"""

    def __init__(self, process: subprocess.Popen[bytes], captures: Sequence[_Capture]) -> None:
        """登记各根管道。"""
        self._process = process
        self._selector = selectors.PollSelector()  # 不占文件描述符，进程启动之后不会再因此出错
        for capture in captures:
            self._selector.register(capture.pipe, selectors.EVENT_READ, capture)

    def run(self, limits: ProcessLimits) -> bool:
        """看到进程结束为止，最迟在时限之后 TERM、KILL；返回是否超时。"""
        start = time.monotonic()
        with self._selector:
            try:
                timed_out = not self._watch(start + limits.seconds)
                if timed_out:
                    self._signal(signal.SIGTERM)
                    self._watch(start + limits.seconds + limits.term_grace)
            finally:
                # 组长还没有收尸，它的进程号不会被别人占用，这一下只打到自己的组。
                self._signal(signal.SIGKILL)
            self._drain(time.monotonic() + _DRAIN_SECONDS)
        return timed_out

    def _watch(self, until: float) -> bool:
        """读输出并等待，直到进程结束（真）或到点（假）。"""
        pause = 0.0005
        while not self._ended():
            left = until - time.monotonic()
            if left <= 0:
                return False
            if self._selector.get_map():
                # 孙进程可能握着管道不放，所以隔一会儿就看看进程本身是否已经结束。
                self._read_ready(min(left, _POLL_SECONDS))
            else:
                time.sleep(min(left, pause))
                pause = min(pause * 2, _POLL_SECONDS)
        return True

    def _drain(self, until: float) -> None:
        """把管道里剩下的读完；逃出进程组的孙进程握着管道时，到点就不再等。"""
        while self._selector.get_map() and (left := until - time.monotonic()) > 0:
            self._read_ready(left)

    def _read_ready(self, timeout: float) -> None:
        """等一次可读，各读一块；读到头的管道注销。"""
        for key, _ in self._selector.select(timeout):
            if not key.data.read():
                self._selector.unregister(key.fileobj)

    def _ended(self) -> bool:
        """进程是否已经结束；只看，不收尸。"""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def _signal(self, number: signal.Signals) -> None:
        """给整个进程组发信号。"""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def run_process(
    argv: Sequence[str], *, env: Mapping[str, str], limits: ProcessLimits, cwd: str | None = None
) -> ProcessOutcome:
    """运行一个进程并等它结束，最迟在 ``limits.seconds + 2`` 秒之后返回。

    Args:
        argv: 程序与参数；从不经过 shell，标准输入是 ``/dev/null``。
        env: 进程的全部环境变量。
        limits: 时限与输出上限。
        cwd: 工作目录，默认当前目录。

    Returns:
        结局与（可能截断的）输出；非 UTF-8 的字节换成 U+FFFD。

    Raises:
        OSError: 程序不存在、没有权限或格式不对，进程没有启动。

    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
        bufsize=0,
    )
    assert process.stdout  # noqa: S101 —— 上面要了 PIPE，这里只为类型检查
    assert process.stderr  # noqa: S101 —— 同上
    with process.stdout, process.stderr:
        stdout = _Capture(process.stdout, limits.stdout_bytes)
        stderr = _Capture(process.stderr, limits.stderr_bytes)
        try:
            timed_out = _Supervisor(process, (stdout, stderr)).run(limits)
        finally:
            exit_code = _reap(process)
    return ProcessOutcome(exit_code, stdout.text(), stderr.text(), timed_out, stdout.cut)


def _reap(process: subprocess.Popen[bytes]) -> int | None:
    """收回退出码；KILL 之后仍卡在内核里的不再等。"""
    try:
        return process.wait(timeout=_DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        return None
