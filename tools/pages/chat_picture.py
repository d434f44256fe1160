"""对话的画面：从 ``docs/chat_example.md`` 照抄几行，画成终端的样子（SVG）；不引用外面的字体与图片。"""

import re
from html import escape
from typing import Final

from prompt_toolkit.utils import get_cwidth

from tools.documents import blocks
from tools.source import PROJECT

PAGE: Final = "docs/chat_example.md"
_KEPT: Final = (
    (1, ""),
    (2, ""),
    (2, "还缺"),
    (3, ""),
    (3, "把机场"),
    (3, "  - "),
    (3, "- 节奏: "),
    (4, ""),
    (4, "改动: "),
    (5, ""),
    (5, "[1/7]"),
    (5, "灰度正常"),
    (5, "10.0.0.5 在"),
    (5, "  可能的原因"),
    (7, ""),
    (7, "10.0.0.5 已回滚"),
    (7, "[6/7]"),
    (7, "结果"),
)
"""画面里留哪些行：第几个代码块，以什么开头（空串是第一行，即操作员打的字）；略去的地方画一个省略号。"""
_COLOURS: Final = (
    (r"^[^>]{0,40}> ", "#7dcfff"),
    (r"还缺|是否回滚", "#e0af68"),
    (r"完成$|已回滚$|灰度正常", "#9ece6a"),
    (r"^…$", "#565f89"),
)
_PLAIN: Final = "#c0caf5"
_COLUMNS: Final = 100
_CELL, _LINE, _MARGIN = 7.8, 20, 18
_RUN: Final = re.compile(r"[\x00-\xff]+|[^\x00-\xff]+")


def render() -> str:
    """返回 SVG。

    Raises:
        ValueError: 对话的例子里没有要照抄的那一行。

    """
    lines = [(part, _colour(line)) for line in _lines() for part in _wrapped(line)]
    width, height = _COLUMNS * _CELL + 2 * _MARGIN, len(lines) * _LINE + 2 * _MARGIN
    rows = [_row(line, colour, _MARGIN + (number + 0.75) * _LINE) for number, (line, colour) in enumerate(lines)]
    fonts = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', 'PingFang SC', monospace"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
            "<title>一段对话：补问、计划、改计划、批准、失败一台、回滚、结果</title>",
            f'<rect width="{width:g}" height="{height:g}" rx="8" fill="#1a1b26"/>',
            f'<g font-family="{fonts}" font-size="13" xml:space="preserve">',
            *rows,
            "</g>",
            "</svg>",
        ]
    )


def _lines() -> list[str]:
    """画面的各行，除省略号外都逐字来自对话的例子。"""
    found = blocks(PAGE, (PROJECT / PAGE).read_text(encoding="utf-8"))
    spoken = [(number, line) for number, block in enumerate(found) for line in block.text.splitlines() if line]
    shown: list[str] = []
    last = _find(spoken, *_KEPT[0]) - 1
    for number, start in _KEPT:
        at = _find(spoken, number, start)
        shown += ["…", spoken[at][1]] if at > last + 1 else [spoken[at][1]]
        last = at
    return shown


def _find(spoken: list[tuple[int, str]], number: int, start: str) -> int:
    """第几行是第 ``number`` 幕里以 ``start`` 开头的。

    Raises:
        ValueError: 没有。

    """
    for at, (block, line) in enumerate(spoken):
        if block == number and line.startswith(start):
            return at
    raise ValueError(f"{PAGE} 的第 {number} 幕没有以 {start} 开头的行；请改 tools/pages/chat_picture.py")


def _wrapped(line: str) -> list[str]:
    """折到画面的宽度；后面的行缩进两格。"""
    for at in range(len(line)):
        if get_cwidth(line[: at + 1]) > _COLUMNS:
            return [line[:at], *_wrapped(f"  {line[at:]}")]
    return [line]


def _colour(line: str) -> str:
    """一行的颜色。"""
    return next((colour for pattern, colour in _COLOURS if re.search(pattern, line)), _PLAIN)


def _row(line: str, colour: str, y: float) -> str:
    """一行：一段一段按格子定位，中英文混排也对得齐。"""
    spans, at = [], 0
    for run in _RUN.findall(line):
        x, length = _MARGIN + at * _CELL, get_cwidth(run) * _CELL
        spans.append(f'<tspan x="{x:g}" textLength="{length:g}">{escape(run)}</tspan>')
        at += get_cwidth(run)
    return f'<text y="{y:g}" fill="{colour}">{"".join(spans)}</text>'
