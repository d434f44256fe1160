"""竖线隔开的表格：一格上面的表头是什么（依据 contract 第 4 节）。"""

import re
from typing import Final

_RULE: Final = re.compile(r"[\s|:-]*")
_VALUE: Final = re.compile(r"\d\.\d")


def column_heading(text: str, place: int) -> str:
    """一处所在的那一列的表头；不在表格里、没有表头的为空串。"""
    start = text.rfind("\n", 0, place) + 1
    if "|" not in text[start : text.find("\n", place) % (len(text) + 1)]:
        return ""
    number = text.count("|", start, place)
    heading = ""
    for line in reversed(text[:start].split("\n")[:-1]):
        if "|" not in line:
            break
        if not _RULE.fullmatch(line) and not _VALUE.search(line):
            heading = line
    cells = heading.split("|")
    return cells[number].strip() if number < len(cells) else ""
