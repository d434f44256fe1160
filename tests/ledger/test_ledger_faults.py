"""账本出了毛病：损坏指出哪一行，写不进去就停在下一次动手之前（faults「storage」）。"""

import asyncio
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from pam_deploy_graph.constants import ACTIONS, ExitCode
from pam_deploy_graph.errors import LedgerDamagedError, LedgerError
from pam_deploy_graph.ledger import Ledger, RunSession
from pam_deploy_graph.models import ActionResult, AgentState
from tests.agent.rig import DATABASE, PARAMS, Rig, execute, store_url
from tests.ledger.books import in_session, new_state, registered, step, write
from tests.patience import patience

FULL_DISK = """
import json, os, resource, sys
from pathlib import Path
from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.fake_runner import FakeActionRunner
fake = FakeActionRunner()
agent = PamDeployAgent(fake_runner=fake)
state = agent.create_state(params=json.loads(sys.argv[1]), execution_strategy="fake", run_id="r1")
agent.run_global_flow(state)
fake.calls.clear()
room = max(path.stat().st_size for path in Path("runtime").iterdir()) + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    agent.run_ip_flow(state)
except Exception as error:
    print(json.dumps([type(error).__name__, getattr(error, "exit_code", None), str(error)]))
print(json.dumps(fake.calls))
os._exit(0)
"""


def _three_rows(ledger: Ledger) -> AgentState:
    """写好三行的运行。"""
    state = registered(ledger)
    write(ledger, state, *(step(number) for number in range(3)))
    return state


def test_a_database_that_is_gone_is_said_and_not_waited_for(
    ledger: Ledger, database: str, request: pytest.FixtureRequest
) -> None:
    """打开之后、头一次写之前，数据库没有了：这一行报错，不是永远等下去。"""
    state, path = registered(ledger), Path(str(ledger.engine.url.database))

    def take_away() -> None:
        """断开已有的连接，删掉库，或挪走文件。"""
        ledger.engine.dispose()
        if database == "postgres":
            request.getfixturevalue("postgres").execute(f'DROP DATABASE "{path}" WITH (FORCE)')
            return
        for name in path.parent.glob(f"{path.name}*"):
            name.rename(path.parent / f"away-{name.name}")
        path.mkdir()

    async def work(session: RunSession) -> None:
        """拿走再写。"""
        take_away()
        await asyncio.wait_for(session.append(step(1)), patience(5))

    with pytest.raises(LedgerError, match="写不进去"):
        in_session(ledger, state, work)


@pytest.mark.parametrize("seq", [1, 2, 3])
@pytest.mark.parametrize(
    "damage",
    [
        ("UPDATE events SET body = replace(body, 'type', 'tyqe') WHERE seq = ?",),
        ("UPDATE events SET body = body || ' ' WHERE seq = ?",),
        ("UPDATE events SET at = at + 1 WHERE seq = ?",),
        ("UPDATE events SET link = ? WHERE seq = ?", b"\1" * 16),
        ("UPDATE events SET link = ? WHERE seq = ?", b""),
    ],
    ids=str,
)
def test_a_changed_row_is_named(damage: tuple[str, *tuple[bytes, ...]], seq: int, ledger: Ledger) -> None:
    """改动任何一行的内容、时刻或链接：指出是哪一行，不再往下折叠。"""
    _three_rows(ledger)
    statement, *values = damage
    execute(statement, *values, seq)
    with pytest.raises(LedgerDamagedError, match=f"第 {seq} 行") as caught:
        ledger.load_state("r1")
    assert caught.value.exit_code == ExitCode.STOPPED


@pytest.mark.parametrize("seq", [1, 2])
def test_a_missing_row_is_named(seq: int, ledger: Ledger) -> None:
    """中间少了一行：指出从哪一行断开。"""
    _three_rows(ledger)
    execute("DELETE FROM events WHERE seq = ?", seq)
    with pytest.raises(LedgerDamagedError, match=f"第 {seq} 行"):
        ledger.load_state("r1")


def test_swapped_rows_are_noticed(ledger: Ledger) -> None:
    """两行对调：指出前一行。"""
    _three_rows(ledger)
    for old, new in ((1, 99), (2, 1), (99, 2)):
        execute("UPDATE events SET seq = ? WHERE seq = ?", new, old)
    with pytest.raises(LedgerDamagedError, match="第 1 行"):
        ledger.load_state("r1")


def test_a_lost_tail_is_noticed_by_who_has_seen_it(ledger: Ledger) -> None:
    """末尾的行被删：见过它的状态报出来，不会从半截接着做。"""
    state = _three_rows(ledger)
    execute("DELETE FROM events WHERE seq = 4")
    with pytest.raises(LedgerDamagedError, match="第 4 行"):
        ledger.open_session(state)
    assert ledger.holder("r1") is None


def test_a_damaged_ledger_stops_the_agent(ledger: Ledger) -> None:
    """账本损坏时代理一个动作也不做，租约也不占着。"""
    rig = Rig()
    rig.ready(run_id="r2")
    execute("UPDATE events SET body = replace(body, 'ACTION_DONE', 'ACTION_FAIL') WHERE seq = 2")
    again = rig.agent._open_ledger()
    with pytest.raises(LedgerDamagedError, match="第 2 行"):
        again.load_state("r2")
    stale = new_state("r2")
    with pytest.raises(LedgerDamagedError, match="第 2 行"):
        rig.agent.run_deploy_flow(stale)
    assert rig.calls == []
    assert ledger.holder("r2") is None


def test_other_runs_are_not_touched_by_the_damage(ledger: Ledger) -> None:
    """一次运行损坏，不妨碍读别的运行。"""
    _three_rows(ledger)
    write(ledger, registered(ledger, "r2"), step(7))
    execute("UPDATE events SET at = 0 WHERE run_no = 1 AND seq = 2")
    assert [e["number"] for e in ledger.load_state("r2").events] == [7]


class Watched:
    """每次会改变工作站的动作之前，看它的 INTENT 是否已经在文件里。"""

    def __init__(self, rig: Rig) -> None:
        """收下台架。"""
        self._rig = rig
        self.unannounced: list[str] = []

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """先查账本，再照常做。"""
        if ACTIONS[action].needs_intent:
            wanted = {"type": "INTENT", "stage": action, "ip": kwargs.get("ip")}
            rows = execute("SELECT body FROM events")
            told = [e for (body,) in rows for e in json.loads(body)]
            if not any(wanted.items() <= ({"ip": None} | e).items() for e in told):
                self.unannounced.append(action)
        return self._rig.fake.run_action(state, action, **kwargs)


def test_every_effect_is_announced_first(rig: Rig) -> None:
    """会改变外界而不可重复的动作，动手之前 INTENT 已经落盘，回滚也是。"""
    rig.fake.fail("verify-ip", "10.0.0.2")
    watched = Watched(rig)
    agent = type(rig.agent)(fake_runner=watched)
    state = agent.run_deploy_flow(rig.state())
    agent.confirm_pending(state, approved=True)
    assert ("rollback-ip", "10.0.0.2") in rig.calls
    assert watched.unannounced == []


@pytest.mark.parametrize("room", [0, 1, 3, 6])
def test_a_database_that_cannot_grow_stops_before_the_next_effect(room: int, rig: Rig) -> None:
    """账本还能长 ``room`` 页就满了：停在没有记下的动作之前，做过的都在账本里有 INTENT。"""
    rig.fake.online_ips = [f"10.0.0.{n}" for n in range(1, 101)]
    state = rig.ready()
    ledger = rig.agent._open_ledger()
    ledger.close()
    pages = execute("PRAGMA page_count")[0][0] + room
    event.listen(ledger.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(LedgerError, match="full"):
        rig.agent.run_ip_flow(state)
    rows = [json.loads(body) for (body,) in execute("SELECT body FROM events")]
    announced = [(e["stage"], e["ip"]) for row in rows for e in row if e["type"] == "INTENT" and "ip" in e]
    made = [call for call in rig.calls if ACTIONS[call[0]].needs_intent]
    assert made == announced
    assert len(made) < 100 * 3
    assert not rig.agent._open_ledger().holder(state.run_id)


@pytest.mark.parametrize("room", [0, 20_000])
def test_a_full_disk_stops_before_the_next_effect(room: int, home: Path) -> None:
    """磁盘满（文件长不了）：停下，动过手的都在账本里有 INTENT。"""
    command = [sys.executable, "-c", FULL_DISK, json.dumps(PARAMS), str(room)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    error, calls = (json.loads(line) for line in done.stdout.splitlines())
    assert error[0].endswith("Error")
    rows = [json.loads(body) for (body,) in execute("SELECT body FROM events")]
    announced = [(e["stage"], e.get("ip")) for row in rows for e in row if e["type"] == "INTENT"]
    made = [(action, ip) for action, ip, _ in calls if ACTIONS[action].needs_intent]
    assert set(made) <= set(announced)
    assert len(made) < 8 * 3


def test_a_folder_that_cannot_be_written_is_named(home: Path) -> None:
    """目录没有写权限：打不开账本，写出路径与办法，什么也没有做。"""
    script = (
        "import os, sys, json\nfrom pam_deploy_graph.agent import PamDeployAgent\n"
        "from pam_deploy_graph.errors import LedgerError\nimport pam_deploy_graph.ledger.store\n"
        "agent = PamDeployAgent()\nos.chmod('.', 0o555)\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: agent.create_state(params=json.loads(sys.argv[1]), execution_strategy='fake')\n"
        "except LedgerError as error: print(int(error.exit_code), error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(PARAMS)], check=False, capture_output=True, text=True
    )
    home.chmod(0o700)
    assert done.stdout.startswith("12 账本 "), done.stderr
    assert "pam.db" in done.stdout
    assert not DATABASE.exists()


def test_a_locked_database_is_said_to_be_locked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """别的程序一直锁着账本：等够了就报出来，登记没有写进去。"""
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=100")
    monkeypatch.setattr("pam_deploy_graph.ledger.engine._SQLITE_PRAGMAS", pragmas)
    ledger = Ledger(store_url())
    blocker = sqlite3.connect(DATABASE, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="locked"):
        ledger.create_run(new_state())
    blocker.execute("ROLLBACK")
    blocker.close()
    assert ledger.create_run(new_state()) is True
    ledger.close()
