"""整包里有什么：每个文件归哪个包，各占多大，版本各是多少。"""

import gzip
import io
import platform
import re
import sqlite3
import ssl
import sys
import tarfile
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path
from typing import Final, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pam_deploy_graph import __version__
from tools.bundle.recipe import INSIDE

OURS: Final = "本程序（含 doc_scripts、试验场、MCP 服务）"
PYTHON: Final = f"Python {platform.python_version()} 与标准库"
LIBRARIES: Final = "系统库（OpenSSL、SQLite、readline 等）"
_SHARED: Final = re.compile(r"lib[\w+.-]*\.so[.\d]*")
_DIST_INFO: Final = re.compile(r"(.+)-[^-]+\.dist-info")


class Part(NamedTuple):
    """一个部分：``size`` 是解开后的字节数，``packed`` 是单独压缩后的字节数。"""

    name: str
    size: int
    packed: int


def parts(bundle: Path) -> list[Part]:
    """把整包分成各个部分，从大到小。"""
    groups: dict[str, list[Path]] = {}
    owners = packages_distributions()
    for path in sorted(bundle.rglob("*")):
        if path.is_file() and not path.is_symlink():
            groups.setdefault(_owner(path.relative_to(bundle), owners), []).append(path)
    found = [Part(name, sum(path.stat().st_size for path in paths), _packed(paths)) for name, paths in groups.items()]
    return sorted(found, key=lambda part: -part.size)


def from_wheels(bundle: Path, path: Path) -> bool:
    """这个文件是不是从依赖的 wheel 里来的；Python 与系统库取自打包的机器。"""
    return _owner(path.relative_to(bundle), packages_distributions()) not in {OURS, PYTHON, LIBRARIES}


def _owner(path: Path, owners: Mapping[str, list[str]]) -> str:
    """说出一个文件归谁；主程序与认不出的算 Python 的。"""
    if path.parts[0] != INSIDE:
        return PYTHON
    top = path.parts[1]
    module = top.split(".")[0]
    if module == "pam_deploy_graph":
        return OURS
    if top.startswith("libpython") or module in sys.stdlib_module_names:
        return PYTHON
    if match := _DIST_INFO.fullmatch(top):
        return match[1].lower().replace("_", "-")
    if _SHARED.fullmatch(top):
        return LIBRARIES
    names = owners.get(module, [])
    return min(names, key=len).lower() if names else PYTHON


def _packed(paths: Iterable[Path]) -> int:
    """这些文件单独压成 tar.gz 有多少字节。"""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in paths:
            archive.add(path)
    return len(gzip.compress(buffer.getvalue()))


def distributions(bundle: Path) -> dict[str, str]:
    """返回整包里每个 Python 包的版本。"""
    owners = packages_distributions()
    modules = {path.name.split(".")[0] for path in (bundle / INSIDE).iterdir()}
    names = {name for module in modules - set(sys.stdlib_module_names) for name in owners.get(module, [])}
    return {name: version(name) for name in sorted(names, key=str.lower) if name != "pam-deploy-graph"}


def system_libraries(bundle: Path) -> list[Path]:
    """返回随包的系统库的文件；Python 自己的不算。"""
    found = sorted((bundle / INSIDE).glob("lib*.so*"))
    return [path for path in found if _SHARED.fullmatch(path.name) and not path.name.startswith("libpython")]


def needed(name: str = "pam-deploy-graph") -> set[str]:
    """返回一个包要的全部包（规范的名字），连同它们要的；附加依赖不算。"""
    found, left = set[str](), [name]
    while left:
        for text in requires(left.pop()) or []:
            wanted = Requirement(text)
            one = canonicalize_name(wanted.name)
            if one not in found and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                found.add(one)
                left.append(one)
    return found


def versions_text(bundle: Path, *, commit: str, glibc: str) -> str:
    """写出 ``VERSIONS``：一行一个 ``名字==版本``，前面几行是不在包索引里的东西。"""
    head = {
        "pam-deploy-graph": f"{__version__} ({commit})",
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION.split()[1],
        "sqlite": sqlite3.sqlite_version,
        "pyinstaller": version("pyinstaller"),
        "glibc": f">={glibc}",
    }
    lines = [f"# {name} {text}" for name, text in head.items()]
    lines += [f"{name}=={number}" for name, number in distributions(bundle).items()]
    return "\n".join(lines) + "\n"
