"""``run_global_flow``：六步的次序、参数、事件、失败（contract 第 6 节）。"""

import json
from pathlib import Path

import pytest

from pam_deploy_graph.constants import ACTIONS, GLOBAL_ACTION_SEQUENCE
from pam_deploy_graph.errors import GlobalStepError
from tests.agent.rig import FIRST, ONLINE, Rig, event_types, folded, global_calls, without_times

WITH_HASH = [name for name in GLOBAL_ACTION_SEQUENCE if "hash_code" in ACTIONS[name].needs]


def test_the_six_steps_in_order(rig: Rig) -> None:
    """六步依次各做一次，事实进了状态，一步不多。"""
    state = rig.agent.run_global_flow(rig.state())
    assert rig.calls == global_calls()
    assert state.completed_global_steps == GLOBAL_ACTION_SEQUENCE
    assert state.last_success_step == GLOBAL_ACTION_SEQUENCE[-1]
    assert (state.online_ips, state.last_failed_step, state.ip_states) == (ONLINE, "", {})
    assert len(state.hash_code) == 64
    assert state.node_url.startswith("http")


def test_it_returns_the_same_state(rig: Rig) -> None:
    """返回的就是传进去的那个状态。"""
    state = rig.state()
    assert rig.agent.run_global_flow(state) is state


def test_the_hash_goes_where_it_is_needed(rig: Rig) -> None:
    """``publish-version`` 与 ``sync-node`` 带上安装包的散列，别的步骤不带。"""
    state = rig.agent.run_global_flow(rig.state())
    for action in GLOBAL_ACTION_SEQUENCE:
        (given,) = rig.kwargs(action)
        assert given.get("hash_code") == (state.hash_code if action in WITH_HASH else None)


def test_changing_steps_carry_a_key(rig: Rig) -> None:
    """会改变外界的步骤带幂等键 ``<run_id>.<nonce>:-:<action>:1``，只读的不带。"""
    state = rig.agent.run_global_flow(rig.state(run_id="r1"))
    for action in GLOBAL_ACTION_SEQUENCE:
        (given,) = rig.kwargs(action)
        assert given.get("idempotency_key") == (f"r1.{state.nonce}:-:{action}:1" if ACTIONS[action].changes else None)


def test_each_step_adds_one_event(rig: Rig) -> None:
    """每一步一个 ``ACTION_DONE`` 事件，带动作、后端与消息。"""
    state = rig.agent.run_global_flow(rig.state())
    assert [(e["type"], e["stage"], e["backend"]) for e in state.events] == [
        ("ACTION_DONE", action, "fake") for action in GLOBAL_ACTION_SEQUENCE
    ]
    assert all(isinstance(event["message"], str) for event in state.events)
    assert json.loads(json.dumps(state.events)) == state.events


def test_done_steps_are_skipped(rig: Rig) -> None:
    """``completed_global_steps`` 里的步骤不再做，由调用者写进去的也算。"""
    state = rig.state()
    state.completed_global_steps = GLOBAL_ACTION_SEQUENCE[:2]
    state.hash_code = "ab" * 32
    rig.agent.run_global_flow(state)
    assert rig.calls == global_calls()[2:]
    assert rig.kwargs("publish-version")[0]["hash_code"] == "ab" * 32


def test_done_twice_is_done_once(rig: Rig) -> None:
    """做完之后再来一次，一个调用也没有。"""
    state = rig.ready()
    before = without_times(state)
    rig.agent.run_global_flow(state)
    assert rig.calls == []
    assert without_times(state) == before


@pytest.mark.parametrize("action", GLOBAL_ACTION_SEQUENCE)
def test_a_failure_stops_there(action: str, rig: Rig) -> None:
    """哪一步失败就停在哪一步：记下、保存、抛出规定的消息，不自行重试。"""
    rig.fake.fail(action, error="磁盘满了")
    state = rig.state(run_id="r1", checkpoint_path="ckpt.json")
    with pytest.raises(RuntimeError) as caught:
        rig.agent.run_global_flow(state)
    assert str(caught.value) == f"{action} 执行失败: 磁盘满了"
    done = GLOBAL_ACTION_SEQUENCE[: GLOBAL_ACTION_SEQUENCE.index(action)]
    assert rig.calls == [(name, None) for name in [*done, action]]
    assert (state.last_failed_step, state.completed_global_steps) == (action, done)
    failed = state.events[-1]
    assert (failed["type"], failed["stage"], failed["backend"]) == ("ACTION_FAIL", action, "fake")
    assert failed["message"] == "磁盘满了"
    assert event_types(state) == ["ACTION_DONE"] * len(done) + ["ACTION_FAIL"]
    saved = json.loads(Path("ckpt.json").read_text(encoding="utf-8"))["state"]
    assert (saved["last_failed_step"], saved["completed_global_steps"]) == (action, done)
    assert without_times(folded("r1")) == without_times(state)


@pytest.mark.parametrize("action", GLOBAL_ACTION_SEQUENCE)
def test_going_on_after_a_failure(action: str, rig: Rig) -> None:
    """修好之后再来，从失败的那一步接着做；尝试次数在记下失败之后才加一。"""
    rig.fake.fail(action, times=1)
    state = rig.state(run_id="r1")
    with pytest.raises(GlobalStepError):
        rig.agent.run_global_flow(state)
    rig.fake.calls.clear()
    rig.agent.run_global_flow(state)
    assert rig.calls == [(name, None) for name in GLOBAL_ACTION_SEQUENCE[GLOBAL_ACTION_SEQUENCE.index(action) :]]
    if ACTIONS[action].changes:
        assert rig.kwargs(action)[0]["idempotency_key"] == f"r1.{state.nonce}:-:{action}:2"
    assert state.completed_global_steps == GLOBAL_ACTION_SEQUENCE


@pytest.mark.parametrize(
    ("action", "values", "named"),
    [
        ("sync-node", {"HASH_CODE": "0" * 64}, "HASH_CODE"),
        ("get-online-ips", {"AIRPORT_CODE": "SHA"}, "SHA"),
    ],
)
def test_an_answer_that_does_not_fit_fails(action: str, values: dict[str, str], named: str, rig: Rig) -> None:
    """散列与 HOME 的不同、节点属于别的机场，都是失败，即使对方说成功。"""
    rig.fake.fail(action, values=values)
    state = rig.state()
    with pytest.raises(RuntimeError, match=f"^{action} 执行失败: .*{named}"):
        rig.agent.run_deploy_flow(state)
    assert state.last_failed_step == action
    assert state.ip_states == {}


def test_deploy_flow_does_not_start_workstations_after_a_global_failure(rig: Rig) -> None:
    """全局步骤失败，一台工作站也不碰。"""
    rig.fake.fail("publish-version")
    with pytest.raises(RuntimeError):
        rig.agent.run_deploy_flow(rig.state(target_ips=[FIRST]))
    assert all(ip is None for _, ip in rig.calls)
