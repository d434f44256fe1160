"""回滚就是回到这次运行之前：问的、做的、说的都照读回来的真相（contract 第 3、5、8 节）。"""

from typing import Any

import pytest

from pam_deploy_graph.constants import DECISIONS
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.inventory import EMPTY
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.report.html.page import render_html
from pam_deploy_graph.report.summary import render_report, report_object
from pam_deploy_graph.runs.status import render_standing, standing
from pam_deploy_graph.runs.workstation_story import render_story, story_of
from tests.graph.desk import IPS, Desk

ONE = IPS[0]


def asked(desk: Desk, action: str, **control: Any) -> dict[str, Any]:
    """走到第一台在 ``action`` 失败、等人决定的地方，返回它的问题。"""
    desk.fake.fail(action, ONE, times=1)
    desk.begin(**control)
    (question,) = desk.answer("approve")["waiting"]
    return dict(question)


def rollback_keys(desk: Desk) -> list[str]:
    """每次回滚带的幂等键里的尝试次数。"""
    return [given["idempotency_key"][-1] for action, _, given in desk.fake.calls if action == "rollback-ip"]


def touch(fake: FakeActionRunner, **truth: Any) -> None:
    """别人动了第一台。"""
    for name, value in truth.items():
        setattr(fake._workstations[ONE], name, value)


def test_a_failed_stop_is_not_rolled_back_to_an_older_release(desk: Desk) -> None:
    """停止失败，什么也没有变：同意之后还是那一版，报告也这样说。"""
    question = asked(desk, "stop-ip")
    assert (question["version_before"], question["version_now"], question["running"]) == ("0.0.0", "0.0.0", True)
    assert question["effects"]["approve"] == "0.0.0 没有换过，正在运行，什么也不改变"
    desk.answer("approve")
    (given,) = (given for action, ip, given in desk.fake.calls if action == "rollback-ip")
    assert given["to_version"] == "0.0.0"
    row = desk.services.state_of(desk.values()["run_id"]).ip_states[ONE]
    assert (row["rollback_status"], row["version_now"], row["running"]) == ("ROLLBACK_DONE", "0.0.0", "true")


def test_what_each_answer_does_is_said(desk: Desk) -> None:
    """停下之后部署失败：问题说出版本、停着，以及每种回答做什么。"""
    question = asked(desk, "deploy-ip")
    assert question["effects"] == {str(decision): row.does for decision, row in DECISIONS.items()} | {
        "approve": "0.0.0 没有换过，把它启动",
        "reject": "保持现状，0.0.0，gate 已停止，柜台不可用",
        "retry": "先查证它的实情，再从 deploy-ip 继续，装 1.2.3",
    }
    text = desk.open_question()["action_requests"][0]["description"]
    assert "开工前 0.0.0，此刻 0.0.0（已停止，" in text
    assert " 读回），要装 1.2.3" in text
    assert "拒绝：保持现状，0.0.0，gate 已停止，柜台不可用" in text


def test_the_dark_counter_is_the_first_line_of_every_screen(desk: Desk) -> None:
    """部署失败、保持现状，问题、status、各种报告与 JSON 的第一行都是停用的那一台。"""
    line = f"停用 1 台：{ONE}（gate 已停止，0.0.0）"
    asked(desk, "deploy-ip")
    assert desk.open_question()["headline"].splitlines()[0] == line
    ledger, run_id = desk.services.ledger, desk.values()["run_id"]
    for _ in range(2):  # 等着决定时，以及拒绝之后
        state = ledger.load_state(run_id)
        report = report_object(state, [])
        assert render_standing(standing(ledger, run_id)).splitlines()[0] == line
        assert render_report(state, brief=True).splitlines()[0] == line
        assert render_story(story_of(ledger, run_id, ONE, EMPTY)).splitlines()[0] == line
        assert next(iter(report)) == "first_line"
        assert (report["first_line"], report["out_of_service"]) == (line, [ONE])
        assert report["ips"][ONE]["running"] is False
        page = render_html(report)
        assert page.index(line) < page.index("PAM 部署报告</p>")
        desk.answer("reject")
    assert desk.values()["answer"].splitlines()[0] == line


def test_an_approval_of_something_else_is_void(desk: Desk) -> None:
    """同意之后、执行之前有人换了版本：不动手，说明变了什么，重新问；别的运行动过的不给同意。"""
    asked(desk, "verify-ip")
    touch(desk.fake, version="1.2.4", last_key="r9.0a0b0c0d:10.0.0.1:deploy-ip:1")
    again = desk.answer("approve")
    assert rollback_keys(desk) == []
    (question,) = again["waiting"]
    assert "问的时候是 1.2.3" in question["changed"] or "运行 r9" in question["changed"]
    assert "approve" not in question["allowed_decisions"]
    assert "运行 r9 在这次运行之后动过它" in question["no_approve"]
    refused = desk.answer("approve")
    assert "不能 approve" in refused["problem"]
    assert rollback_keys(desk) == []


def test_running_is_only_asked_anew_where_it_matters(desk: Desk) -> None:
    """要换回旧版的，在不在运行不改变同意做什么：照做；不必换的，变了就重新问。"""
    asked(desk, "verify-ip")
    touch(desk.fake, running=False)
    desk.answer("approve")
    assert rollback_keys(desk) == ["1"]


def test_started_by_hand_meanwhile_is_asked_anew(desk: Desk) -> None:
    """问的时候停着、执行之前有人启动了：同意做的事变了，重新问。"""
    asked(desk, "deploy-ip")
    touch(desk.fake, running=True)
    (question,) = desk.answer("approve")["waiting"]
    assert rollback_keys(desk) == []
    assert question["effects"]["approve"] == "0.0.0 没有换过，正在运行，什么也不改变"


def test_every_decision_has_its_own_key(desk: Desk) -> None:
    """再同意一次回滚是新的一次：不用上一次的键。"""
    desk.fake.fail("rollback-ip", ONE, times=1)
    asked(desk, "verify-ip")
    assert desk.answer("approve")["ask"] == "rollback-ip"
    desk.answer("approve")
    assert rollback_keys(desk) == ["1", "2"]


def test_rolled_back_is_what_is_read_back(desk: Desk) -> None:
    """应答说成功而读回来不是开工之前的版本：没有退成，说出读回来的是什么。"""
    asked(desk, "verify-ip")
    real = desk.fake.run_action

    def lying(state: AgentState, action: str, **given: Any) -> ActionResult:
        """回滚什么也不做，只说成功。"""
        if action != "rollback-ip":
            return real(state, action, **given)
        values = {"SUCCESS": "true", "MESSAGE": "", "VERSION": "0.0.0", "RUNNING": "true"}
        return ActionResult(ok=True, action=action, backend="fake", values=values)

    desk.fake.run_action = lying  # type: ignore[method-assign]  # 换掉这一个假后端的方法
    (question,) = desk.answer("approve")["waiting"]
    assert question["rollback_status"] == "ROLLBACK_FAILED"
    assert question["rollback_failure"] == "读回来是 1.2.3，gate 在运行；应为 0.0.0，在运行"


@pytest.mark.parametrize(("before", "said"), [("", "开工之前没有安装"), ("0.0.0", "开工之前它是停着的")])
def test_what_there_is_to_go_back_to(desk: Desk, before: str, said: str) -> None:
    """开工之前没有安装的，不给同意；停着的，说明回滚会把它启动。"""
    desk.begin()
    desk.fake.run_action(desk.services.state_of(desk.values()["run_id"]), "query-ip", ip=ONE)
    touch(desk.fake, version=before, running=False)
    desk.fake.fail("verify-ip", ONE)
    (question,) = desk.answer("approve")["waiting"]
    assert ("approve" in question["allowed_decisions"]) == bool(before)
    assert said in question["no_approve"] + question["effects"].get("approve", "")


def test_those_named_and_not_reached_are_named(desk: Desk) -> None:
    """点了名的三台只有一台在线：做完那一台不是「全部完成」，以 11 结束，点出没有到的。"""
    desk.begin(target_ips=[ONE, "10.0.0.8", "10.0.0.9"])
    done = desk.answer("approve")
    assert done["exit_code"] == 11
    said = "要求 3 台：1 台成功，2 台没有到（不在线）：10.0.0.8、10.0.0.9"
    assert said in done["answer"]
    ledger, run_id = desk.services.ledger, done["run_id"]
    assert said in render_standing(standing(ledger, run_id))
    report = report_object(ledger.load_state(run_id), [])
    assert report["not_reached"] == ["10.0.0.8", "10.0.0.9"]
    assert "3 台中 1 台已部署 1.2.3，2 台没有到（不在线）：10.0.0.8、10.0.0.9" in render_html(report)
