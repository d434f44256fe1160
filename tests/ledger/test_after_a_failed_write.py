"""曾经的缺陷：账本写失败之后：内存与检查点的行号走在账本前面，空间腾出来也接不下去；数据库的错没有译成 LedgerError。"""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.checkpoint_store import load_checkpoint
from pam_deploy_graph.errors import LedgerError
from tests.agent.rig import DATABASE, PARAMS, Rig, execute, folded, without_times
from tests.ledger.test_ledger_faults import FULL_DISK


@pytest.mark.parametrize("resumed_from", ["memory", "checkpoint"])
def test_going_on_when_there_is_room_again(resumed_from: str, rig: Rig) -> None:
    """磁盘满停下，腾出空间之后：同一个状态、或当时存下的检查点，都能接着做完，每步一次。"""
    rig.fake.online_ips = [f"10.0.0.{n}" for n in range(1, 31)]
    state = rig.ready(run_id="r1", checkpoint_path="ckpt.json")
    ledger = rig.agent._open_ledger()
    ledger.close()
    pages = execute("PRAGMA page_count")[0][0] + 1
    event.listen(ledger.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(LedgerError, match="full"):
        rig.agent.run_ip_flow(state)
    ledger.close()
    if resumed_from == "checkpoint":
        state = load_checkpoint("ckpt.json")
    PamDeployAgent(fake_runner=rig.fake).run_ip_flow(state)
    assert {w.status for w in state.ip_states.values()} == {"SUCCESS"}
    assert len(state.ip_states) == 30
    made = [call for call in rig.calls if call[0] in ("stop-ip", "deploy-ip", "start-ip")]
    assert len(made) == len(set(made)) == 90
    assert without_times(folded("r1")) == without_times(state)


@pytest.mark.parametrize("room", [0, 20_000])
def test_a_full_disk_is_a_ledger_error(room: int, home: Path) -> None:
    """磁盘满是 LedgerError（退出码 12），不是 SQLAlchemy 的原始错误（退出码 1）。"""
    command = [sys.executable, "-c", FULL_DISK, json.dumps(PARAMS), str(room)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    error = json.loads(done.stdout.splitlines()[0])
    assert error[:2] == ["LedgerError", 12]


def test_a_locked_ledger_is_a_ledger_error(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """取租约、记决定、改登记时账本被锁着，都是 LedgerError。"""
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=50")
    monkeypatch.setattr("pam_deploy_graph.ledger.engine._SQLITE_PRAGMAS", pragmas)
    state = rig.ready(run_id="r1")
    blocker = sqlite3.connect(DATABASE, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(LedgerError):
            rig.agent.run_ip_flow(state)
        with pytest.raises(LedgerError):
            rig.agent._open_ledger().stopped("r1", "x")
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()
