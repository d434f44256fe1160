"""docs/contract.md 写着的：代码里的三张表与它互相核对，契约里的因此不必在测试里再抄一遍。"""

import re
from typing import Final

from tools.source import PROJECT

_TEXT: Final[str] = (PROJECT / "docs" / "contract.md").read_text(encoding="utf-8")
CONTRACT: Final[dict[int, str]] = {
    int(number): body for number, body in re.findall(r"^## (\d+)\. .*\n((?:(?!^## ).*\n)*)", _TEXT, re.MULTILINE)
}
"""节号到那一节的文字。"""


def line_of(section: int, start: str) -> str:
    """一节里以 ``start`` 开头的那一行。"""
    return next(line for line in CONTRACT[section].splitlines() if line.startswith(start))


def named(text: str) -> list[str]:
    """一段文字里反引号写着的名字，次序照写的。"""
    return re.findall(r"`([\w-]+)`", text)
