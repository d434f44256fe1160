"""量别的做法：wheel 装进虚拟环境、pex、自解压的单个文件（``make bundle-compare``，要几分钟，要能连软件源）。"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tools.bundle.measure import paces, run
from tools.bundle.page import ALTERNATIVES
from tools.bundle.recipe import PROGRAM, WORK, pyinstaller_argv
from tools.source import PROJECT

ROOM: Final = WORK / "alternatives"
_PINNED: Final = re.compile(r"^[\w.\[\]-]+==\S+(?: ;[^\\]*)?", re.MULTILINE)


def main() -> int:
    """逐个做出来、量过，写到 ``dist/alternatives.json``。"""
    shutil.rmtree(ROOM, ignore_errors=True)
    ROOM.mkdir(parents=True)
    os.environ["PEX_ROOT"] = str(ROOM / "pex-root")
    wheels = wheelhouse()
    rows = [in_venv(wheels), as_pex(wheels), as_onefile()]
    found = paces({row["name"]: row.pop("argv") for row in rows})
    for row in rows:
        row |= {what: cost._asdict() for what, cost in found[row["name"]]._asdict().items()}
    ALTERNATIVES.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


def wheelhouse() -> Path:
    """收齐本项目的 wheel 与它锁住的依赖，返回所在的目录。"""
    folder, pins = ROOM / "wheels", ROOM / "constraints.txt"
    pins.write_text("\n".join(_PINNED.findall((PROJECT / "requirements.lock").read_text(encoding="utf-8"))))
    _python("-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    _python("-m", "pip", "download", "--quiet", "--dest", str(folder), "--constraint", str(pins), *_ours(folder))
    return folder


def in_venv(wheels: Path) -> dict[str, Any]:
    """装进一个空的虚拟环境。"""
    venv = ROOM / "venv"
    _python("-m", "venv", str(venv))
    _python("-m", "pip", "install", "--quiet", *_offline(wheels), *_ours(wheels), at=venv / "bin" / "python")
    needs = "Python 3.11 起、venv、bash、curl"
    return _row("wheel 装进虚拟环境", [str(venv / "bin" / PROGRAM)], wheels, venv, needs)


def as_pex(wheels: Path) -> dict[str, Any]:
    """打成一个 pex；``--venv`` 是因为助手进程要用 ``python -m`` 启动。"""
    tools, made = ROOM / "pex", ROOM / f"{PROGRAM}.pex"
    _python("-m", "venv", str(tools))
    _python("-m", "pip", "install", "--quiet", "pex", at=tools / "bin" / "python")
    options = ["--venv", "--console-script", PROGRAM, "--output-file", str(made)]
    _python("-m", "pex", *_offline(wheels), *options, *_ours(wheels), at=tools / "bin" / "python")
    return _row("pex", [str(made)], made, ROOM / "pex-root", "Python 3.11、bash、curl")


def as_onefile() -> dict[str, Any]:
    """PyInstaller 的单个文件：每次运行都解到临时目录。"""
    folder = ROOM / "onefile"
    _python("-m", "PyInstaller", *pyinstaller_argv(folder, onefile=True))
    return _row("单个文件（每次解到临时目录）", [str(folder / PROGRAM)], folder / PROGRAM, None, "与整包相同")


def _row(name: str, argv: Sequence[str], shipped: Path, unpacked: Path | None, needs: str) -> dict[str, Any]:
    """一种做法的一行；快慢只量了第一次 ``--help``，装好占多大也是在它之后看的。"""
    first = run([*argv, "--help"]).cpu
    sizes = {"shipped": _size(shipped), "unpacked": _size(unpacked) if unpacked else 0}
    return {"name": name, "argv": list(argv), "needs": needs, "first": first, **sizes}


def _size(path: Path) -> int:
    """一个文件，或一个目录里全部文件的字节数；链接不算。"""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files if one.is_file() and not one.is_symlink())


def _ours(wheels: Path) -> list[str]:
    """本项目的 wheel。"""
    return [str(path) for path in wheels.glob("pam_deploy_graph-*.whl")]


def _offline(wheels: Path) -> list[str]:
    """只从收齐的 wheel 里装。"""
    return ["--no-index", "--find-links", str(wheels)]


def _python(*arguments: str, at: Path = Path(sys.executable)) -> None:
    """运行一个 Python 命令，不成就停。"""
    subprocess.run([str(at), *arguments], cwd=PROJECT, check=True)


if __name__ == "__main__":
    sys.exit(main())
