"""随机的失败脚本与随机的决定：不变的规矩（contract 第 6 节）。"""

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pam_deploy_graph.constants import ACTIONS, IP_ACTION_SEQUENCE
from pam_deploy_graph.models import AgentState
from tests.agent.rig import ONLINE, Rig, folded, without_times

ONCE = {"stop-ip", "deploy-ip", "start-ip"}
failures: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "action": st.sampled_from([*IP_ACTION_SEQUENCE, "rollback-ip"]),
        "ip": st.sampled_from([None, *ONLINE]),
        "times": st.sampled_from([1, 2, None]),
        "values": st.sampled_from([None, {"SUCCESS": "false"}, {"VERSION": "0"}]),
    }
)
controls = st.fixed_dictionaries(
    {"max_parallel": st.integers(1, 3), "ask_after": st.integers(1, 4)},
    optional={"max_failures": st.integers(1, 3)},
)
quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextlib.contextmanager
def _rig(script: list[dict[str, Any]]) -> Iterator[Rig]:
    """在一个新的空目录里，照失败脚本编排好的台架。"""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        rig = Rig()
        for failure in script:
            rig.fake.fail(**failure)
        yield rig


def _pauses(rig: Rig, state: AgentState, decisions: list[bool]) -> Iterator[AgentState]:
    """推进到底；决定用完之后一律拒绝，因此总会结束。"""
    answers = iter(decisions)
    rig.agent.run_deploy_flow(state)
    yield state
    while state.pending_confirmation:
        rig.agent.confirm_pending(state, approved=next(answers, False))
        yield state
        rig.agent.run_deploy_flow(state)
        yield state


def _steps_done(state: AgentState) -> Counter[tuple[str, str]]:
    """每台每步记了几次完成。"""
    return Counter((e["stage"], e["ip"]) for e in state.events if e["type"] == "ACTION_DONE" and "ip" in e)


@quick
@given(script=st.lists(failures, max_size=5), decisions=st.lists(st.booleans(), max_size=6))
def test_sequential(script: list[dict[str, Any]], decisions: list[bool]) -> None:
    """默认的逐台流程：等决定时没有调用；每步至多完成一次；另一个进程折叠出同样的状态。"""
    with _rig(script) as rig:
        state = rig.state(run_id="r1")
        for paused in _pauses(rig, state, decisions):
            if paused.pending_confirmation:
                before = list(rig.calls)
                rig.agent.run_deploy_flow(paused)
                assert rig.calls == before
                assert sum(w.awaits_decision for w in paused.ip_states.values()) == 1
            assert set(_steps_done(paused).values()) <= {1}
        assert without_times(folded("r1")) == without_times(state)
        approved = sum(e["type"] == "CONFIRMATION_APPROVED" for e in state.events)
        assert sum(action == "rollback-ip" for action, _ in rig.calls) == approved
        assert list(state.ip_states) == ONLINE
        assert {w.status for w in state.ip_states.values()} <= {"SUCCESS", "FAILED"}


@quick
@given(script=st.lists(failures, max_size=5), decisions=st.lists(st.booleans(), max_size=6), control=controls)
def test_in_parallel(script: list[dict[str, Any]], decisions: list[bool], control: dict[str, int]) -> None:
    """不论并发多少：会改变工作站的动作每台至多调一次；没有决定就没有回滚；折叠与内存一致。"""
    with _rig(script) as rig:
        state = rig.state(run_id="r1", control_params=control)
        for paused in _pauses(rig, state, decisions):
            made = Counter(call for call in rig.calls if call[0] in ONCE)
            assert set(made.values()) <= {1}
            assert set(_steps_done(paused).values()) <= {1}
            waiting = [ip for ip, w in paused.ip_states.items() if w.awaits_decision]
            rolled_back = {ip for action, ip in rig.calls if action == "rollback-ip"}
            decided = {e["ip"] for e in paused.events if e["type"] == "CONFIRMATION_APPROVED"}
            assert rolled_back == decided
            assert len(waiting) <= control["ask_after"] + control["max_parallel"] - 1
        assert all(action in ACTIONS for action, _ in rig.calls)
        assert folded("r1").ip_states == state.ip_states
        assert all(w.status in ("SUCCESS", "FAILED") for w in state.ip_states.values())
