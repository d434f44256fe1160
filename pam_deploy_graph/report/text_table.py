"""给终端看的表：各列照看得见的宽度对齐，汉字算两格（纯函数）。"""

from collections.abc import Sequence
from typing import Final
from unicodedata import combining, east_asian_width

_GAP: Final = "  "


def width_of(text: str) -> int:
    """一段文字在终端里占几格。"""
    return sum(0 if combining(each) else 1 + (east_asian_width(each) in "WF") for each in text)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """返回一行行对齐的字，行末没有空白。

    Args:
        rows: 各行的格子，格数相同，头一行通常是列名。

    """
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
