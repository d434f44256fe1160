"""钟前后拨几小时、几天、几年，正好在崩溃之后：次序看账本，不看钟；接得下去，不打转，也不重做（contract 第 8 节）。"""

import shutil
import sqlite3
import time
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.constants import IpStatus
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.models import ActionResult, AgentState
from tests.graph.desk import IPS, Desk

HOUR = 3600
CHANGING = ("stop-ip", "deploy-ip", "start-ip")
STEPS = [-HOUR, HOUR, -3 * 24 * HOUR, 3 * 24 * HOUR, -10 * 365 * 24 * HOUR, 10 * 365 * 24 * HOUR]


class Snapshot:
    """第二台的这一步生效而没有回答的那一刻，整个目录与假工作站的样子：``kill -9`` 留下的就是它。"""

    def __init__(self, at: str, home: Path, copy: Path) -> None:
        """到 ``at`` 这一步的时候抄下 ``home``。"""
        self.at, self.home, self.copy = at, home, copy
        self.workstations: dict[str, Any] = {}
        self.actions: list[tuple[str, str | None]] = []

    def take(self, desk: Desk) -> None:
        """抄下；账本里的租约是死了的进程的。"""
        self.workstations, self.actions = deepcopy(desk.fake._workstations), desk.actions()
        shutil.copytree(self.home / "runtime", self.copy / "runtime")
        with closing(sqlite3.connect(self.copy / "runtime" / "pam.db", isolation_level=None)) as connection:
            connection.execute("UPDATE leases SET expires_at = 0, pid = 0")


@pytest.mark.parametrize("seconds", STEPS)
@pytest.mark.parametrize("at", ["deploy-ip"])
def test_the_clock_is_set_after_a_crash(seconds: int, at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """第二台做到一半死了，钟拨了，再来：都做完，每一步一次；拨回去的钟不让旧检查点复活。"""
    really, now = FakeActionRunner.run_action, time.time_ns
    home, copy = tmp_path / "first", tmp_path / "again"
    snapshot = Snapshot(at, home, copy)

    def run_action(self: FakeActionRunner, state: AgentState, action: str, **given: Any) -> ActionResult:
        """照做；到了那一步抄下来。"""
        answer = really(self, state, action, **given)
        if (action, given.get("ip")) == (at, "10.0.0.2"):
            snapshot.take(first)
        return answer

    with open_saver(home / "runtime" / "checkpoints.sqlite") as saver:
        first = Desk(home, saver)
        first.begin(execution_strategy="script_only")
        with monkeypatch.context() as dying:
            dying.setattr(FakeActionRunner, "run_action", run_action)
            first.answer("approve")
        first.services.close()
    monkeypatch.setattr(time, "time_ns", lambda: now() + seconds * 1_000_000_000)
    with open_saver(copy / "runtime" / "checkpoints.sqlite") as saver:
        again = Desk(copy, saver)
        again.fake._workstations = snapshot.workstations
        again.say(None)
        run = again.services.ledger.load_state(again.values()["run_id"])
        again.services.close()
    changing = [call for call in snapshot.actions + again.actions() if call[1] and call[0] in CHANGING]
    assert run.exit_code == 0
    assert {one.status for one in run.ip_states.values()} == {IpStatus.SUCCESS}
    assert sorted(changing) == sorted((action, ip) for action in CHANGING for ip in IPS)
