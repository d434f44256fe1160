"""没有活动屏幕时的键盘与屏幕：一行一行地读与写，不用控制码；推出途中不读键盘。"""

import contextlib
import importlib
import locale
import os
import queue
import select
import sys
import termios
import time
from collections.abc import Callable, Iterator
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.masking import mask
from pam_deploy_graph.system.terminal import put

_FIRST_BEAT, _NEXT_BEAT = 10.0, 30.0
_TICK: Final = 1.0


class PlainFace:
    """一行一行的；``line`` 给出此刻的进度，许久没有消息就用 ``say`` 写一行。"""

    def __init__(self, line: Callable[[], str], say: Callable[[str], None]) -> None:
        """还没有在等什么。"""
        self._line, self._say = line, say
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._beat_at = time.monotonic() + _FIRST_BEAT

    def wake(self) -> None:
        """从别的线程或信号处理里叫醒 ``attend``。"""
        self._woken.put(None)

    def heard(self) -> None:
        """刚有消息：静默从这里算起。"""
        self._beat_at = time.monotonic() + _FIRST_BEAT

    def attend(self, _prompt: str) -> str | None:
        """等到被叫醒，其间每隔一阵写一行进度；总是返回 ``None``。"""
        while True:
            with contextlib.suppress(queue.Empty):
                return self._woken.get(timeout=_TICK)
            if time.monotonic() >= self._beat_at and (line := self._line()):
                self._beat_at = time.monotonic() + _NEXT_BEAT
                self._say(line)

    def read(self, prompt: str, *, draft: str = "", fresh: bool = False) -> str | None:
        """读一行，遮过秘密；粘贴来的几行并成一行，Ctrl-D、Ctrl-C 为 ``None``。

        Args:
            prompt: 提示。
            draft: 先前打好、要人核对的；这里只能显示。
            fresh: 只收问题显示之后打的字：提前打的、粘贴剩下的摆出来，不当作对还没有看到的问题的回答。

        """
        ahead = " ".join(filter(None, [draft, _typed_ahead() if fresh else ""]))
        if ahead:
            self._say(tr("问题出现之前打的「{ahead}」没有算作回答；要算数请再打一遍。", ahead=ahead))
        shown = prompt if sys.stdout.isatty() else ""
        if not shown:  # 标准输出另有用处，提示写到标准错误
            put(prompt, err=True, end="")
        _prepare_terminal()
        try:
            return mask(" ".join(input(shown).split("\n")).strip())
        except (EOFError, KeyboardInterrupt, OSError):  # OSError：终端没有了
            if shown:
                put("", err=True)
            return None
        finally:
            self.heard()  # 等人打字不是静默


def _typed_ahead() -> str:
    """终端里已经在等的，还没有回车的半行也算；不是终端的没有。只读不清空：清空会丢掉恰好这一刻打的。"""
    if not sys.stdin.isatty():
        return ""
    keyboard = sys.stdin.fileno()
    found = b""
    with _unbuffered(keyboard):
        while select.select([keyboard], [], [], 0)[0] and (piece := os.read(keyboard, 65_536)):
            found += piece
    return mask(" ".join(found.decode(errors="replace").split()))


@contextlib.contextmanager
def _unbuffered(terminal: int) -> Iterator[None]:
    """其间半行也读得到；设不了的终端照旧。"""
    try:
        before = termios.tcgetattr(terminal)
        termios.tcsetattr(terminal, termios.TCSANOW, [*before[:3], before[3] & ~termios.ICANON, *before[4:]])
    except termios.error:
        yield
        return
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


def _prepare_terminal() -> None:
    """在终端里：能编辑这一行、翻出先前打过的。别的区域设置里，readline 会去掉汉字每个字节的最高位。"""
    if sys.stdin.isatty() and locale.nl_langinfo(locale.CODESET) == "UTF-8":
        with contextlib.suppress(ImportError):
            importlib.import_module("readline")
