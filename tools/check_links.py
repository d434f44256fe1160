"""检查文档里的链接：指向仓库里的文件要在、已入库，指向小节的要有那个标题；外网的地址不查。"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Final

from tools.documents import pages, without_blocks
from tools.source import Offence, parse_root, report, tracked_files

_LINK: Final = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|href)=\"([^\"]+)\"")
_OUTSIDE: Final = re.compile(r"[a-z]+:")
_HEADING: Final = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_ANCHOR: Final = re.compile(r"<a id=\"([^\"]+)\"")
_DROPPED: Final = re.compile(r"[^\w\- ]")
_MARKS: Final = re.compile(r"[`*]|\[([^\]]*)\]\([^)]*\)")


def anchors(text: str) -> set[str]:
    """返回一份 Markdown 的全部锚点，写法与 GitHub 相同。"""
    seen: dict[str, int] = {}
    found = set(_ANCHOR.findall(text))
    for title in _HEADING.findall(without_blocks(text)):
        words = _MARKS.sub(lambda mark: mark[1] or "", title)
        slug = _DROPPED.sub("", words.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
        seen[slug] = seen.get(slug, 0) + 1
    return found


def links(text: str) -> Iterator[tuple[int, str]]:
    """依次给出代码块之外的链接与行号。"""
    for number, line in enumerate(without_blocks(text).splitlines(), start=1):
        for found in _LINK.finditer(line):
            yield number, found[1] or found[2]


def judge(page: str, target: str, texts: Mapping[str, str], names: set[str]) -> str:
    """说出一个链接的问题；没有问题为空串。"""
    path, _, anchor = target.partition("#")
    name = normpath(join(dirname(page), path)) if path else page
    if name not in names:
        return f"链接 {target} 指的 {name} 不在仓库里"
    if anchor and anchor not in anchors(texts.get(name, "")):
        return f"链接 {target} 指的小节不在 {name} 里"
    return ""


def check(texts: Mapping[str, str], names: set[str]) -> Iterator[Offence]:
    """检查全部文档。"""
    for page, text in texts.items():
        for line, target in links(text):
            problem = "" if _OUTSIDE.match(target) else judge(page, target, texts, names)
            if problem:
                yield Offence(f"{page}:{line}", problem)


def main(argv: Sequence[str] | None = None) -> int:
    """检查 ``--root`` 下的文档，打印每一处断了的链接。"""
    root: Path = parse_root(__doc__, argv)
    files = {path.relative_to(root).as_posix() for path in tracked_files(root)}
    folders = {str(parent) for name in files for parent in Path(name).parents}
    texts = pages(root)
    offences = list(check(texts, files | folders))
    count = sum(1 for text in texts.values() for _ in links(text))
    return report(offences, f"链接：{len(texts)} 份文档，{count} 个链接，断了 {len(offences)} 个")


if __name__ == "__main__":
    sys.exit(main())
