"""旧版本的账本：在一个事务里迁到现在的版本，旁边留一份原样的副本，半途的运行接着做完。

``ledger_v1.sql`` 是旧程序写的。
"""

import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.ledger import Ledger, migrations
from pam_deploy_graph.ledger.schema import SCHEMA_VERSION
from pam_deploy_graph.models import ActionResult, AgentState
from tests.agent.rig import DATABASE, execute, store_url

OLD = Path(__file__).with_name("ledger_v1.sql")
KEPT = DATABASE.with_name("pam.db.v1")
FIRST, SECOND = "10.0.0.1", "10.0.0.2"
RUNS = ["waiting", "half-done", "decided", "ending"]


@pytest.fixture(autouse=True)
def old(home: Path) -> None:
    """旧程序留下的账本。"""
    DATABASE.parent.mkdir()
    with sqlite3.connect(DATABASE) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(OLD.read_text(encoding="utf-8"))
    connection.close()


def dump(path: Path) -> list[str]:
    """一个数据库的全部内容。"""
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_everything_is_there_afterwards(home: Path) -> None:
    """登记、事件、决定与取消一样不少；副本与原来的一字不差，只有本人可读。"""
    before = dump(DATABASE)
    ledger = Ledger(store_url())
    assert execute("SELECT version FROM ledger_meta") == [(SCHEMA_VERSION,)]
    assert sorted(run.run_id for run in ledger.list_runs()) == sorted(RUNS)
    assert ledger.load_state("waiting").pending_confirmation == f"rollback-ip:{FIRST}"
    (decided, cancelled) = ledger.decision_chain("decided")
    assert (decided.subject, decided.decision, decided.operator, decided.note) == (FIRST, "approve", "值班长", "退")
    assert (cancelled.subject, ledger.get_run("decided").cancelled_by) == ("cancel", "值班长")
    assert (dump(KEPT), stat.S_IMODE(KEPT.stat().st_mode)) == (before, 0o600)
    ledger.close()


def test_an_ending_that_was_cut_short_is_completed(home: Path) -> None:
    """死在「结束」中途的：事件说结束了，登记与模块锁也就照办。"""
    ledger = Ledger(store_url())
    record = ledger.get_run("ending")
    assert (record.exit_code, record.reason) == (0, "2 台全部完成")
    assert ledger.load_state("ending").exit_code == 0
    ledger.lock_module(ledger.load_state("waiting"))
    ledger.close()


def test_a_waiting_run_goes_on(home: Path) -> None:
    """等人决定的：回答之后做完，用的还是当时的键的写法。"""
    fake = FakeActionRunner(online_ips=[FIRST, SECOND])
    agent = PamDeployAgent(fake_runner=fake)
    state = agent._open_ledger().load_state("waiting")
    agent.confirm_pending(state, approved=True)
    agent.run_ip_flow(state)
    keys = [given["idempotency_key"] for action, _, given in fake.calls if "idempotency_key" in given]
    assert keys[0] == f"waiting:{FIRST}:rollback-ip:1"
    assert state.ip_states[FIRST].rollback_status == "ROLLBACK_DONE"
    assert state.ip_states[SECOND].status == "SUCCESS"


class Asked:
    """一个查证时答出某个键的后端。"""

    def __init__(self, last_key: str) -> None:
        """``last_key`` 是第一台最近一次生效的键。"""
        self.fake, self._last_key = FakeActionRunner(online_ips=[FIRST, SECOND]), last_key

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """照常做，查证除外。"""
        result = self.fake.run_action(state, action, **kwargs)
        if (action, kwargs.get("ip")) == ("query-ip", FIRST):
            result.values["LAST_KEY"] = self._last_key
        return result


@pytest.mark.parametrize(("last", "times"), [("deploy-ip", 0), ("stop-ip", 1)])
def test_a_death_in_mid_action_is_settled(last: str, times: int, home: Path) -> None:
    """死在动作当中的：照旧的键查证，做过的不再做，没做的用同一个键做。"""
    world = Asked(f"half-done:{FIRST}:{last}:1")
    agent = PamDeployAgent(fake_runner=world)
    state = agent._open_ledger().load_state("half-done")
    agent.run_deploy_flow(state)
    made = [given["idempotency_key"] for action, ip, given in world.fake.calls if (action, ip) == ("deploy-ip", FIRST)]
    assert made == [f"half-done:{FIRST}:deploy-ip:1"] * times
    assert {w.status for w in state.ip_states.values()} == {"SUCCESS"}


def test_a_migration_that_fails_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """迁到一半出错：原来的账本一字不变，下次再来。"""
    before = dump(DATABASE)
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "_chain_run", lambda *_: (_ for _ in ()).throw(OSError("磁盘满了")))
        with pytest.raises(LedgerError, match="磁盘满了"):
            Ledger(store_url())
    assert dump(DATABASE) == before
    Ledger(store_url()).close()
    assert execute("SELECT version FROM ledger_meta") == [(SCHEMA_VERSION,)]


def test_a_living_old_program_is_waited_for(home: Path) -> None:
    """旧版本的程序还握着一次运行：不迁移，说出是谁。"""
    execute("UPDATE leases SET host = 'far-away', pid = 7, expires_at = 99999999999999 WHERE run_no = 1")
    before = dump(DATABASE)
    with pytest.raises(LedgerError, match="far-away"):
        Ledger(store_url())
    assert dump(DATABASE) == before


def test_looking_does_not_migrate(home: Path) -> None:
    """只看的：看得到，而文件不动，旁边什么也不多。"""
    before = {path: path.read_bytes() for path in DATABASE.parent.iterdir()}
    ledger = Ledger(store_url(), look=True)
    assert ledger.load_state("waiting").pending_confirmation == f"rollback-ip:{FIRST}"
    ledger.close()
    assert {path: path.read_bytes() for path in DATABASE.parent.iterdir()} == before


def test_a_damaged_run_does_not_stop_the_migration(home: Path) -> None:
    """一次运行的链早就断了：别的照样迁移，坏的还是说坏了。"""
    execute("UPDATE events SET body = 'x' WHERE run_no = 1 AND seq = 2")
    ledger = Ledger(store_url())
    assert ledger.load_state("half-done").open_intents
    with pytest.raises(LedgerError, match="第 2 行"):
        ledger.load_state("waiting")
    ledger.close()
