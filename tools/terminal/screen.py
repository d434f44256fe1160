"""一块屏幕：真的伪终端，屏上看得见的由 pyte 算出来；像人那样看、打字。"""

import os
import pty
import select
import termios
import time
from typing import Any, Final

import pyte

from tests.patience import patience

SECONDS: Final = 30.0
_READ: Final = 65_536


class _Answering(pyte.HistoryScreen):
    """问光标在哪里就答的屏幕。"""

    def __init__(self, columns: int, lines: int, master: int) -> None:
        """答话写回 ``master``。"""
        super().__init__(columns, lines, history=2_000, ratio=0.5)
        self._master = master

    def write_process_input(self, data: str) -> None:
        """把答话送回程序。"""
        os.write(self._master, data.encode())


class Screen:
    """``columns`` 乘 ``lines`` 的一块屏幕。"""

    def __init__(self, columns: int = 100, lines: int = 40) -> None:
        """开一个伪终端。"""
        self.master, self.slave = pty.openpty()
        self.size = (columns, lines)
        termios.tcsetwinsize(self.slave, (lines, columns))
        self._screen = _Answering(columns, lines, self.master)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""

    @property
    def rows(self) -> list[str]:
        """此刻看得见的各行，右边的空格去掉。"""
        return [line.rstrip() for line in self._screen.display]

    @property
    def shown(self) -> str:
        """此刻看得见的，空行去掉。"""
        return "\n".join(line for line in self.rows if line)

    @property
    def everything(self) -> str:
        """滚过去的连同看得见的。"""
        past = ["".join(row[at].data for at in range(self.size[0])).rstrip() for row in self._screen.history.top]
        return "\n".join([*past, *self.rows])

    def seen(self, words: str) -> int:
        """``words`` 到此刻显示过几处，滚过去的也算，折行的也算。"""
        return self.everything.replace("\n", "").replace(" ", "").count(words.replace(" ", ""))

    def wait(self, words: str, *, beyond: int = 0, seconds: float = SECONDS) -> None:
        """等到显示过的 ``words`` 多于 ``beyond`` 处。"""
        deadline = time.monotonic() + patience(seconds)
        while self.seen(words) <= beyond:
            if time.monotonic() > deadline:
                raise AssertionError(f"等不到 {words!r}：\n{self.shown}")
            self.pump()

    def gone(self, words: str, *, seconds: float = SECONDS) -> None:
        """等到屏上看不见 ``words`` 了。"""
        deadline = time.monotonic() + patience(seconds)
        while words in self.shown:
            if time.monotonic() > deadline:
                raise AssertionError(f"{words!r} 一直在：\n{self.shown}")
            self.pump()

    def pump(self, seconds: float = 0.1) -> None:
        """收下程序写的。"""
        if select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, _READ)
            self.raw += data
            self._stream.feed(data)

    def settle(self, seconds: float = 0.4) -> None:
        """再看一会儿。"""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.pump(0.05)

    def type(self, text: str) -> None:
        """打字；换行就是回车。"""
        os.write(self.master, text.replace("\n", "\r").encode())

    def paste(self, text: str) -> None:
        """粘贴（终端的括号粘贴）。"""
        os.write(self.master, b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def finish(self, job: Any) -> Any:
        """读到命令结束。"""
        while not job.ended():
            self.pump(0.05)
        return job.wait()

    def close(self) -> None:
        """关掉。"""
        for end in (self.master, self.slave):
            os.close(end)
