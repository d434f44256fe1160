"""读回的真相：动手之前总要问一次，失败之后再问一次；没有问到的就是不知道，不当作别的。"""

from dataclasses import replace
from typing import Any

import pytest

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.models import ActionResult, AgentState
from tests.graph.desk import Desk


def state_of(desk: Desk, ip: str) -> dict[str, Any]:
    """账本里一台的状态。"""
    found: dict[str, Any] = desk.services.state_of(desk.values()["run_id"]).ip_states[ip]
    return found


def test_the_truth_is_read_before_the_first_effect(desk: Desk) -> None:
    """开工之前读到的版本、在不在运行与最后的键都记下；做完之后是新的。"""
    desk.begin()
    desk.answer("approve")
    calls = [action for action, ip, _ in desk.fake.calls if ip == "10.0.0.1"]
    assert calls[:2] == ["query-ip", "stop-ip"]
    known = state_of(desk, "10.0.0.1")
    assert (known["version_before"], known["running_before"], known["key_before"]) == ("0.0.0", "true", "")
    assert (known["version_now"], known["running"], known["to_version"]) == ("1.2.3", "true", "0.0.0")
    assert known["read_at"] > 0


def test_the_truth_is_read_again_after_a_failure(desk: Desk) -> None:
    """停下之后部署失败：读回的是「停着」，开工之前的不变。"""
    desk.fake.fail("deploy-ip", "10.0.0.1")
    desk.begin()
    desk.answer("approve")
    known = state_of(desk, "10.0.0.1")
    assert (known["version_now"], known["running"]) == ("0.0.0", "false")
    assert (known["version_before"], known["running_before"]) == ("0.0.0", "true")


@pytest.mark.parametrize("said", [{"ONLINE": "false", "VERSION": "", "RUNNING": ""}, None])
def test_nothing_is_done_where_the_truth_is_not_known(desk: Desk, said: dict[str, str] | None) -> None:
    """动手之前读不到真相的不动手，停下来问；查清之后从头做。"""
    desk.fake.fail("query-ip", "10.0.0.1", values=said, times=1)
    desk.begin()
    question = desk.answer("approve")
    assert (question["ip"], question["failed_stage"]) == ("10.0.0.1", "query-ip")
    assert desk.actions()[-1] == ("sync-node", None)
    known = state_of(desk, "10.0.0.1")
    assert (known["version_before"], known["running_before"], known["read_at"]) == ("", "", 0)
    desk.answer("retry")
    assert state_of(desk, "10.0.0.1")["status"] == "SUCCESS"
    assert state_of(desk, "10.0.0.1")["version_before"] == "0.0.0"


def test_what_cannot_be_read_after_a_failure_is_not_known(desk: Desk) -> None:
    """失败之后读不到：此前读到的不再作数。"""
    desk.fake.fail("stop-ip", "10.0.0.1")
    desk.begin()
    first = desk.fake.run_action

    def unreachable_after_stop(state: Any, action: str, **given: Any) -> Any:
        """停止之后就联系不上。"""
        if any(done == ("stop-ip", "10.0.0.1") for done in desk.actions()):
            desk.fake.fail("query-ip", "10.0.0.1", times=1)
        return first(state, action, **given)

    desk.fake.run_action = unreachable_after_stop  # type: ignore[method-assign]  # 换掉这一个假后端的方法
    desk.answer("approve")
    known = state_of(desk, "10.0.0.1")
    assert (known["version_now"], known["running"], known["read_at"]) == ("", "", 0)
    assert (known["version_before"], known["running_before"]) == ("0.0.0", "true")


def test_an_offline_answer_is_no_evidence(desk: Desk) -> None:
    """部署结果未知，节点说它不在线、没有 LAST_KEY：不当作没有做，不再送；上次读到的键照旧，不算别人动过。"""
    desk.begin()
    inner, sent = desk.fake.run_action, []

    def run_action(state: AgentState, action: str, **given: Any) -> ActionResult:
        """第一台的部署没有回答，之后它就不在线。"""
        if given.get("ip") != "10.0.0.1":
            return inner(state, action, **given)
        if action == "deploy-ip":
            sent.append(action)
            if len(sent) == 1:
                return ActionResult.failure(action, "fake", "没有回答", exit_code=ScriptExit.UNKNOWN)
        found = inner(state, action, **given)
        if action == "query-ip" and len(sent) == 1 and not back:
            return replace(
                found, values=found.values | {"ONLINE": "false", "LAST_KEY": "", "VERSION": "", "RUNNING": ""}
            )
        return found

    back: list[bool] = []
    desk.fake.run_action = run_action  # type: ignore[method-assign]  # 插在中间
    desk.answer("approve")
    known = state_of(desk, "10.0.0.1")
    assert (known["status"], len(sent), known["last_key"].endswith(":stop-ip:1")) == ("IN_DOUBT", 1, True)
    back.append(True)
    ended = desk.answer("retry")
    assert (ended["exit_code"], len(sent)) == (0, 2), ended
