"""``--help`` 的版面说中文：版式归 typer，其中固定的几个词在这里换。"""

import contextlib
import io
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

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
    """把一页帮助里固定的英文换成中文。"""
    for pattern, word in _WORDS:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


class Group(TyperGroup):
    """一组命令。"""

    def get_help(self, ctx: Any) -> str:
        """返回它的帮助。"""
        return in_chinese(super().get_help(ctx))


class Command(TyperCommand):
    """一个命令。"""

    def get_help(self, ctx: Any) -> str:
        """返回它的帮助。"""
        return in_chinese(super().get_help(ctx))


@contextlib.contextmanager
def completion_in_chinese(argv: Sequence[str]) -> Iterator[None]:
    """``--install-completion`` 装好之后说的两句英文换成中文；别的命令照旧。"""
    if "--install-completion" not in argv:
        yield
        return
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            yield
    finally:
        told = re.sub(r"(\w+) completion installed in (.*)", r"\1 的补全装在 \2", said.getvalue())
        sys.stdout.write(re.sub(r"Completion will take effect.*", "新开一个终端就能用。", told))
