"""待确认事项：``build_confirmation_request`` 与 ``confirm_pending``（contract 第 6 节）。"""

import json
import re
from typing import Any

import pytest

from pam_deploy_graph.constants import IP_ACTION_SEQUENCE
from pam_deploy_graph.errors import AlreadyDecidedError, ConfirmationError
from pam_deploy_graph.flows.rollback_question import question_digest
from pam_deploy_graph.ledger import Approval, Ledger
from tests.agent.rig import (
    DATABASE,
    FIRST,
    SECOND,
    THIRD,
    Rig,
    event_types,
    folded,
    ip_calls,
    without_times,
)


def test_nothing_pending_is_an_empty_request(rig: Rig) -> None:
    """没有待确认事项：请求是空字典。"""
    assert rig.agent.build_confirmation_request(rig.state()) == {}


@pytest.mark.parametrize("action", IP_ACTION_SEQUENCE)
def test_the_request_says_what_is_asked(action: str, rig: Rig) -> None:
    """请求恰好是合同规定的六个键，可以写成 JSON；问一问不改变状态，也没有调用。"""
    state = rig.paused(action)
    before = without_times(state)
    request = rig.agent.build_confirmation_request(state)
    assert json.loads(json.dumps(request)) == {
        "type": "rollback-ip",
        "ip": FIRST,
        "failed_stage": action,
        "failure_reason": f"{action} 坏了",
        "rollback_stop_first": action in ("start-ip", "verify-ip"),
        "allowed_decisions": ["approve", "reject"],
    }
    assert (without_times(state), rig.calls) == (before, [])


@pytest.mark.parametrize("approved", [True, False])
def test_nothing_pending_cannot_be_confirmed(approved: bool, rig: Rig) -> None:  # noqa: FBT001 —— 参数表里的一列
    """没有待确认事项时回答：报规定的错，没有调用。"""
    with pytest.raises(ValueError, match=r"^当前没有待确认事项$"):
        rig.agent.confirm_pending(rig.ready(), approved=approved)
    assert rig.calls == []


@pytest.mark.parametrize(("pending", "kind"), [("approve-plan", "approve-plan"), ("reboot:10.0.0.1", "reboot")])
def test_other_kinds_are_not_supported(pending: str, kind: str, rig: Rig) -> None:
    """别的种类：报规定的错，写出种类，没有调用。"""
    state = rig.ready()
    state.pending_confirmation = pending
    with pytest.raises(ValueError, match=f"^不支持的确认类型: {kind}$"):
        rig.agent.confirm_pending(state, approved=True)
    assert (rig.calls, state.pending_confirmation) == ([], pending)


def test_rejected(rig: Rig) -> None:
    """拒绝：记下状态与备注，不再等，没有任何调用，也不自己往下走。"""
    state = rig.paused(run_id="r1")
    assert rig.agent.confirm_pending(state, approved=False, operator_note="留着查") is state
    assert state.ip_states[FIRST].rollback_status == "REJECTED_BY_OPERATOR"
    assert (state.pending_confirmation, state.ip_states[FIRST].status) == ("", "FAILED")
    event = state.events[-1]
    assert (event["type"], event["ip"], event["note"]) == ("CONFIRMATION_REJECTED", FIRST, "留着查")
    assert (rig.calls, list(state.ip_states)) == ([], [FIRST])
    assert without_times(folded("r1")) == without_times(state)


@pytest.mark.parametrize("action", IP_ACTION_SEQUENCE)
def test_approved(action: str, rig: Rig) -> None:
    """同意：只调一次 ``rollback-ip``，带 ``stop_first``；做成了就不再等，失败的步骤清空，也不自己往下走。"""
    state = rig.paused(action, run_id="r1")
    assert rig.agent.confirm_pending(state, approved=True) is state
    assert rig.calls == [("rollback-ip", FIRST)]
    (given,) = rig.kwargs("rollback-ip", FIRST)
    stop_first = action in ("start-ip", "verify-ip")
    assert given == {"stop_first": stop_first, "idempotency_key": f"r1.{state.nonce}:{FIRST}:rollback-ip:1"}
    assert given["stop_first"] is stop_first
    assert state.ip_states[FIRST].rollback_status == "ROLLBACK_DONE"
    assert (state.pending_confirmation, state.last_failed_step) == ("", "")
    assert (state.ip_states[FIRST].status, list(state.ip_states)) == ("FAILED", [FIRST])
    assert (state.events[-1]["type"], state.events[-1]["stage"]) == ("ACTION_DONE", "rollback-ip")
    assert without_times(folded("r1")) == without_times(state)


@pytest.mark.parametrize("approved", [True, False])
def test_the_next_flow_goes_on_with_the_next_workstation(
    approved: bool,  # noqa: FBT001 —— 参数表里的一列
    rig: Rig,
) -> None:
    """决定之后由下一次 ``run_ip_flow`` 从下一台接着做，已决定的那台不再碰。"""
    state = rig.paused()
    rig.agent.confirm_pending(state, approved=approved)
    rig.fake.calls.clear()
    rig.agent.run_ip_flow(state)
    assert rig.calls == ip_calls(SECOND, THIRD)
    assert state.pending_confirmation == ""


FAILED_ROLLBACKS: list[dict[str, Any]] = [
    {"error": "没有前一个版本"},
    *({"values": {"SUCCESS": value, "MESSAGE": "没有前一个版本"}} for value in ("false", "0", "no", "", None)),
]


@pytest.mark.parametrize("failure", FAILED_ROLLBACKS, ids=str)
def test_a_failed_rollback_keeps_waiting(failure: dict[str, Any], rig: Rig) -> None:
    """回滚失败，或回答的 ``SUCCESS`` 不为真：继续等着，``run_ip_flow`` 也不往下走。"""
    state = rig.paused(run_id="r1")
    rig.fake.fail("rollback-ip", **failure)
    rig.agent.confirm_pending(state, approved=True)
    assert state.ip_states[FIRST].rollback_status == "ROLLBACK_FAILED"
    assert state.pending_confirmation == f"rollback-ip:{FIRST}"
    assert (state.last_failed_step, state.events[-1]["type"]) == ("rollback-ip", "ACTION_FAIL")
    assert "没有前一个版本" in state.events[-1]["message"]
    assert rig.calls == [("rollback-ip", FIRST)]
    rig.agent.run_ip_flow(state)
    state.pending_confirmation = ""
    rig.agent.run_ip_flow(state)
    assert rig.calls == [("rollback-ip", FIRST)]
    assert state.pending_confirmation == f"rollback-ip:{FIRST}"
    assert without_times(folded("r1")) == without_times(state)


def test_a_failed_rollback_can_be_tried_again(rig: Rig) -> None:
    """回滚失败之后再同意：换一个幂等键再试，做成为止。"""
    state = rig.paused(run_id="r1")
    rig.fake.fail("rollback-ip", times=2)
    for _ in range(3):
        assert rig.agent.build_confirmation_request(state)["ip"] == FIRST
        rig.agent.confirm_pending(state, approved=True)
    keys = [given["idempotency_key"] for given in rig.kwargs("rollback-ip", FIRST)]
    assert keys == [f"r1.{state.nonce}:{FIRST}:rollback-ip:{attempt}" for attempt in (1, 2, 3)]
    assert (state.pending_confirmation, state.ip_states[FIRST].rollback_status) == ("", "ROLLBACK_DONE")


def test_a_failed_rollback_can_be_rejected(rig: Rig) -> None:
    """回滚失败之后也可以拒绝，保持现状。"""
    state = rig.paused()
    rig.fake.fail("rollback-ip")
    rig.agent.confirm_pending(state, approved=True)
    rig.agent.confirm_pending(state, approved=False)
    assert (state.pending_confirmation, state.ip_states[FIRST].rollback_status) == ("", "REJECTED_BY_OPERATOR")


def test_nothing_is_rolled_back_without_an_answer(rig: Rig) -> None:
    """没有人回答，跑多少次都不会回滚。"""
    state = rig.paused()
    for _ in range(3):
        rig.agent.run_deploy_flow(state)
    assert ("rollback-ip", FIRST) not in rig.calls
    assert "CONFIRMATION_REJECTED" not in event_types(state)


def test_the_decision_is_recorded_with_its_author(rig: Rig) -> None:
    """决定记进账本：谁、决定了什么、备注、何时。"""
    state = rig.paused(run_id="r1")
    rig.agent.confirm_pending(state, approved=True, operator_note="按预案")
    ledger = Ledger(f"sqlite:///{DATABASE.absolute()}")
    (decision,) = ledger.decisions("r1")
    ledger.close()
    assert (decision.subject, decision.decision, decision.note) == (FIRST, "approve", "按预案")
    assert decision.operator
    assert decision.decided_at > 0


def test_someone_else_decided_first(rig: Rig) -> None:
    """别人已经先作了决定：告知是谁，不作数，没有调用。"""
    state = rig.paused(run_id="r1")
    ledger = Ledger(f"sqlite:///{DATABASE.absolute()}")
    ledger.decide("r1", Approval(FIRST, question_digest(state, FIRST), "reject", "值班长", "", 0))
    ledger.close()
    with pytest.raises(AlreadyDecidedError, match="值班长"):
        rig.agent.confirm_pending(state, approved=True)
    assert rig.calls == []


def test_decided_twice_in_memory(rig: Rig) -> None:
    """决定过的事再决定一次：已经没有待确认事项。"""
    state = rig.paused()
    rig.agent.confirm_pending(state, approved=True)
    with pytest.raises(ConfirmationError, match=re.escape("当前没有待确认事项")):
        rig.agent.confirm_pending(state, approved=True)
    assert rig.calls == [("rollback-ip", FIRST)]
