"""各检查脚本共用的部分：找文件、读语法树、报告结果。"""

import argparse
import ast
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDERS = ("pam_deploy_graph", "examples", "graphs", "tools", "tests", "bench")
"""放代码的目录。"""


@dataclass(frozen=True, slots=True, order=True)
class Offence:
    """一处不合规则的地方；``where`` 形如 ``路径:行号``。"""

    where: str
    what: str

    def __str__(self) -> str:
        """返回给人看的一行。"""
        return f"{self.where}: {self.what}"


def parse_root(description: str | None, argv: Sequence[str] | None) -> Path:
    """解析各脚本共有的 ``--root``，默认为本项目。"""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=Path, default=PROJECT, help="要检查的目录，默认本项目")
    return Path(parser.parse_args(argv).root)


def parse_mode(description: str | None, argv: Sequence[str] | None) -> tuple[Path, bool]:
    """解析写页面的脚本共有的 ``--root`` 与 ``--check``、``--write``；第二个值为真是要写。"""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=Path, default=PROJECT, help="页面所在的目录，默认本项目")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="只比较")
    mode.add_argument("--write", action="store_true", help="写出")
    options = parser.parse_args(argv)
    return Path(options.root), bool(options.write)


def python_files(root: Path, folders: Sequence[str]) -> Iterator[Path]:
    """依次给出 ``root`` 下各目录里的 Python 文件；没有的目录跳过。"""
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def tracked_files(root: Path) -> list[Path]:
    """列出 git 跟踪的、工作区里还在的文件。"""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True)
    return [path for name in listed.stdout.decode().split("\0") if name and (path := root / name).is_file()]


def parse(path: Path) -> ast.Module:
    """读出一个文件的语法树。"""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def report(offences: Sequence[Offence], summary: str) -> int:
    """打印每一处问题和一行小结；有问题返回 1，没有返回 0。"""
    for offence in sorted(offences):
        print(offence)
    print(summary)
    return 1 if offences else 0
