"""从打好的二进制里读出目标机要有什么：glibc 的最低版本，以及包里没有带的动态库。"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

GLIBC: Final = frozenset(
    f"lib{name}.so.{number}"
    for number, names in {6: ("c", "m"), 2: ("dl",), 0: ("pthread",), 1: ("rt", "util")}.items()
    for name in names
)
_LOADER: Final = re.compile(r"ld-linux.*\.so\.\d+")
_GLIBC: Final = re.compile(r"GLIBC_\d+(\.\d+)+")
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
        ELFError: 其中一个读不了。

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
    """读出一个二进制的要求：动态段里的 NEEDED，版本段里的 ``GLIBC_x.y``。"""
    with path.open("rb") as file:
        sections = list(ELFFile(file).iter_sections())
        dynamic = [one for one in sections if isinstance(one, DynamicSection)]
        needed = {str(vars(tag)["needed"]) for section in dynamic for tag in section.iter_tags("DT_NEEDED")}
        tables = [one for one in sections if isinstance(one, GNUVerNeedSection)]
        names = [aux.name for table in tables for _, versions in table.iter_versions() for aux in versions]
    glibc = {tuple(map(int, name.removeprefix("GLIBC_").split("."))) for name in names if _GLIBC.fullmatch(name)}
    return Demand(path, frozenset(needed), max(glibc, default=()))


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
