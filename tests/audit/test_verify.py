"""``audit verify``：伪造的一行、删掉的批准、重写的链、截去的末尾，各说得出是哪一处（contract 第 5、8 节）。"""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.audit.bundle import Bundle
from pam_deploy_graph.audit.verify import render, verify
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.ledger import Approval
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from tests.audit.rig import Books, relink_decisions, relink_events, reword
from tests.graph.desk import Desk

_ROW_CHANGES = ("run_id = 'r2'", "created_at = created_at - 1", "reason = '全部完成'", "exit_code = 3")


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Books:
    """没有人动过的账本。"""
    return Books(tmp_path_factory.mktemp("books"))


@pytest.fixture
def books(untouched: Books, tmp_path: Path) -> Books:
    """它的一份抄本，随便改。"""
    copy = object.__new__(Books)
    copy.home, copy.run_id, copy.anchor = tmp_path / "home", untouched.run_id, tmp_path / "home" / "anchors.log"
    shutil.copytree(untouched.home, copy.home)
    return copy


def test_nothing_wrong(books: Books) -> None:
    """没有动过的：没有不对；没有锚的说明末尾无从知道。"""
    assert books.findings() == []
    bundle = books.bundle(anchored=False)
    assert "没有锚" in render(bundle, verify(bundle))
    assert len(books.bundle().anchors) > 3


def test_a_forged_row(books: Books) -> None:
    """改了一行的一个字：说出是哪一行。"""
    books.tamper(lambda db: reword(db, "IP_DONE", ip="10.0.0.99"))
    assert any("被改动过" in each and "第 " in each for each in books.findings(anchored=False))


def test_a_missing_row(books: Books) -> None:
    """少了中间的一行。"""
    books.tamper(lambda db: db.execute("DELETE FROM events WHERE seq = 4"))
    assert any("第 4 行不在了" in each for each in books.findings(anchored=False))


def test_a_deleted_approval(books: Books) -> None:
    """删掉计划的批准：少了第 1 个决定，照它动手的行也说出来。"""
    books.tamper(lambda db: db.execute("DELETE FROM decisions WHERE number = 1"))
    found = books.findings(anchored=False)
    assert any("第 1 个决定不在了" in each for each in found)
    assert any("那份计划的批准不在决定里" in each for each in found)


def test_a_deleted_approval_with_the_chain_written_anew(books: Books) -> None:
    """删掉批准，再把决定的链编好：执行它的事件对不上。"""

    def work(db: sqlite3.Connection) -> None:
        """删掉，重写。"""
        db.execute("DELETE FROM decisions WHERE number = 1")
        relink_decisions(db)

    books.tamper(work)
    found = books.findings(anchored=False)
    assert not any(each.startswith("决定的链") for each in found)
    assert any("决定被换过" in each or "不在了" in each for each in found)


def test_a_forged_decision(books: Books) -> None:
    """把别人的决定改成另一个人作的：链接对不上；连链也重写了的，事件对不上。"""
    books.tamper(lambda db: db.execute("UPDATE decisions SET operator = 'mallory' WHERE number = 2"))
    assert any("第 2 个决定" in each and "伪造" in each for each in books.findings(anchored=False))
    books.tamper(relink_decisions)
    assert any("决定被换过" in each for each in books.findings(anchored=False))


def test_a_rewritten_chain(books: Books) -> None:
    """改了内容再把整条链重新算过：决定看到过的那一行、锚，都对不上。"""

    def work(db: sqlite3.Connection) -> None:
        """改掉登记之后的事，重写。"""
        reword(db, "PLAN_PROPOSED", text="另一份计划")
        relink_events(db)

    books.tamper(work)
    assert not any(each.startswith("运行的链") for each in books.findings(anchored=False))
    assert any("链被重写过" in each for each in books.findings(anchored=False))
    assert any(each.startswith("锚: ") for each in books.findings())


@pytest.mark.parametrize("kept", [2, 6])
def test_a_cut_tail(books: Books, kept: int) -> None:
    """截去末尾：登记说结束了而链上没有；连登记也改了的，决定看到过的行、锚说得出。"""
    books.tamper(lambda db: db.execute("DELETE FROM events WHERE seq > ?", (kept,)))
    assert any("末尾被截去了" in each for each in books.findings(anchored=False))
    books.tamper(lambda db: db.execute("UPDATE runs SET exit_code = NULL, reason = NULL"))
    assert any(each.startswith("锚: ") and "末尾被截去了" in each for each in books.findings())


def test_a_cut_tail_that_only_the_anchor_knows(books: Books) -> None:
    """只截去最后一行、又把登记改回没有结束：没有锚看不出来（文档照实说），有锚说得出。"""

    def work(db: sqlite3.Connection) -> None:
        """截去结束。"""
        db.execute("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")
        db.execute("UPDATE runs SET exit_code = NULL, reason = NULL")

    books.tamper(work)
    assert books.findings(anchored=False) == []
    assert any("末尾被截去了" in each for each in books.findings())


def test_a_changed_input(books: Books) -> None:
    """改了登记的输入。"""
    books.tamper(lambda db: db.execute("UPDATE runs SET input = replace(input, '1.2.3', '6.6.6')"))
    assert any("登记被改动过" in each for each in books.findings(anchored=False))


@pytest.mark.parametrize("change", _ROW_CHANGES)
def test_a_changed_row(books: Books, change: str) -> None:
    """改了登记的名字、时刻、结局。"""
    books.run_id = "r2" if "run_id" in change else books.run_id
    books.tamper(lambda db: db.execute(f"UPDATE runs SET {change}"))  # noqa: S608 —— 用例自己的几句
    assert any("登记的" in each and "链上的是" in each for each in books.findings(anchored=False))


def test_work_without_an_approval(books: Books) -> None:
    """把批准的事件与决定都去掉、链都重写：动手在前、批准没有，说得出。"""

    def work(db: sqlite3.Connection) -> None:
        """去掉批准的痕迹。"""
        reword(db, "PLAN_APPROVED", type="NOTHING")
        reword(db, "CONFIRMATION_APPROVED", type="NOTHING")
        relink_events(db)

    books.tamper(work)
    found = books.findings(anchored=False)
    assert any("没有批准过的计划" in each for each in found)
    assert any("没有人同意过" in each for each in found)


def test_a_file_that_verifies_elsewhere(books: Books, tmp_path: Path) -> None:
    """导出的文件不用账本也能核对；改了一个字就说得出；不是导出的文件是输入错误。"""
    file = tmp_path / "evidence.json"
    file.write_text(books.bundle().to_json(), encoding="utf-8")
    shutil.rmtree(books.home)
    assert verify(Bundle.load(file)) == []
    data = json.loads(file.read_text(encoding="utf-8"))
    data["decisions"][0]["operator"] = "mallory"
    file.write_text(json.dumps(data), encoding="utf-8")
    assert any("第 1 个决定" in each.text for each in verify(Bundle.load(file)))
    for text in ("{}", "[]", "x", json.dumps(data | {"format": 9})):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInputError):
            Bundle.load(file)


@pytest.mark.parametrize(
    "spoil",
    [
        {"run": []},
        {"run": {}},
        {"rows": ["x"]},
        {"decisions": {"x": 1}},
        {"allowed_signers": 1},
    ],
)
def test_a_file_of_another_shape(books: Books, tmp_path: Path, spoil: dict[str, object]) -> None:
    """别人给的文件，形状不对的是一句话。"""
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(json.loads(books.bundle().to_json()) | spoil), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="不是 audit export"):
        Bundle.load(file)


@pytest.mark.parametrize(
    "row",
    [
        {"seq": "x"},
        {"link": "zz"},
        {"body": "[{}]"},
        {"body": "[1]"},
        {"body": None},
        {"body": "[" * 200_000},
        {"body": json.dumps([{"type": "DECISIONS_SEEN"}])},
        {"body": json.dumps([{"type": "PLAN_PROPOSED"}])},
        {"body": json.dumps([{"type": "RUN_FINISHED"}])},
        {"body": json.dumps([{"type": ["x"], "decision_number": ["x"]}])},
    ],
)
def test_rows_of_another_shape(books: Books, row: dict[str, object]) -> None:
    """一行读不懂的，也是一处不对，别处照样核对。"""
    bundle = books.bundle()
    bundle.rows[2] = bundle.rows[2] | row
    found = verify(bundle)
    assert found
    assert f"{len(found)} 处不对" in render(bundle, found)
    bundle = books.bundle()
    bundle.decisions[0] = {name: value for name, value in bundle.decisions[0].items() if name in row}
    assert "处不对" in render(bundle, verify(bundle))


def test_evidence_cannot_draw_on_the_screen(books: Books) -> None:
    """证据里的控制字符与换行到不了屏幕：擦不掉一处不对，也冒不出一句「没有不对」。"""
    bundle = books.bundle()
    bundle.run["run_id"] = "r1\x1b[2J\n运行 r1: 没有不对"
    bundle.decisions[0]["subject"] = "plan\x1b[8m"
    shown = render(bundle, verify(bundle))
    assert "\x1b" not in shown
    assert not any(line.startswith("运行 r1: 没有不对") for line in shown.splitlines())


def test_a_deleted_last_decision(books: Books) -> None:
    """删掉末尾的决定：后来写下的每一段都记着决定的链到了哪里，没有锚也说得出。"""
    last = len(books.bundle().decisions)
    books.tamper(lambda db: db.execute("DELETE FROM decisions WHERE number = ?", (last,)))
    assert any("末尾的决定不在了" in each for each in books.findings(anchored=False))


def test_a_deleted_refusal(books: Books) -> None:
    """谁也没有执行的决定（策略不许的、没有作数的）删掉了，也说得出。"""
    services = Services(home=books.home, settings=Settings())
    desk = Desk(books.home, InMemorySaver(), thread="refused", services=services)
    services.given_router = desk.fake
    desk.begin()
    books.run_id = str(desk.values()["run_id"])
    services.ledger.decide(books.run_id, Approval("refused:plan", "0" * 64, "approve", "mallory", "不许", 0))
    desk.answer("reject")
    services.close()
    assert books.findings(anchored=False) == []
    books.tamper(lambda db: db.execute("DELETE FROM decisions WHERE subject = 'refused:plan'"))
    books.tamper(lambda db: db.execute("DELETE FROM decisions WHERE subject = 'plan' AND decision = 'reject'"))
    assert any("末尾的决定不在了" in each for each in books.findings(anchored=False))
