"""从打好的二进制里读出目标机要有什么：glibc 的最低版本，以及包里没有带的动态库。"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

GLIBC: Final = frozenset(
    f"lib{name}.so.{number}"
    for number, names in {6: ("c", "m"), 2: ("dl",), 0: ("pthread",), 1: ("rt", "util")}.items()
    for name in names
)
_LOADER: Final = re.compile(r"ld-linux.*\.so\.\d+")
_NEEDED: Final = re.compile(r"^\s+NEEDED\s+(\S+)$", re.MULTILINE)
_VERSION: Final = re.compile(r"\bGLIBC_(\d+(?:\.\d+)+)")
_MAGIC: Final = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Demand:
    """一个二进制的要求：``needed`` 是它点名的动态库，``glibc`` 是它用到的最高的 glibc 版本（没有则为空）。"""

    path: Path
    needed: frozenset[str]
    glibc: tuple[int, ...]


def demands(folder: Path) -> list[Demand]:
    """读出一个目录里每个二进制的要求。

    Raises:
        CalledProcessError: objdump 读不了其中一个。

    """
    return [_demand(path) for path in _binaries(folder)]


def _binaries(folder: Path) -> Iterator[Path]:
    """逐个给出目录里的 ELF 文件。"""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(len(_MAGIC)) == _MAGIC:
                    yield path


def _demand(path: Path) -> Demand:
    """用 objdump 读出一个二进制的要求。"""
    listing = subprocess.run(["objdump", "-p", str(path)], check=True, capture_output=True, text=True).stdout
    versions = {tuple(int(part) for part in found.split(".")) for found in _VERSION.findall(listing)}
    return Demand(path, frozenset(_NEEDED.findall(listing)), max(versions, default=()))


def glibc_floor(found: list[Demand]) -> tuple[str, list[str]]:
    """返回最低的 glibc 版本，以及是哪些文件要求它。"""
    floor = max(one.glibc for one in found)
    return ".".join(map(str, floor)), sorted(one.path.name for one in found if one.glibc == floor)


def asked_of_target(found: list[Demand], program: Path) -> set[str]:
    """返回 glibc 之外要由目标机提供的动态库。

    Args:
        found: 全部二进制的要求。
        program: 主程序；它运行时包里的库目录还没有生效，要的都得由目标机提供。

    """
    carried = {one.path.name for one in found}
    asked = {name for one in found for name in one.needed if one.path == program or name not in carried}
    return {name for name in asked if name not in GLIBC and not _LOADER.fullmatch(name)}
