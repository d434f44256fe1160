"""文档的规矩：每一页都在目录里，每个房间都有一行。"""

import re
from pathlib import PurePosixPath

import pytest

from tools.source import PROJECT, tracked_files

NAMES = [PurePosixPath(path.relative_to(PROJECT).as_posix()) for path in tracked_files(PROJECT)]
PAGES = [name for name in NAMES if name.parts[0] == "docs" and name.suffix == ".md" and name.name != "README.md"]
ROOMS = sorted(
    {str(name.parent)[len("pam_deploy_graph/") :] for name in NAMES if name.match("pam_deploy_graph/*/**/*.py")}
)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_page_is_in_the_index(page: PurePosixPath) -> None:
    """``docs/README.md`` 里有每一页的链接；README 里有它的链接。"""
    index = (PROJECT / "docs" / "README.md").read_text(encoding="utf-8")
    assert f"({page.relative_to('docs')})" in index


def test_the_index_is_linked_from_the_readme() -> None:
    """两份 README 都指向目录。"""
    assert all(
        "(docs/README.md)" in (PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "README.en.md")
    )


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_line(room: str) -> None:
    """参与开发的那一页里，包里的每个目录都有一行；一行可以顺带说里面的小间。"""
    text = (PROJECT / "docs" / "contributing.md").read_text(encoding="utf-8")
    assert f"`{room}/`" in text or f"`{PurePosixPath(room).name}/`" in text


def test_every_family_of_faults_has_a_figure() -> None:
    """docs/faults.md 的每一族都有数，除了另有一张表的 ``answers``；点名的测试文件与目录都在。"""
    told, _, counted = (PROJECT / "docs" / "faults.md").read_text(encoding="utf-8").partition("## 数出来的")
    rows = [line.split(" | ")[0].strip("| ") for line in told.splitlines() if line.startswith("| ")][1:]
    figures = [line.split(" | ")[0].strip("| ") for line in counted.splitlines() if line.startswith("| ")]
    assert [row for row in rows[1:] if row not in figures and row != "answers"] == []
    named = re.findall(r"`(tests/[\w/.]+)`", told)
    assert [path for path in named if not (PROJECT / path).exists()] == []
