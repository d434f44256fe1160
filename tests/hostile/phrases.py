"""注入的话：数据在 ``data/*.jsonl``，一行一句，形如 ``{"kind", "text"}``。

``said`` 里的话混在请求里也不得起作用；``quoted`` 里的话由操作员亲口说就是真的参数，所以只出现在外来的文字里。
"""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

_DATA: Final = Path(__file__).parent / "data"


def _load(name: str) -> list[str]:
    """读一份数据。"""
    lines = (_DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


SAID: Final = _load("said")
FOREIGN: Final = [*SAID, *_load("quoted")]


def numbered(cases: Sequence[str]) -> list[object]:
    """给每一句一个短而不重复的用例名。"""
    return [pytest.param(text, id=f"{at:02}-{ascii(text)[1:24]}") for at, text in enumerate(cases)]


def visible(text: str) -> bool:
    """没有终端转义、换行、双向控制之类看不见的字符；各种空格不算。"""
    return all(char.isprintable() or unicodedata.category(char) == "Zs" for char in text)
