"""钟前后拨几小时、几天、几年，换夏令时，在崩溃之后或途中：次序看账本，不看钟；接得下去，不打转，不重做。"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.constants import IpStatus, ScriptExit
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.inventory import Inventory
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.report.html.page import render_html
from pam_deploy_graph.report.html.timeline import timeline_of
from pam_deploy_graph.report.summary import report_object
from pam_deploy_graph.runs.workstation_story import render_story, story_of
from pam_deploy_graph.system.shown_time import zone, zoned_moment
from tests.graph.desk import IPS, Desk

HOUR = 3600
CHANGING = ("stop-ip", "deploy-ip", "start-ip")
STEPS = [-HOUR, HOUR, -3 * 24 * HOUR, 3 * 24 * HOUR, -10 * 365 * 24 * HOUR, 10 * 365 * 24 * HOUR]
BERLIN, NEW_YORK = "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0"
SAVING = [  # 时区，换的那一刻（UTC），换的前后
    (BERLIN, "2026-10-25T01:00:00+00:00", "UTC+02:00、UTC+01:00"),
    (BERLIN, "2027-03-28T01:00:00+00:00", "UTC+01:00、UTC+02:00"),
    (NEW_YORK, "2026-11-01T06:00:00+00:00", "UTC-04:00、UTC-05:00"),
    (NEW_YORK, "2027-03-14T07:00:00+00:00", "UTC-05:00、UTC-04:00"),
]


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


@pytest.fixture
def set_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """换本机的时区；用完换回来。"""

    def put(name: str) -> None:
        """换成这一个。"""
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("name", "at", "zones"), SAVING)
def test_a_shown_time_is_one_time(
    name: str, at: str, zones: str, set_zone: Any, record_property: Callable[[str, object], None]
) -> None:
    """换夏令时的前后三小时，每一刻写出来的都读得回那一刻：没有两刻写成一样。"""
    set_zone(name)
    change = int(datetime.fromisoformat(at).timestamp() * 1000)
    moments = range(change - 3 * HOUR * 1000, change + 3 * HOUR * 1000, 60_000)
    assert [datetime.fromisoformat(zoned_moment(each)).timestamp() * 1000 for each in moments] == list(moments)
    assert zone(change - 1, change) == zones
    record_property("figure", f"{name} 换夏令时的前后：{len(moments)} 个时刻，写成一样的 0")


@pytest.mark.parametrize(("name", "at", "zones"), SAVING[:2], ids=["autumn", "spring"])
def test_daylight_saving_changes_midway(
    name: str, at: str, zones: str, desk: Desk, set_zone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """推到第二台换夏令时，正等着再送：等的还是那么久，每一步一次；报告说出前后两个时区，没有一台的用时多出一小时。"""
    now, inner, step = time.time_ns, desk.fake.run_action, 2 * HOUR * 1_000_000_000
    start = int(datetime.fromisoformat(at).timestamp() * 1e9) - step // 2 - now()
    changed: list[float] = []
    monkeypatch.setattr(time, "time_ns", lambda: now() + start + (step if changed else 0))

    def run_action(state: AgentState, action: str, **given: Any) -> ActionResult:
        """第二台的第一步没有收下，钟在这时换了。"""
        if (action, given.get("ip")) == ("stop-ip", IPS[1]) and not changed:
            changed.append(time.monotonic())
            return ActionResult.failure(action, "fake", "忙", exit_code=ScriptExit.NOT_TAKEN, retry_after=0)
        return inner(state, action, **given)

    set_zone(name)
    monkeypatch.setattr(desk.fake, "run_action", run_action)
    desk.begin()
    ended = desk.answer("approve")
    run, took = desk.services.ledger.load_state(ended["run_id"]), time.monotonic() - changed[0]
    report = report_object(run, list(map(asdict, desk.services.ledger.decisions(run.run_id))))
    told = story_of(desk.services.ledger, run.run_id, IPS[1], Inventory())
    assert (ended["exit_code"], took < HOUR / 60) == (0, True)
    changing = [call for call in desk.actions() if call[1] and call[0] in CHANGING]
    assert changing == [(action, ip) for ip in IPS for action in CHANGING]
    assert f"时刻都是 {zones}。" in render_html(report)
    assert f"时刻（{zones}）" in render_story(told)


@pytest.mark.parametrize("seconds", STEPS)
def test_the_timeline_is_the_ledgers(seconds: int, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """问与答之间拨了钟：时间线上问在答之前、答在做之前，没有负的用时。"""
    now, moved = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: now() + moved[0] * 1_000_000_000)
    desk.to_rollback(IPS[0])
    moved[0] = seconds
    ended = desk.answer("approve")
    ledger, run_id = desk.services.ledger, ended["run_id"]
    report = report_object(ledger.load_state(run_id), list(map(asdict, ledger.decisions(run_id))))
    kinds = [entry.kind for entry in timeline_of(report)]
    assert kinds == ["plan", "approval", "steps", "wave", "pause", "decision", "rollback", "wave", "end"]
    assert "-" not in render_html(report).partition("用时")[2][:20]
