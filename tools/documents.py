"""文档：列出仓库里的 Markdown，取出其中的代码块；各检查与测试共用。"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.source import tracked_files

_FENCE: Final = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """一个代码块：``kind`` 是栅栏后面的字，``line`` 是正文第一行的行号。"""

    page: str
    line: int
    kind: str
    text: str

    @property
    def where(self) -> str:
        """形如 ``路径:行号``。"""
        return f"{self.page}:{self.line}"


def pages(root: Path) -> dict[str, str]:
    """返回 git 跟踪的每份 Markdown：相对路径到全文。"""
    found = (path for path in tracked_files(root) if path.suffix == ".md")
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in found}


def blocks(page: str, text: str) -> Iterator[Block]:
    """依次给出一份 Markdown 里的代码块。"""
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start(2)) + 1
        yield Block(page, line, found[1].strip(), found[2])


def without_blocks(text: str) -> str:
    """去掉代码块，行数不变。"""
    return _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
