"""文档里的命令：标了 ``run`` 的都照着敲一遍，退出码与显示的文字和文档说的一样。"""

from pathlib import Path

import pytest

from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.ledger.rows import read_rows
from tests.cli.program import ROOT, Zygote
from tests.docs.reader import FILE, MANUAL, RUN, SERVE, SHOWN, Reader, commands
from tools.documents import blocks, pages
from tools.pages.event_types import EVENTS

BLOCKS = {page: list(blocks(page, text)) for page, text in pages(ROOT).items()}
RUNNABLE = [page for page, found in BLOCKS.items() if any(block.kind == RUN for block in found)]
QUICK = "README.md"
"""平时只照着这一页敲；其余的要等故障见分晓，放在 ``make test-docs``。"""
CASES = [pytest.param(page, marks=() if page == QUICK else pytest.mark.docs) for page in RUNNABLE]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", CASES)
def test_commands_do_what_the_page_says(page: str, zygote: Zygote, tmp_path: Path) -> None:
    """逐条照做；账本里记下的每个事件，字段都写在 docs/ledger.md 里。"""
    with Reader(tmp_path, zygote) as reader:
        reader.prepare((ROOT / page).read_text(encoding="utf-8"))
        for block in BLOCKS[page]:
            reader.follow(block)
    for book in tmp_path.rglob("pam.db"):
        _check_events(book)


def _check_events(book: Path) -> None:
    """核对一本账里的事件。"""
    ledger = Ledger(f"sqlite:///{book}")
    for run in ledger.list_runs():
        for _, row in read_rows(ledger.engine, run.run_no):
            for event in row:
                kind, names = EVENTS[event["type"]], set(event) - {"type", "at"}
                assert set(kind.fields) <= names <= {*kind.fields, *kind.may}, event
    ledger.close()


def test_every_mark_is_known() -> None:
    """栅栏后面的字都认得：写错了一个，那些命令就不会有人照着敲。"""
    marked = [block for found in BLOCKS.values() for block in found if block.kind.startswith(("bash ", "text "))]
    known = (RUN, SERVE, MANUAL, SHOWN)
    assert [b.where for b in marked if b.kind not in known and not b.kind.startswith(FILE)] == []


def test_there_is_something_to_run() -> None:
    """导览、接入与手册里都有真的执行的命令和核对过的显示。"""
    assert {"docs/guide.md", "docs/connect-pam.md", "docs/handbook.md", "README.md", "README.en.md"} <= set(RUNNABLE)
    assert any(block.kind == SHOWN for found in BLOCKS.values() for block in found)


def test_commands_are_split_as_a_shell_would() -> None:
    """续行接起来，注释不算，退出码取自行尾。"""
    text = "# 先看\npython -m a \\\n    --b   # 退出码 10\n\nexport A=1\n"
    assert commands(text) == [("python -m a --b", 10), ("export A=1", 0)]
