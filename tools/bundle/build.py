"""打出整包：目录、tar.gz、校验和、VERSIONS，以及量出来的数字（``make bundle``）。"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name

from tools.bundle.contents import distributions, from_wheels, needed, parts, versions_text
from tools.bundle.elf import asked_of_target, demands, glibc_floor
from tools.bundle.measure import paces
from tools.bundle.page import FIGURES
from tools.bundle.recipe import BUNDLE, DIST, INSIDE, PROGRAM, SCRIPTS, WORK, pyinstaller_argv
from tools.bundle.sbom import NAME as SBOM
from tools.bundle.sbom import sbom_text
from tools.source import PROJECT

TARGET_HAS: Final = frozenset({"libz.so.1"})
"""glibc 之外目标机要有的动态库；多出一个就不算打成。"""


def main() -> int:
    """打包、量、写出；目标机要多给一个动态库、里面多出一个包，就返回 1。"""
    folder = build()
    found = demands(folder)
    if extra := asked_of_target(found, folder / PROGRAM) - TARGET_HAS:
        print(f"整包还要目标机提供 {'、'.join(sorted(extra))}；请把它收进来，或在 recipe.EXCLUDED 里去掉用它的模块")
        return 1
    if foreign := {canonicalize_name(name) for name in distributions(folder)} - needed():
        print(f"整包里多出本项目用不着的包 {'、'.join(sorted(foreign))}；请在 recipe.EXCLUDED 里去掉它的模块")
        return 1
    floor, asking = glibc_floor(found)
    (folder / "VERSIONS").write_text(versions_text(folder, commit=_commit(), glibc=floor), encoding="utf-8")
    bill = sbom_text(folder, commit=_commit(), moment=_moment())
    (folder / SBOM).write_text(bill, encoding="utf-8")
    archive = pack(folder)
    wheels, _ = glibc_floor([one for one in found if from_wheels(folder, one.path)])
    figures: dict[str, Any] = {"glibc": floor, "glibc_asked_by": asking, "glibc_of_wheels": wheels}
    figures |= {"tar_gz": archive.stat().st_size, **measure(folder)}
    FIGURES.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{archive.relative_to(PROJECT)}  {archive.stat().st_size / 1e6:.1f} MB，glibc {floor} 起")
    return 0


def build() -> Path:
    """用 PyInstaller 打成目录，放到 ``dist/`` 下，返回它。"""
    made = WORK / "made"
    subprocess.run([sys.executable, "-m", "PyInstaller", *pyinstaller_argv(made)], cwd=PROJECT, check=True)
    folder = DIST / BUNDLE
    shutil.rmtree(folder, ignore_errors=True)
    DIST.mkdir(exist_ok=True)
    shutil.move(made / PROGRAM, folder)
    # 让人一眼看到脚本；程序用的是链接指着的那一份。
    (folder / "doc_scripts").symlink_to(f"{INSIDE}/{SCRIPTS}")
    return folder


def pack(folder: Path) -> Path:
    """压成 tar.gz，旁边放 ``sha256sum -c`` 认得的校验和；同样的内容压出同样的字节。"""
    path = folder.with_name(f"{folder.name}.tar.gz")
    moment = _moment()
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=moment) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for item in [folder, *sorted(folder.rglob("*"))]:
            _add(archive, item, item.relative_to(folder.parent).as_posix(), moment)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n", encoding="utf-8")
    return path


def _add(archive: tarfile.TarFile, path: Path, name: str, moment: int) -> None:
    """收进一个文件：属主、时间、权限都不随构建的机器变。"""
    member = archive.gettarinfo(path, name)
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = moment
    if not member.issym():
        member.mode = 0o755 if member.isdir() or os.access(path, os.X_OK) else 0o644
    if member.isreg():
        with path.open("rb") as file:
            archive.addfile(member, file)
    else:
        archive.addfile(member)


def measure(folder: Path) -> dict[str, Any]:
    """量大小与快慢，与同一台机器上的虚拟环境比。"""
    found = paces({"bundle": [str(folder / PROGRAM)], "venv": [sys.executable, "-m", "pam_deploy_graph"]})
    inside = parts(folder)
    return {
        "unpacked": sum(part.size for part in inside),
        "parts": [part._asdict() for part in inside],
        "paces": {
            name: {what: cost._asdict() for what, cost in pace._asdict().items()} for name, pace in found.items()
        },
    }


def _moment() -> int:
    """这一份代码的提交时间（Unix 秒）；不是从 git 检出打的为 0。"""
    return int(_git("log", "-1", "--format=%ct") or 0)


def _commit() -> str:
    """这一份代码的提交；不是从 git 检出打的写「未知」，有未提交的改动会标明。"""
    return _git("describe", "--always", "--dirty") or "未知"


def _git(*arguments: str) -> str:
    """问 git 一句；没有 git 或不是检出目录时为空串。"""
    try:
        return subprocess.run(
            ["git", *arguments], cwd=PROJECT, check=True, capture_output=True, text=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


if __name__ == "__main__":
    sys.exit(main())
