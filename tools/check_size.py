"""检查函数与文件的大小：超过硬上限不通过，超过惯例上限只列出来。"""

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.source import Offence, parse, parse_root, python_files, report

FOLDERS = ("pam_deploy_graph",)


@dataclass(frozen=True, slots=True)
class Limit:
    """一种东西的惯例上限与硬上限，单位为行（连文档串在内）。"""

    usual: int
    hard: int


FUNCTION, FILE = Limit(20, 45), Limit(250, 300)


@dataclass(frozen=True, slots=True)
class Measured:
    """量过的一个函数或文件。"""

    where: str
    title: str
    lines: int
    limit: Limit


def measure(path: Path, root: Path) -> Iterator[Measured]:
    """量一个文件和它的每个函数。"""
    name = path.relative_to(root).as_posix()
    yield Measured(f"{name}:1", "文件", len(path.read_text(encoding="utf-8").splitlines()), FILE)
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Measured(f"{name}:{node.lineno}", f"函数 {node.name}", lines, FUNCTION)


def main(argv: Sequence[str] | None = None) -> int:
    """检查 ``--root`` 下的包，打印超限者与计数。"""
    root = parse_root(__doc__, argv)
    everything = [item for path in python_files(root, FOLDERS) for item in measure(path, root)]
    long = [item for item in everything if item.limit.usual < item.lines <= item.limit.hard]
    too_long = [item for item in everything if item.lines > item.limit.hard]
    for item in sorted(long, key=lambda item: -item.lines):
        print(f"提示 {item.where}: {item.title} 有 {item.lines} 行，惯例不超过 {item.limit.usual}")
    offences = [Offence(i.where, f"{i.title} 有 {i.lines} 行，上限 {i.limit.hard}") for i in too_long]
    return report(offences, f"大小：{len(everything)} 项，超惯例 {len(long)} 项，超上限 {len(too_long)} 项")


if __name__ == "__main__":
    sys.exit(main())
