"""说好了重试而还没有动手的，叫停了就不做：令牌不行、有人要停、取消（contract 第 8 节 cancel：只把进行中的做完）。"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.constants import Backend, IpStatus, ScriptExit
from pam_deploy_graph.errors import RunPausedError
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.runs import stop_signs
from tests.graph.desk import Desk

IPS = [f"10.0.0.{number}" for number in range(1, 9)]
STEPS = ["stop-ip", "deploy-ip", "start-ip", "verify-ip"]
"""轮着失败，免得接连三台一样。"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """八台一台接一台都失败了，等人决定。"""
    monkeypatch.setattr(stop_signs, "_CANCEL_POLL_SECONDS", 0)
    made = Desk(tmp_path, InMemorySaver(), ips=IPS)
    for place, ip in enumerate(IPS):
        made.fake.fail(STEPS[place % len(STEPS)], ip, times=1)
    made.begin(ask_after=8, execution_strategy="script_only")
    made.answer("approve")
    assert [one.awaits_decision for one in state_of(made).ip_states.values()] == [True] * 8
    return made


def state_of(desk: Desk) -> AgentState:
    """账本里的状态。"""
    return desk.services.ledger.load_state(desk.values()["run_id"])


def interrupt_at(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], object]) -> list[str]:
    """此后每次动手都先叫一声；返回动过手的各台。"""
    really, touched = FakeActionRunner.run_action, []

    def run_action(self: FakeActionRunner, state: AgentState, action: str, **given: Any) -> ActionResult:
        """动手的时候出了事。"""
        if "idempotency_key" in given:
            touched.append(str(given["ip"]))
            if isinstance(answer := happen(), ActionResult):
                return answer
        return really(self, state, action, **given)

    monkeypatch.setattr(FakeActionRunner, "run_action", run_action)
    return touched


def test_an_expired_token_stops_the_retries(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """令牌过期：只有第一台碰了壁，一个问题；其余的仍是说好了重试，令牌好了接着做完。"""
    refused = ActionResult.failure("stop-ip", Backend.SCRIPT, "令牌过期", exit_code=ScriptExit.UNAUTHORISED)
    spoiled = [True]
    touched = interrupt_at(monkeypatch, lambda: refused if spoiled else None)
    desk.answer(dict.fromkeys(IPS, "retry"))
    assert set(touched) == {IPS[0]}
    assert [ip for ip, one in state_of(desk).ip_states.items() if one.awaits_decision] == [IPS[0]]
    spoiled.clear()
    desk.answer({IPS[0]: "retry"})
    assert {one.status for one in state_of(desk).ip_states.values()} == {IpStatus.SUCCESS}


def test_a_person_stops_the_retries(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C：第一台做完，其余的不动；继续就接着重试。"""
    touched = interrupt_at(monkeypatch, desk.services.signs.process.set)
    with pytest.raises(RunPausedError):
        desk.answer(dict.fromkeys(IPS, "retry"))
    assert set(touched) == {IPS[0]}
    assert [one.status for one in state_of(desk).ip_states.values()] == [IpStatus.SUCCESS, *[IpStatus.RUNNING] * 7]


def test_a_cancel_stops_the_retries(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """取消：第一台做完，其余的还是原来的失败，不算还在做。"""
    run_id = desk.values()["run_id"]
    touched = interrupt_at(monkeypatch, lambda: desk.services.ledger.cancel(run_id, "alice"))
    desk.answer(dict.fromkeys(IPS, "retry"))
    run = state_of(desk)
    assert set(touched) == {IPS[0]}
    assert [one.status for one in run.ip_states.values()] == [IpStatus.SUCCESS, *[IpStatus.FAILED] * 7]
    assert [one.failed_stage for one in run.ip_states.values()][1:] == [STEPS[n % 4] for n in range(1, 8)]
    assert run.exit_code == 12
