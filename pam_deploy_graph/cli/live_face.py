"""活动屏幕：最下面是提示与一行进度，运行的输出在它上面；键盘一直听着（prompt_toolkit）。"""

import contextlib
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input.typeahead import get_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output.defaults import create_output
from prompt_toolkit.utils import get_cwidth

from pam_deploy_graph.cli.above import AbovePrompt
from pam_deploy_graph.cli.completion import WordsNow
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.system.masking import mask
from pam_deploy_graph.system.private_files import private_folder, refuse_planted
from pam_deploy_graph.system.terminal import put

_WOKEN: Final = "\0woken"
_EARLY: Final = msgid("这是问题出现之前打的；核对之后再按一次回车，才算回答。")


class LiveFace:
    """键盘与屏幕都在它手里；``line`` 给出此刻的进度，``words`` 给出此刻可以说的话。"""

    def __init__(self, home: Path, line: Callable[[], str], words: Callable[[], list[str]]) -> None:
        """还没有占屏幕；``home`` 的 ``runtime/`` 里留着打过的话。"""
        self._line, self._home, self._words = line, home, words
        self._woken = self._early = False
        self._draft = ""

    @contextlib.contextmanager
    def on_screen(self) -> Iterator[None]:
        """占住屏幕：标准错误（与同在终端的标准输出）都写在提示上面，离开时还原。"""
        before = sys.stdout, sys.stderr
        self._session: PromptSession[str] = PromptSession(
            output=create_output(stdout=before[1]),
            history=_history(self._home),
            completer=WordsNow(self._words),
            complete_while_typing=False,
            bottom_toolbar=self._toolbar,
            key_bindings=self._keys(),
            refresh_interval=1.0,
            reserve_space_for_menu=0,
        )
        sys.stderr = AbovePrompt(self._session.app, before[1])
        if before[0].isatty():
            sys.stdout = sys.stderr
        try:
            yield
        finally:
            sys.stderr.flush()
            sys.stdout, sys.stderr = before

    def wake(self) -> None:
        """从别的线程或信号处理里叫醒正在读的。"""
        self._woken = True
        app = self._session.app
        if app.loop is not None and app.is_running:
            with contextlib.suppress(RuntimeError):  # 循环恰好关了：它自己已经醒了
                app.loop.call_soon_threadsafe(self._leave)

    def heard(self) -> None:
        """刚有消息：进度一直在眼前，不必另写。"""

    def attend(self, prompt: str) -> str | None:
        """推出途中听着键盘；被叫醒为 ``None``，打到一半的字留着。

        Raises:
            KeyboardInterrupt: 按了 Ctrl-C。
            EOFError: 按了 Ctrl-D，或终端没有了。

        """
        text = self._prompt(prompt, self._draft)
        return None if text == _WOKEN else text

    def read(self, prompt: str, *, draft: str = "", fresh: bool = False) -> str | None:
        """读一句，遮过秘密；粘贴来的几行是一句，Ctrl-D、Ctrl-C 为 ``None``。

        Args:
            prompt: 提示。
            draft: 先前打好、要人核对的，摆在提示后面。
            fresh: 问题刚刚显示：此前打到一半的字留着，但头一次回车不算回答。

        """
        ahead = "".join(key.data for key in get_typeahead(self._session.input)) if fresh else ""
        begun = (self._draft + ahead.replace("\r", "\n")).strip()
        self._early = fresh and bool(begun)
        self._woken = False
        try:
            found = self._prompt(prompt, begun or draft)
        except (EOFError, KeyboardInterrupt, OSError, termios.error):  # 后两个：终端没有了
            return None
        else:
            return None if found == _WOKEN else found
        finally:
            self._early = False

    def _prompt(self, prompt: str, draft: str) -> str:
        """读一句。"""
        self._draft = ""
        self._session.app.erase_when_done = False
        found = self._session.prompt(prompt, default=draft, pre_run=self._leave, handle_sigint=False)
        return found if found == _WOKEN else mask("\n".join(line.strip() for line in found.strip().splitlines()))

    def _leave(self) -> None:
        """被叫醒了就离开提示，打到一半的字留给下一个。"""
        app = self._session.app
        if not self._woken or app.future is None or app.future.done():
            return
        self._woken, app.erase_when_done = False, True
        self._draft = self._session.default_buffer.text
        app.exit(result=_WOKEN)

    def _toolbar(self) -> Any:
        """最下面的进度；窄的终端里折成几行，不截断。"""
        line = self._line()
        width = self._session.app.output.get_size().columns
        return FormattedText([("", fold(line, width))]) if line else None

    def _keys(self) -> KeyBindings:
        """回车：问题出现之前打的，头一次不算。"""
        keys = KeyBindings()

        @keys.add("enter", filter=Condition(lambda: self._early))
        def _not_yet(event: KeyPressEvent) -> None:
            """先请人核对。"""
            self._early = False
            if event.current_buffer.text:
                put(tr(_EARLY), err=True)

        @keys.add("c-c")
        def _interrupt(event: KeyPressEvent) -> None:
            """打到一半的字留着。"""
            self._draft = event.current_buffer.text
            event.app.erase_when_done = True
            event.app.exit(exception=KeyboardInterrupt())

        return keys


class _Masked(FileHistory):
    """打过的话，遮过秘密才写进文件。"""

    def store_string(self, string: str) -> None:
        """写下一句；写不成（磁盘满了）就只在本次记得。"""
        with contextlib.suppress(OSError):
            super().store_string(mask(string))


def _history(home: Path) -> History:
    """``home`` 里打过的话，文件 0600；那里建不了、是别人放的，就只在本次记得。"""
    path = home / "runtime" / "history"
    try:
        refuse_planted(path)
        private_folder(path.parent)
        path.touch(0o600)
    except OSError:
        return InMemoryHistory()
    return _Masked(path)


def fold(line: str, width: int) -> str:
    """把一行进度在 `` · `` 处折成几行，每行不宽于 ``width`` 格。"""
    lines: list[str] = []
    for part in line.split(" · "):
        joined = f"{lines[-1]} · {part}" if lines else part
        if lines and get_cwidth(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return "\n".join(lines)
