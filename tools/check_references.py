"""检查代码里提到的设计文档都在：「contract 第 N 节」有第 N 节，「」里的话在那一节里。

写法只有这几种：``contract 第 3 节``、``contract 第 2、6 节``、``contract 第 3 节「脚本后端」``、
``architecture「账本」``、``faults「storage」``。文档是 ``docs/`` 下的同名 Markdown。
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.source import Offence, parse_root, report, tracked_files

DOCUMENTS: Final = ("contract", "architecture", "faults")
SECTIONS: Final = 9
"""契约有几节；代码里的号码靠它们，次序不可变。"""
_SUFFIXES: Final = frozenset({".py", ".sh", ".toml", ".md"})
_NUMBERED: Final = re.compile(r"contract 第 ([0-9、 ]+) 节(?:「([^」]+)」)?")
_NAMED: Final = re.compile(r"\b(architecture|faults)「([^」]+)」")
_HEADING: Final = re.compile(r"^## (\d+)\. ", re.MULTILINE)
_ABSENT: Final = re.compile(r"\b(?:facts|seed|rooms|taste|console)「|契约第|合同第")

Sections = Mapping[str, str]


def sections(text: str) -> Sections:
    """把契约分成节：号码到正文（连标题）。"""
    found = list(_HEADING.finditer(text))
    ends = [one.start() for one in found[1:]] + [len(text)]
    return {one[1]: text[one.start() : end] for one, end in zip(found, ends, strict=True)}


def judge(line: str, contract: Sections, pages: Mapping[str, str]) -> Iterator[str]:
    """说出一行里找不到的引用。"""
    for numbers, quoted in _NUMBERED.findall(line):
        wanted = re.findall(r"\d+", numbers)
        yield from (f"contract 没有第 {number} 节" for number in wanted if number not in contract)
        if quoted and not any(quoted in contract.get(number, "") for number in wanted):
            yield f"contract 第 {numbers} 节里没有「{quoted}」"
    for page, quoted in _NAMED.findall(line):
        if quoted not in pages.get(page, ""):
            yield f"{page} 里没有「{quoted}」"
    if _ABSENT.search(line):
        yield "只引用 docs/ 里有的文档，写成「contract 第 N 节」"


def check(root: Path) -> Iterator[Offence]:
    """检查一个仓库。"""
    texts = {name: root / "docs" / f"{name}.md" for name in DOCUMENTS}
    pages = {name: path.read_text(encoding="utf-8") for name, path in texts.items() if path.is_file()}
    contract = sections(pages.get("contract", ""))
    if list(contract) != [str(number) for number in range(1, SECTIONS + 1)]:
        yield Offence("docs/contract.md:1", f"应有第 1 到 {SECTIONS} 节，现有 {'、'.join(contract) or '没有'}")
    for path in tracked_files(root):
        name = path.relative_to(root).as_posix()
        if path.suffix not in _SUFFIXES or name in {"tools/check_references.py", "tests/project/test_tools.py"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            yield from (Offence(f"{name}:{number}", what) for what in judge(line, contract, pages))


def main(argv: Sequence[str] | None = None) -> int:
    """检查 ``--root`` 下的仓库，打印每一处落空的引用。"""
    offences = list(check(parse_root(__doc__, argv)))
    return report(offences, f"设计文档的引用：落空 {len(offences)} 处")


if __name__ == "__main__":
    sys.exit(main())
