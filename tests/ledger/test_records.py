"""两份记录、一个真相：登记、计划、决定改了一个字就认得出；账本落后、换了一份、丢了末尾也认得出（contract 第 5 节）。"""

import subprocess
import sys
from pathlib import Path

import pytest

from pam_deploy_graph.errors import LedgerDamagedError, LedgerError, ModuleBusyError, RecordsDisagreeError
from pam_deploy_graph.flows.last_key import other_owner, refuse_if_behind
from pam_deploy_graph.ledger import PLAN, Approval, Ledger, RunSession
from pam_deploy_graph.policy import Policy
from pam_deploy_graph.protocol.keys import idempotency_key
from pam_deploy_graph.runs.run_table import list_runs
from tests.agent.rig import DATABASE, FIRST, execute, store_url
from tests.ledger.books import in_session, new_state, registered, step, write

DIGEST = "d" * 64
_ROW_CHANGES = ("run_id = 'r2'", "created_at = created_at - 1", "reason = '全部完成'", "exit_code = 0")
ROOT = Path(__file__).parents[2]
CRASH = """
import os, sys
from tests.ledger.books import Ledger, new_state, step, write
ledger = Ledger(sys.argv[1])
write(ledger, new_state(), step(2))
os._exit(0)
"""
LOOK = """
import os, sys
from pam_deploy_graph.ledger import Ledger
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
ledger = Ledger(sys.argv[1], look=True)
print(len(ledger.load_state("r1").events))
"""


@pytest.mark.parametrize("old", ['"1.3.0"', '"PEK"', '"fake"', '"nonce"', "{"], ids=str)
def test_a_changed_input_is_noticed(old: str, ledger: Ledger) -> None:
    """登记的输入改了一个字（成不成 JSON 都一样）：说是登记与当初的不符，不从它接着做。"""
    registered(ledger)
    changed = old.translate({ord("1"): "2", ord("P"): "Q", ord("f"): "g", ord("n"): "m", ord("{"): "["})
    execute("UPDATE runs SET input = replace(input, ?, ?)", old, changed)
    with pytest.raises(LedgerDamagedError, match="登记（名字、输入、结局）"):
        ledger.load_state("r1")
    with pytest.raises(LedgerDamagedError):
        ledger.open_session(new_state())
    assert ledger.holder("r1") is None


@pytest.mark.parametrize("change", _ROW_CHANGES)
def test_a_changed_row_is_noticed(change: str, ledger: Ledger) -> None:
    """登记的名字、时刻、结局改了一处：说是登记与链上的不符，表里也说它坏了。"""
    state = registered(ledger)

    async def end(session: RunSession) -> None:
        """结束。"""
        over = {"type": "RUN_FINISHED", "exit_code": 11, "reason": "1 台没有成功", "tally": {}}
        await session.append(over, also=ledger.finish_row("r1", 11, "1 台没有成功"))

    in_session(ledger, state, end)
    assert ledger.load_state("r1").exit_code == 11
    execute(f"UPDATE runs SET {change}")  # noqa: S608 —— 用例自己的几句
    (run,) = ledger.list_runs()
    with pytest.raises(LedgerDamagedError, match="登记（名字、输入、结局）"):
        ledger.load_state(run.run_id)
    assert "记录已损坏" in list_runs(ledger, Policy(), 1)[0]["standing"]


@pytest.mark.parametrize("seq", ["min", "max"])
def test_a_row_that_is_no_text_hides_no_other_run(seq: str, ledger: Ledger) -> None:
    """结束了的运行的头一行、末一行不再是 UTF-8：表里说它坏了，别的运行照样看得到。"""
    state = registered(ledger)

    async def end(session: RunSession) -> None:
        """结束。"""
        over = {"type": "RUN_FINISHED", "exit_code": 0, "reason": "", "tally": {}}
        await session.append(over, also=ledger.finish_row("r1", 0, ""))

    in_session(ledger, state, end)
    ledger.create_run(new_state("r2"))
    if ledger.engine.dialect.name == "sqlite":  # PostgreSQL 自己不收
        place = execute(f"SELECT {seq}(seq) FROM events WHERE run_no = 1")[0][0]  # noqa: S608 —— 用例自己的
        execute("UPDATE events SET body = CAST(x'5bff' AS TEXT) WHERE run_no = 1 AND seq = ?", place)
        found = {row["run_id"]: row["standing"] for row in list_runs(ledger, Policy(), 2)}
        assert ("记录已损坏" in found["r1"], "记录已损坏" in found["r2"]) == (True, False)


def test_an_ending_nobody_recorded_is_noticed(ledger: Ledger) -> None:
    """登记说结束了而链上没有：不当作结束。"""
    registered(ledger)
    execute("UPDATE runs SET exit_code = 0")
    with pytest.raises(LedgerDamagedError):
        ledger.load_state("r1")


@pytest.mark.parametrize(
    ("column", "value"),
    [("decision", "approve"), ("operator", "乙"), ("note", ""), ("head_seq", 9), ("account", "x"), ("number", 7)],
)
def test_a_changed_decision_is_noticed(column: str, value: object, ledger: Ledger) -> None:
    """决定改了任何一处：查它、列出它都报出来，不照它做。"""
    registered(ledger)
    for subject in (PLAN, FIRST):
        ledger.decide("r1", Approval(subject, DIGEST, "reject", "甲", "备注", 0, channel="cli"))
    statement = "UPDATE decisions SET column = ? WHERE subject = ?".replace("column", column)
    execute(statement, value, FIRST)
    with pytest.raises(LedgerDamagedError, match="个决定已损坏"):
        ledger.decision("r1", FIRST, DIGEST)
    with pytest.raises(LedgerDamagedError, match="个决定已损坏"):
        ledger.decisions("r1")


def test_decisions_are_numbered_and_say_what_they_saw(ledger: Ledger) -> None:
    """决定有编号、账号、渠道，记着当时运行写到了哪一行；取消也在同一条链上。"""
    state = registered(ledger)
    write(ledger, state, step(1))
    ledger.decide("r1", Approval(PLAN, DIGEST, "approve", "甲", "", 0, channel="cli"))
    ledger.cancel("r1", "乙", channel="chat")
    ledger.cancel("r1", "丙")
    first, second = ledger.decision_chain("r1")
    assert [(one.number, one.subject, one.operator, one.channel) for one in (first, second)] == [
        (1, PLAN, "甲", "cli"),
        (2, "cancel", "乙", "chat"),
    ]
    assert (first.head_seq, first.head_link) == (2, ledger.position("r1")["link"])
    assert first.account
    assert ledger.get_run("r1").cancelled_by == "乙"


def test_several_decisions_have_an_outcome_each(ledger: Ledger) -> None:
    """几个决定一起记：别人先决定了的各有说明，其余的照记。"""
    registered(ledger)
    ledger.decide("r1", Approval(FIRST, DIGEST, "reject", "甲", "", 0))
    asked = [Approval(ip, DIGEST, "approve", "乙", "", 0) for ip in (FIRST, "10.0.0.2", "10.0.0.3")]
    refused, *recorded = ledger.decide_all("r1", asked)
    assert "甲" in str(refused)
    assert [one.number for one in recorded if isinstance(one, Approval)] == [2, 3]


@pytest.fixture
def known(ledger: Ledger) -> dict[str, object]:
    """写了三行之后检查点记下的位置。"""
    write(ledger, registered(ledger), step(1), step(2))
    return ledger.position("r1")


def test_a_ledger_that_went_on_is_fine(ledger: Ledger, known: dict[str, object]) -> None:
    """账本知道得更多：没有什么不对。"""
    write(ledger, new_state(), step(3))
    ledger.check_position(known)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM events WHERE seq = 3", "只写到第 2 行"),
        ("UPDATE events SET link = x'00112233445566778899aabbccddeeff' WHERE seq = 3", "不是检查点写下时的那一行"),
        ("UPDATE ledger_meta SET ledger_id = 'f00d'", "另一份账本"),
        ("UPDATE runs SET run_id = 'r9'", "账本里却没有它"),
    ],
    ids=["落后", "改动过", "另一份", "没有这次运行"],
)
def test_records_that_disagree(damage: str, said: str, known: dict[str, object], ledger: Ledger) -> None:
    """对不上就停下，说是哪一种，怎么办；什么也不改变。"""
    if ledger.engine.dialect.name == "postgresql":
        damage = damage.replace("x'", "'\\x")
    execute(damage)
    again = Ledger(store_url())
    rows = execute("SELECT count(*) FROM events")
    with pytest.raises(RecordsDisagreeError, match=said) as caught:
        again.check_position(known)
    assert "repair r1" in str(caught.value)
    assert execute("SELECT count(*) FROM events") == rows
    again.close()


def test_a_key_the_ledger_does_not_hold(ledger: Ledger) -> None:
    """工作站上是这次运行的键而账本没有写过：账本落后了；写过的、别人的、认不出的都不算。"""
    state = registered(ledger)
    write(ledger, state, {"type": "INTENT", "stage": "stop-ip", "ip": FIRST, "attempt": 2})
    for attempt in (1, 2):
        refuse_if_behind(state, FIRST, idempotency_key("r1", state.nonce, FIRST, "stop-ip", attempt))
    for foreign in ("", "by-hand", idempotency_key("r1", "0badc0de", FIRST, "stop-ip", 9)):
        refuse_if_behind(state, FIRST, foreign)
    for action, attempt in (("stop-ip", 3), ("deploy-ip", 1)):
        with pytest.raises(RecordsDisagreeError, match="账本落后了"):
            refuse_if_behind(state, FIRST, idempotency_key("r1", state.nonce, FIRST, action, attempt))
    assert other_owner(state, idempotency_key("r7", "0badc0de", FIRST, "x", 1)) == "运行 r7（0badc0de）"
    assert other_owner(state, idempotency_key("r1", state.nonce, FIRST, "x", 1)) == other_owner(state, "") == ""


def test_the_end_is_one_transaction(ledger: Ledger) -> None:
    """「结束」的事件、退出码与放开模块同一个事务；写不进去就一样也没有。"""
    state = registered(ledger)
    ledger.lock_module(state)
    over = {"type": "RUN_FINISHED", "exit_code": 0, "reason": "好"}

    async def end(session: RunSession) -> None:
        """结束。"""
        await session.append(dict(over), also=ledger.finish_row("r1", 0, "好"))

    ledger.engine.dispose()
    execute("ALTER TABLE module_locks RENAME TO away")
    with pytest.raises(LedgerError):
        in_session(ledger, state, end)
    execute("ALTER TABLE away RENAME TO module_locks")
    assert (ledger.get_run("r1").exit_code, ledger.load_state("r1").exit_code) == (None, None)
    in_session(ledger, new_state(), end)
    assert (ledger.get_run("r1").exit_code, ledger.load_state("r1").exit_code) == (0, 0)
    assert execute("SELECT count(*) FROM module_locks") == [(0,)]


def test_a_lock_whose_run_is_over_is_no_lock(ledger: Ledger) -> None:
    """锁还在而它的运行结束了：不算锁，别的运行照样占得到。"""
    first, second = registered(ledger), registered(ledger, "r2")
    for state in (first, second):
        state.execution_strategy = "script_only"
    ledger.lock_module(first)
    with pytest.raises(ModuleBusyError, match="r1"):
        ledger.lock_module(second)
    execute("UPDATE runs SET exit_code = 12 WHERE run_id = 'r1'")
    ledger.check_module(second)
    ledger.lock_module(second)
    assert execute("SELECT run_no FROM module_locks") == [(2,)]


@pytest.fixture
def closed(home: Path) -> Path:
    """一份写完关好的 SQLite 账本。"""
    ledger = Ledger(store_url())
    write(ledger, registered(ledger), step(1))
    ledger.close()
    return DATABASE.absolute()


def contents(folder: Path) -> dict[str, bytes]:
    """一个目录里的全部文件。"""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("crashed", ["", "crash"], ids=["关好的", "留着 WAL 的"])
def test_looking_at_a_read_only_folder(crashed: str, closed: Path, home: Path) -> None:
    """目录只读、没有写权限的人也看得了；留着没有并回的 WAL 的也看得全，文件一个字节不变。"""
    if crashed:
        subprocess.run([sys.executable, "-c", CRASH, store_url()], check=True, cwd=ROOT)
        assert Path(f"{closed}-wal").stat().st_size
    before = contents(closed.parent)
    for path in closed.parent.iterdir():
        path.chmod(0o444)
    closed.parent.chmod(0o555)
    home.chmod(0o755)
    command = [sys.executable, "-c", LOOK, "sqlite:///runtime/pam.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=home)
    closed.parent.chmod(0o700)
    assert (done.returncode, done.stdout) == (0, f"{2 if crashed else 1}\n"), done.stderr
    assert contents(closed.parent) == before


def test_looking_while_another_writes(closed: Path) -> None:
    """别的进程正写着：看得到已经落盘的，也不碍它写。"""
    ledger = Ledger(store_url())
    state = ledger.load_state("r1")
    for number in range(3):
        write(ledger, state, step(number))
        seen = Ledger(store_url(), look=True)
        assert len(seen.load_state("r1").events) == number + 2
        seen.close()
    ledger.close()


def test_looking_never_creates(home: Path) -> None:
    """没有账本：说没有，不新建。"""
    with pytest.raises(LedgerError, match="文件不在"):
        Ledger(store_url(), look=True)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("name", ["a?b=c", "a%41", "空 格", "mode=ro&x"])
def test_a_folder_is_that_very_folder(name: str, home: Path) -> None:
    """目录名里的 ?、%、空格与汉字就是它自己。"""
    path = home / name / "pam.db"
    ledger = Ledger(f"sqlite:///{path}")
    ledger.create_run(new_state())
    ledger.close()
    assert path.stat().st_size
    assert Ledger(f"sqlite:///{path}", look=True).exists("r1")
