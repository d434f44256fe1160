"""写在提示上面的字：提示在的时候先收起它，写完再画出来；哪个线程写的都行。"""

import io
import threading
from typing import Any, TextIO

from prompt_toolkit.application import run_in_terminal


class AbovePrompt(io.TextIOBase):
    """代替标准输出与标准错误的流；``app`` 是正占着屏幕的，``stream`` 是真的那一个。"""

    def __init__(self, app: Any, stream: TextIO) -> None:
        """攒满一行才写。"""
        self._app, self._stream = app, stream
        self._lock = threading.Lock()
        self._held = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # 基类写成了可改的
        """真的那一个的编码。"""
        return self._stream.encoding

    def isatty(self) -> bool:
        """真的那一个是不是终端。"""
        return self._stream.isatty()

    def fileno(self) -> int:
        """真的那一个的号。"""
        return self._stream.fileno()

    def writable(self) -> bool:
        """写得。"""
        return True

    def write(self, text: str) -> int:
        """写；整行的立刻送出。"""
        with self._lock:
            whole, newline, self._held = (self._held + text).rpartition("\n")
            if newline:
                self._put(whole + newline)
        return len(text)

    def flush(self) -> None:
        """送出还没有满一行的。"""
        with self._lock:
            held, self._held = self._held, ""
            if held:
                self._put(held)

    def _put(self, text: str) -> None:
        """交给占着屏幕的那个循环；没有人占着就直接写。"""
        loop = self._app.loop
        if loop is None or not self._app.is_running:
            return self._straight(text)
        try:
            loop.call_soon_threadsafe(self._above, text)
        except RuntimeError:  # 循环恰好关了
            self._straight(text)
        return None

    def _above(self, text: str) -> None:
        """收起提示，写，再画出来。"""
        if self._app.is_running:
            run_in_terminal(lambda: self._straight(text))
        else:
            self._straight(text)

    def _straight(self, text: str) -> None:
        """写到真的那一个；终端没有了，会有信号来说。"""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            return
