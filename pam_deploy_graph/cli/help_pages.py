"""``--help`` 的版面：版式归 typer，其中固定的几个词、各命令与选项的说明照此刻的语言。"""

import contextlib
import copy
import functools
import io
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from pam_deploy_graph.i18n import LANGUAGES, ZH, language, tr
from pam_deploy_graph.system.terminal import put

_WORDS: Final = (
    (r"^Usage:", "用法:"),
    (r"^Options:", "选项:"),
    (r"^Arguments:", "参数:"),
    (r"^Commands:", "命令:"),
    (r"\[OPTIONS\]", "[选项]"),
    (r"COMMAND \[ARGS\]\.\.\.", "命令 [参数]..."),
    (r"Show this message and exit\.", "显示这段帮助。"),
    (r"Install completion for the current\s+shell\.", "给当前的 shell 装上 Tab 补全。"),
    (
        r"Show completion for the current\s+shell,\s+to copy\s+it\s+or\s+customize\s+the\s+installation\.",
        "写出补全的脚本。",
    ),
    (r"\[required\]", "[必填]"),
    (r"\[default: ", "[默认: "),
)


def in_chinese(text: str) -> str:
    """说中文时，把一页帮助里固定的英文换成中文。"""
    if language() != ZH:
        return text
    for pattern, word in _WORDS:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


def _known(_context: typer.Context, value: str) -> str:
    """认得的语言；它在命令开始之前就用上了（``i18n.asked_for``），这里只核对。"""
    if value and value not in LANGUAGES:
        raise typer.BadParameter(f"'{value}' is not one of {', '.join(map(repr, LANGUAGES))}")
    return value


LANG = Annotated[
    str,
    typer.Option(
        "--lang",
        help="用哪种语言说：zh 或 en；不给就照区域设置。",
        metavar="|".join(LANGUAGES),
        show_default=False,
        expose_value=False,
        callback=_known,
    ),
]


@functools.cache
def _lang_option() -> Any:
    """``--lang``，由 typer 自己做好的样子。"""

    def taking(lang: LANG = "") -> None:
        """只为有这个选项。"""

    holder = typer.Typer(add_completion=False)
    holder.command()(taking)
    return get_command(holder).params[0]


def _speak(command: Any) -> None:
    """给一个命令加上 ``--lang``，说明换成此刻的语言。"""
    command.params.append(copy.copy(_lang_option()))
    for told in (command, *command.params):
        told.help = tr(getattr(told, "help", None) or "")


class Group(TyperGroup):
    """一组命令。"""

    def __init__(self, **given: Any) -> None:
        """照此刻的语言建起来。"""
        super().__init__(**given)
        _speak(self)

    def get_help(self, ctx: Any) -> str:
        """返回它的帮助。"""
        return in_chinese(super().get_help(ctx))


class Command(TyperCommand):
    """一个命令。"""

    def __init__(self, *given: Any, **more: Any) -> None:
        """照此刻的语言建起来。"""
        super().__init__(*given, **more)
        _speak(self)

    def get_help(self, ctx: Any) -> str:
        """返回它的帮助。"""
        return in_chinese(super().get_help(ctx))


@contextlib.contextmanager
def completion_in_chinese(argv: Sequence[str]) -> Iterator[None]:
    """``--install-completion`` 装好之后说的两句英文换成中文；别的命令照旧。"""
    if "--install-completion" not in argv or language() != ZH:
        yield
        return
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            yield
    finally:
        told = re.sub(r"(\w+) completion installed in (.*)", r"\1 的补全装在 \2", said.getvalue())
        put(re.sub(r"Completion will take effect.*", "新开一个终端就能用。", told), end="")
