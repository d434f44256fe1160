"""假后端：照实回答、按脚本失败、记下调用（contract 第 3 节）。"""

from typing import Any

import pytest

from pam_deploy_graph.constants import ACTIONS, IP_ACTION_SEQUENCE, build_action_backends
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.models import ActionResult, AgentState
from tests.agent.rig import FIRST, ONLINE, PARAMS, SECOND


@pytest.fixture
def state() -> AgentState:
    """走假后端的状态。"""
    return AgentState("r1", dict(PARAMS), "fake", build_action_backends("fake"))


@pytest.fixture
def fake() -> FakeActionRunner:
    """三台在线的假后端。"""
    return FakeActionRunner(online_ips=ONLINE)


def _do(fake: FakeActionRunner, state: AgentState, action: str, ip: str = FIRST, **kwargs: Any) -> ActionResult:
    """做一个动作；对单台的动作带上 ``ip``。"""
    where = {"ip": ip} if ACTIONS[action].per_ip else {}
    return fake.run_action(state, action, **where, **kwargs)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_answers_with_its_keys(action: str, fake: FakeActionRunner, state: AgentState) -> None:
    """每个动作都成功，带齐应有的键，后端是 ``fake``。"""
    result = _do(fake, state, action)
    assert (result.ok, result.action, result.backend) == (True, action, "fake")
    assert (result.missing_keys(), result.error_summary, result.in_doubt) == ([], "", False)


def test_the_online_list_is_what_was_given(fake: FakeActionRunner, state: AgentState) -> None:
    """在线的就是给的那几台，机场就是参数里的机场。"""
    values = _do(fake, state, "get-online-ips").values
    assert (values["IP"], values["AIRPORT_CODE"]) == (ONLINE, "PEK")


def test_without_a_list_some_are_online(state: AgentState) -> None:
    """不给在线列表也有几台可用；给空列表就是一台也没有。"""
    assert FakeActionRunner().run_action(state, "get-online-ips").values["IP"]
    assert FakeActionRunner(online_ips=[]).run_action(state, "get-online-ips").values["IP"] == []


def test_calls_are_recorded(fake: FakeActionRunner, state: AgentState) -> None:
    """``calls`` 按先后记下动作、工作站与其余参数；全局动作的工作站是 ``None``，失败的也记。"""
    fake.fail("stop-ip")
    fake.run_action(state, "check-home")
    fake.run_action(state, "stop-ip", ip=FIRST, idempotency_key="k")
    fake.run_action(state, "rollback-ip", ip=SECOND, stop_first=True)
    assert fake.calls == [
        ("check-home", None, {}),
        ("stop-ip", FIRST, {"idempotency_key": "k"}),
        ("rollback-ip", SECOND, {"stop_first": True}),
    ]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_scripted_error(action: str, fake: FakeActionRunner, state: AgentState) -> None:
    """编排的失败：``ok`` 为假，原因照给的说，没有 ``times`` 就永远失败。"""
    fake.fail(action, error="坏了")
    for _ in range(3):
        result = _do(fake, state, action)
        assert (result.ok, result.error_summary, result.backend) == (False, "坏了", "fake")


def test_a_failure_has_a_reason_even_unsaid(fake: FakeActionRunner, state: AgentState) -> None:
    """没说原因的失败也有一个原因。"""
    fake.fail("stop-ip")
    assert _do(fake, state, "stop-ip").error_summary


def test_a_failure_for_one_workstation(fake: FakeActionRunner, state: AgentState) -> None:
    """只对一台编排的失败不影响别的工作站与别的动作。"""
    fake.fail("stop-ip", FIRST)
    assert not _do(fake, state, "stop-ip").ok
    assert _do(fake, state, "stop-ip", SECOND).ok
    assert _do(fake, state, "start-ip").ok


@pytest.mark.parametrize("times", [0, 1, 3])
def test_so_many_times(times: int, fake: FakeActionRunner, state: AgentState) -> None:
    """``times`` 次之后恢复正常。"""
    fake.fail("stop-ip", times=times)
    outcomes = [_do(fake, state, "stop-ip").ok for _ in range(5)]
    assert outcomes == [False] * times + [True] * (5 - times)


def test_values_are_laid_over_the_answer(fake: FakeActionRunner, state: AgentState) -> None:
    """``values`` 盖在本来的应答上，其余的键照旧，``ok`` 仍为真。"""
    honest = _do(fake, state, "verify-ip").values
    fake.fail("verify-ip", values={"SUCCESS": "false", "EXTRA": "1"}, times=1)
    result = _do(fake, state, "verify-ip")
    assert result.ok
    assert result.values == honest | {"SUCCESS": "false", "EXTRA": "1"}
    assert _do(fake, state, "verify-ip").values == honest


def test_values_for_all_workstations_for_ever(fake: FakeActionRunner, state: AgentState) -> None:
    """``values`` 不限台数与次数时，每台每次都一样。"""
    fake.fail("verify-ip", values={"SUCCESS": "no"})
    answers = [_do(fake, state, "verify-ip", ip).values["SUCCESS"] for ip in (*ONLINE, *ONLINE)]
    assert answers == ["no"] * 6


def test_failures_queue_up(fake: FakeActionRunner, state: AgentState) -> None:
    """先编排的先用，用完再用后一条。"""
    fake.fail("stop-ip", error="一", times=1)
    fake.fail("stop-ip", error="二", times=1)
    assert [_do(fake, state, "stop-ip").error_summary for _ in range(3)] == ["一", "二", ""]


def test_fail_takes_options_by_name(fake: FakeActionRunner) -> None:
    """动作与工作站之后的都按名字给。"""
    positional: Any = fake.fail
    with pytest.raises(TypeError):
        positional("stop-ip", FIRST, "坏了")


def test_it_behaves_like_a_small_pam(fake: FakeActionRunner, state: AgentState) -> None:
    """部署之后查得到新版本，回滚之后回到这次运行之前的版本；同一个键只生效一次，``LAST_KEY`` 是最后的键。"""
    before = _do(fake, state, "query-ip").values["VERSION"]
    for action in IP_ACTION_SEQUENCE:
        _do(fake, state, action, idempotency_key=f"r.1:{action}" if ACTIONS[action].changes else None)
    truth = _do(fake, state, "query-ip").values
    assert (truth["VERSION"], truth["RUNNING"], truth["LAST_KEY"]) == ("1.3.0", "true", "r.1:start-ip")
    for _ in range(2):
        back = _do(fake, state, "rollback-ip", stop_first=True, idempotency_key="r.1:rollback-ip")
        found = [back.values[key] for key in ("SUCCESS", "VERSION", "RUNNING")]
        assert found == ["true", before, "true"]


def test_a_rollback_never_goes_further_back_than_this_run(fake: FakeActionRunner, state: AgentState) -> None:
    """这次运行什么也没有动过的，回滚什么也不换；点名的版本就是它回来。"""
    for action in ("stop-ip", "deploy-ip", "start-ip"):
        _do(fake, state, action, idempotency_key=f"r.1:{action}")
    back = _do(fake, state, "rollback-ip", stop_first=False, idempotency_key="r.2:rollback-ip")
    assert (back.values["VERSION"], back.values["RUNNING"]) == ("1.3.0", "true")
    named = _do(fake, state, "rollback-ip", stop_first=False, to_version="1.1.0", idempotency_key="r.2:rollback-ip:2")
    assert named.values["VERSION"] == "1.1.0"


async def test_the_asynchronous_face_is_the_same(fake: FakeActionRunner, state: AgentState) -> None:
    """异步接口与同步接口的回答和记录相同。"""
    fake.fail("stop-ip", FIRST, error="坏了")
    result = await fake.arun_action(state, "stop-ip", ip=FIRST, idempotency_key="k")
    assert result == fake.run_action(state, "stop-ip", ip=FIRST, idempotency_key="k")
    assert fake.calls[0] == fake.calls[1]


def test_an_unknown_action_cannot_be_scripted(fake: FakeActionRunner) -> None:
    """编排没有的动作：当场说出来，不是默默无效。"""
    with pytest.raises(ValueError, match="stopip"):
        fake.fail("stopip")


def test_an_address_in_another_spelling(fake: FakeActionRunner, state: AgentState) -> None:
    """编排时 IPv6 地址怎么写都对得上。"""
    fake.fail("stop-ip", "2001:DB8:0::1")
    assert not _do(fake, state, "stop-ip", "2001:db8::1").ok
