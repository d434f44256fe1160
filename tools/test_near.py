"""一个文件的测试在哪里：运行它所在房间的测试（``make test-near FILE=pam_deploy_graph/flows/rollout.py``）。

``tests/`` 下的目录照包里的房间排；顶层的门（``action_router.py`` 等）的测试在 ``tests/doors``，同名的只跑那一个文件。
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from tools.source import PROJECT

PACKAGE: Final = "pam_deploy_graph"
ELSEWHERE: Final = {
    "bench": "project",
    "doc_scripts": "script_runner",
    "docs": "docs",
    "examples": "examples",
    "graphs": "project",
    "packaging": "project",
    "tools": "project",
}
"""包外的目录的测试在 ``tests/`` 的哪个目录。"""


def candidates(name: PurePosixPath) -> Iterator[str]:
    """由近到远给出一个文件的测试可能在的地方，相对于项目。"""
    top, *rest = name.parts
    if top == "tests":
        yield str(name if name.name.startswith("test_") else name.parent)
    elif top != PACKAGE:
        yield f"tests/{ELSEWHERE.get(top, 'project')}"
    else:
        rooms = PurePosixPath(*rest).parent
        yield from (f"tests/{room}" for room in (rooms, *rooms.parents) if room.name)
        yield f"tests/{PurePosixPath(rest[0]).stem}"
        yield f"tests/doors/test_{PurePosixPath(rest[0]).stem}.py"
        yield "tests/doors"


def near(root: Path, file: Path) -> str:
    """返回该跑的目录或文件，相对于项目。

    Raises:
        SystemExit: 没有这个文件，或不在项目里。

    """
    path = (root / file).resolve()
    if not path.exists() or not path.is_relative_to(root):
        raise SystemExit(f"没有 {file}；请写项目里的文件，例如 FILE={PACKAGE}/flows/rollout.py")
    name = PurePosixPath(path.relative_to(root).as_posix())
    return next((one for one in candidates(name) if (root / one).exists()), "tests")


def main(argv: Sequence[str] | None = None) -> int:
    """运行，返回 pytest 的退出码；多出来的参数传给 pytest。"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="改了哪个文件")
    options, more = parser.parse_known_args(argv)
    where = near(PROJECT, options.file)
    print(f"跑 {where} 的测试", flush=True)
    return subprocess.run([sys.executable, "-m", "pytest", "-q", where, *more], cwd=PROJECT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
