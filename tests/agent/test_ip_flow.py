"""``run_ip_flow`` 与 ``run_deploy_flow``：范围、次序、失败、不重做（contract 第 6 节）。"""

from typing import Any

import pytest

from pam_deploy_graph.constants import IP_ACTION_SEQUENCE
from pam_deploy_graph.models import AgentState
from tests.agent.rig import (
    FIRST,
    ONLINE,
    PARAMS,
    SECOND,
    THIRD,
    Rig,
    event_types,
    failed_calls,
    folded,
    global_calls,
    ip_calls,
    without_times,
)


def test_every_online_workstation_when_none_was_asked(rig: Rig) -> None:
    """没有点名：在线的都做，一台接一台，每台五步，一步不多。"""
    state = rig.ready()
    rig.agent.run_ip_flow(state)
    assert rig.calls == ip_calls(*ONLINE)
    assert state.target_ips == ONLINE
    assert {ip: w.status for ip, w in state.ip_states.items()} == dict.fromkeys(ONLINE, "SUCCESS")
    assert state.pending_confirmation == ""


def test_asked_workstations_in_the_order_asked(rig: Rig) -> None:
    """点了名：只做点名而在线的，按点名的次序，重复的只做一次。"""
    state = rig.ready(target_ips=[THIRD, FIRST, THIRD])
    rig.agent.run_ip_flow(state)
    assert rig.calls == ip_calls(THIRD, FIRST)
    assert state.target_ips == [THIRD, FIRST]
    assert list(state.ip_states) == [THIRD, FIRST]
    assert "TARGET_SCOPE_CHANGED" not in event_types(state)


def test_asked_but_offline_gives_one_event(rig: Rig) -> None:
    """点名而不在线的合成一个事件，再跑也不重复；其余照做。"""
    state = rig.ready(target_ips=["10.0.0.9", SECOND, "10.0.0.8"])
    rig.agent.run_ip_flow(state)
    rig.agent.run_ip_flow(state)
    (event,) = [e for e in state.events if e["type"] == "TARGET_SCOPE_CHANGED"]
    assert (event["missing_ips"], event["target_ips"]) == (["10.0.0.9", "10.0.0.8"], [SECOND])
    assert rig.calls == ip_calls(SECOND)
    assert list(state.ip_states) == [SECOND]


@pytest.mark.parametrize(
    "options",
    [
        {"target_ips": []},
        {"target_ips": ["10.0.0.8", "10.0.0.9"]},
        {"control_params": {"target_ips": ["10.0.0.9"]}},
        {"control_params": {"exclude_ips": ONLINE}},
        {"control_params": {"exclude_ips": "10.0.0.0/29"}},
        {"target_ips": [FIRST], "control_params": {"exclude_ips": [FIRST]}},
    ],
    ids=str,
)
def test_an_empty_scope_never_becomes_all(options: dict[str, Any], rig: Rig) -> None:
    """要求的范围一台也不剩：一台也不做，再跑几次也不会变成全部。"""
    state = rig.ready(**options)
    for _ in range(3):
        rig.agent.run_ip_flow(state)
        assert (rig.calls, state.target_ips, state.ip_states) == ([], [], {})
    assert folded(state.run_id).ip_states == {}


def test_nobody_online(rig: Rig) -> None:
    """没有在线的工作站：一台也不做。"""
    rig.fake.online_ips = []
    state = rig.agent.run_deploy_flow(rig.state())
    assert rig.calls == global_calls()
    assert (state.target_ips, state.ip_states) == ([], {})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"control_params": {"exclude_ips": [SECOND]}}, [FIRST, THIRD]),
        ({"control_params": {"exclude_ips": "10.0.0.0/31"}}, [SECOND, THIRD]),
        ({"target_ips": [THIRD, FIRST], "control_params": {"exclude_ips": [THIRD]}}, [FIRST]),
    ],
    ids=str,
)
def test_excluded_workstations_are_left_alone(options: dict[str, Any], expected: list[str], rig: Rig) -> None:
    """排除的工作站不碰，也不算作不在线。"""
    state = rig.ready(**options)
    rig.agent.run_ip_flow(state)
    assert rig.calls == ip_calls(*expected)
    assert "TARGET_SCOPE_CHANGED" not in event_types(state)


def test_events_of_one_workstation(rig: Rig) -> None:
    """一台的事件以 ``IP_START`` 开头，各步依次完成，以 ``IP_DONE`` 结尾。"""
    state = rig.ready(target_ips=[FIRST])
    rig.agent.run_ip_flow(state)
    assert event_types(state, FIRST) == ["IP_START", *["ACTION_DONE"] * len(IP_ACTION_SEQUENCE), "IP_DONE"]
    assert [e["stage"] for e in state.events if e.get("ip") == FIRST and "stage" in e] == IP_ACTION_SEQUENCE


def test_state_of_a_workstation_that_succeeded(rig: Rig) -> None:
    """成功的工作站：步骤齐全，没有失败，日志路径在案。"""
    state = rig.ready(target_ips=[FIRST])
    rig.agent.run_ip_flow(state)
    one = state.ip_states[FIRST]
    assert (one["status"], one["completed_steps"]) == ("SUCCESS", IP_ACTION_SEQUENCE)
    assert (one["failed_stage"], one["failure_reason"], one["rollback_status"]) == ("", "", "ROLLBACK_NOT_RUN")
    assert one["rollback_stop_first"] is False
    assert FIRST in one["log_file"]


def test_running_while_in_flight(rig: Rig) -> None:
    """做到一半时状态是 RUNNING，``ip_states`` 里只有已经开工的。"""
    seen: list[tuple[list[str], str]] = []
    state = rig.ready()
    inner = rig.fake.run_action

    async def watching(current: AgentState, action: str, **kwargs: Any) -> Any:
        """记下调用那一刻的样子。"""
        seen.append((list(current.ip_states), current.ip_states[kwargs["ip"]].status))
        return inner(current, action, **kwargs)

    rig.fake.arun_action = watching  # type: ignore[method-assign,assignment]  # 只看一眼，照常回答
    rig.agent.run_ip_flow(state)
    assert seen[0] == ([FIRST], "RUNNING")
    assert seen[len(IP_ACTION_SEQUENCE)] == ([FIRST, SECOND], "RUNNING")


@pytest.mark.parametrize("action", IP_ACTION_SEQUENCE)
def test_a_failure_stops_and_asks(action: str, rig: Rig) -> None:
    """哪一步失败就停在哪一步：记下原因，取日志，设置待确认，后面的工作站不开工，不自行重试。"""
    rig.fake.fail(action, SECOND, error="电源掉了", times=1)
    state = rig.ready(run_id="r1")
    rig.agent.run_ip_flow(state)
    assert rig.calls == [*ip_calls(FIRST), *failed_calls(action, SECOND)]
    one = state.ip_states[SECOND]
    assert (one.status, one.failed_stage, one.failure_reason) == ("FAILED", action, "电源掉了")
    assert one.completed_steps == IP_ACTION_SEQUENCE[: IP_ACTION_SEQUENCE.index(action)]
    assert one.rollback_status == "PENDING_AGENT_CONFIRMATION"
    assert one.rollback_stop_first is (action in ("start-ip", "verify-ip"))
    assert state.pending_confirmation == f"rollback-ip:{SECOND}"
    assert (state.last_failed_step, THIRD in state.ip_states) == (action, False)
    log = [] if action == "download-log" else ["ACTION_DONE"]
    assert event_types(state, SECOND)[-2 - len(log) :] == ["ACTION_FAIL", "CONFIRMATION_REQUIRED", *log]
    assert without_times(folded("r1")) == without_times(state)


@pytest.mark.parametrize("success", ["true", "True", "TRUE", "1", "yes", "Yes", " true ", True, 1])
def test_verified_when_success_is_true(success: object, rig: Rig) -> None:
    """``SUCCESS`` 为 true、1、yes 才算验证通过，大小写不论。"""
    rig.fake.fail("verify-ip", values={"SUCCESS": success})
    state = rig.agent.run_ip_flow(rig.ready(target_ips=[FIRST]))
    assert state.ip_states[FIRST].status == "SUCCESS"


@pytest.mark.parametrize("success", ["false", "0", "no", "", "ok", "truely", "TRUE1", None, False, 0, [], ["true"]])
def test_not_verified_otherwise(success: object, rig: Rig) -> None:
    """``SUCCESS`` 是别的任何值都是失败，回滚之前要先停。"""
    rig.fake.fail("verify-ip", FIRST, values={"SUCCESS": success, "MESSAGE": "探针没有回答"})
    state = rig.agent.run_ip_flow(rig.ready())
    one = state.ip_states[FIRST]
    assert (one.status, one.failed_stage, one.failure_reason) == ("FAILED", "verify-ip", "探针没有回答")
    assert one.rollback_stop_first is True
    assert rig.calls == failed_calls("verify-ip", FIRST)
    assert state.pending_confirmation == f"rollback-ip:{FIRST}"


@pytest.mark.parametrize("action", IP_ACTION_SEQUENCE)
def test_an_answer_is_judged_by_what_it_says(action: str, rig: Rig) -> None:
    """说成功而话没有说全的，不是失败：只凭 ``ok`` 与 ``SUCCESS`` 判断（图里缺键是失败）。"""
    state = rig.ready(target_ips=[FIRST])
    inner = rig.fake.run_action

    async def bare(current: AgentState, name: str, **kwargs: Any) -> Any:
        """把这个动作的应答掏空。"""
        result = inner(current, name, **kwargs)
        result.values = {} if name == action else result.values
        return result

    rig.fake.arun_action = bare  # type: ignore[method-assign,assignment]  # 掏空应答，别的照常
    rig.agent.run_ip_flow(state)
    one = state.ip_states[FIRST]
    assert (one.status, one.failed_stage, one.completed_steps) == ("SUCCESS", "", IP_ACTION_SEQUENCE)


def test_the_log_never_hides_the_first_reason(rig: Rig) -> None:
    """失败之后日志也取不到：原因仍是最初的那个，只问一件事。"""
    rig.fake.fail("deploy-ip", FIRST, error="磁盘满了")
    rig.fake.fail("download-log", FIRST, error="日志也读不了")
    state = rig.agent.run_ip_flow(rig.ready())
    one = state.ip_states[FIRST]
    assert (one.failed_stage, one.failure_reason, one.log_file) == ("deploy-ip", "磁盘满了", "")
    assert state.last_failed_step == "deploy-ip"
    assert event_types(state, FIRST).count("CONFIRMATION_REQUIRED") == 1


def test_the_log_of_a_failed_workstation_is_kept(rig: Rig) -> None:
    """失败之后取到的日志记在这台名下。"""
    state = rig.paused("start-ip")
    assert FIRST in state.ip_states[FIRST].log_file


def test_pending_returns_at_once(rig: Rig) -> None:
    """有待确认事项时，两个流程都立即返回，状态分毫不动，没有调用。"""
    state = rig.paused()
    before = without_times(state)
    assert rig.agent.run_ip_flow(state) is state
    assert rig.agent.run_deploy_flow(state) is state
    assert (without_times(state), rig.calls) == (before, [])


def test_pending_set_by_the_caller_counts(rig: Rig) -> None:
    """调用者自己写上的待确认事项同样有效，全局流程也不做。"""
    state = rig.state()
    state.pending_confirmation = "rollback-ip:10.0.0.1"
    rig.agent.run_deploy_flow(state)
    rig.agent.run_ip_flow(state)
    assert (rig.calls, state.pending_confirmation) == ([], "rollback-ip:10.0.0.1")


def test_still_waiting_is_asked_again(rig: Rig) -> None:
    """待确认事项被清掉而那台仍在等决定：再跑时重新设上，不开新的。"""
    state = rig.paused()
    state.pending_confirmation = ""
    rig.agent.run_ip_flow(state)
    assert state.pending_confirmation == f"rollback-ip:{FIRST}"
    assert rig.calls == []


def test_finished_workstations_are_never_run_again(rig: Rig) -> None:
    """成功的、失败而已决定的都不再做，只做还没开工的。"""
    state = rig.paused(ip=SECOND)
    rig.agent.confirm_pending(state, approved=False)
    rig.agent.run_ip_flow(state)
    assert rig.calls == ip_calls(THIRD)
    rig.agent.run_deploy_flow(state)
    assert rig.calls == ip_calls(THIRD)
    assert [w.status for w in state.ip_states.values()] == ["SUCCESS", "FAILED", "SUCCESS"]


def test_done_steps_are_skipped(rig: Rig) -> None:
    """``completed_steps`` 里的步骤不再做，由调用者放进去的普通字典也算。"""
    state = rig.ready(target_ips=[FIRST])
    given: Any = {FIRST: {"status": "RUNNING", "completed_steps": ["stop-ip", "deploy-ip"]}}
    state.ip_states = given
    rig.fake.fail("verify-ip", values={"VERSION": PARAMS["VERSION_NUMBER"]})
    rig.agent.run_ip_flow(state)
    assert rig.calls == [(action, FIRST) for action in IP_ACTION_SEQUENCE[2:]]
    assert state.ip_states[FIRST].status == "SUCCESS"


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED"])
def test_status_set_by_the_caller_counts(status: str, rig: Rig) -> None:
    """调用者写上的 SUCCESS 或 FAILED 同样不再做。"""
    state = rig.ready(target_ips=[FIRST])
    given: Any = {FIRST: {"status": status}}
    state.ip_states = given
    rig.agent.run_ip_flow(state)
    assert (rig.calls, state.ip_states[FIRST].status) == ([], status)


def test_deploy_flow_is_global_then_workstations(rig: Rig) -> None:
    """``run_deploy_flow`` 先全局后逐台，整个部署的调用恰好是这些。"""
    state = rig.state(run_id="r1")
    assert rig.agent.run_deploy_flow(state) is state
    assert rig.calls == [*global_calls(), *ip_calls(*ONLINE)]
    assert without_times(folded("r1")) == without_times(state)


def test_keys_of_workstation_actions(rig: Rig) -> None:
    """会改变工作站的动作带幂等键 ``<run_id>.<nonce>:<ip>:<action>:1``，只读的不带。"""
    state = rig.agent.run_ip_flow(rig.ready(run_id="r1", target_ips=[FIRST]))
    for action in IP_ACTION_SEQUENCE:
        expected = f"r1.{state.nonce}:{FIRST}:{action}:1" if action in ("stop-ip", "deploy-ip", "start-ip") else None
        assert rig.kwargs(action, FIRST)[0].get("idempotency_key") == expected


class Shaky:
    """某个动作抛异常的后端。"""

    def __init__(self, rig: Rig, action: str) -> None:
        """收下台架与要出错的动作。"""
        self._rig, self._action = rig, action

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> Any:
        """到了那个动作就抛异常。"""
        if action == self._action:
            self._rig.fake.calls.append((action, kwargs.get("ip"), kwargs))
            raise OSError("连接断了")
        return self._rig.fake.run_action(state, action, **kwargs)


@pytest.mark.parametrize(
    ("action", "status"), [("stop-ip", "IN_DOUBT"), ("deploy-ip", "IN_DOUBT"), ("verify-ip", "FAILED")]
)
def test_a_backend_that_raises_stops_one_workstation(action: str, status: str, rig: Rig) -> None:
    """后端抛异常：会改变外界的动作是结果未知，只读的是失败；都停下问人，不重做。"""
    state = rig.ready(run_id="r1")
    rig.agent = type(rig.agent)(fake_runner=Shaky(rig, action))
    rig.agent.run_ip_flow(state)
    one = state.ip_states[FIRST]
    assert (one.status, one.failed_stage) == (status, action)
    assert "连接断了" in one.failure_reason
    assert rig.calls == failed_calls(action, FIRST)
    assert state.pending_confirmation == f"rollback-ip:{FIRST}"
    assert folded("r1").ip_states == state.ip_states
