"""中断的内容：人作决定所需的一切，审阅界面能画出来（contract 第 5 节）。"""

import json
from typing import Any

import pytest

from pam_deploy_graph.flows.rollback import question_of
from tests.graph.desk import IPS, PARAMS, READ_ONLY, SOME, Desk

CONFIRMATION = {"type", "ip", "failed_stage", "failure_reason", "rollback_stop_first", "allowed_decisions"}
SCREEN_DECISIONS = {"approve", "edit", "reject", "respond"}


def ask(desk: Desk, name: str) -> dict[str, Any]:
    """走到名为 ``name`` 的问题。"""
    if name == "provide_params":
        return desk.begin(SOME)
    return desk.begin() if name == "approve_plan" else desk.to_rollback(*IPS[:2], ask_after=2)


@pytest.mark.parametrize("name", ["provide_params", "approve_plan", "rollback-ip"])
def test_the_review_schema(desk: Desk, name: str) -> None:
    """内容是 JSON，符合审阅界面的模式：每个请求有名字、参数、说明，每个名字有一份允许的决定。"""
    question = ask(desk, name)
    assert json.loads(json.dumps(question)) == question
    assert (question["ask"], question["type"]) == (name, name)
    requests, configs = question["action_requests"], question["review_configs"]
    assert requests
    for request in requests:
        assert set(request) == {"name", "args", "description"}
        assert (request["name"], type(request["args"]), bool(request["description"])) == (name, dict, True)
    assert [config["action_name"] for config in configs] == [name]
    assert set(configs[0]["allowed_decisions"]) <= SCREEN_DECISIONS
    assert configs[0]["allowed_decisions"]


def test_the_plan_question(desk: Desk) -> None:
    """批准计划的问题说清机场、应用、模块、版本、目标、步骤、策略和摘要。"""
    question = desk.begin()
    text = question["action_requests"][0]["description"]
    for said in [*PARAMS.values(), *IPS, "fake", "verify-ip"]:
        assert said in text
    assert len(question["digest"]) == 64
    assert question["plan"]["targets"] == len(IPS)


def test_the_rollback_question(desk: Desk) -> None:
    """回滚的问题有 ``build_confirmation_request`` 的键，每台一份，键值与账本里的相同。"""
    question = desk.to_rollback(*IPS[:2], ask_after=2)
    state = desk.services.ledger.load_state(desk.values()["run_id"])
    assert question.keys() >= CONFIRMATION
    for ip, waiting, request in zip(IPS[:2], question["waiting"], question["action_requests"], strict=True):
        expected = question_of(state, ip)
        assert set(expected) >= CONFIRMATION
        assert {key: waiting[key] for key in expected} == expected
        assert request["args"]["ip"] == ip
        assert ip in request["description"]
        assert expected["failure_reason"] in request["description"]


@pytest.mark.parametrize("name", ["provide_params", "approve_plan", "rollback-ip"])
def test_nothing_happens_before_an_answer(desk: Desk, name: str) -> None:
    """问出来之前没有改变任何东西；回滚之前没有碰过回滚，也没有碰过下一台。"""
    ask(desk, name)
    done = {action for action, _, _ in desk.fake.calls}
    if name == "provide_params":
        assert done == set()
    elif name == "approve_plan":
        assert done <= READ_ONLY
        assert desk.actions() == []
    else:
        assert "rollback-ip" not in done
        assert IPS[2] not in {ip for _, ip in desk.actions()}


@pytest.mark.parametrize("name", ["provide_params", "approve_plan", "rollback-ip"])
def test_the_question_is_also_said(desk: Desk, name: str) -> None:
    """停在问题上的时候，会话里最后一条就是这个问题，聊天界面看得见。"""
    question = ask(desk, name)
    said = str(desk.values()["messages"][-1].text)
    assert question["action_requests"][0]["description"].strip() in said


def test_an_empty_list_of_exclusions_excludes_nothing(desk: Desk) -> None:
    """空的排除清单：照常给出计划，全部在内。"""
    assert desk.begin(exclude_ips=[])["plan"]["targets"] == len(IPS)


def test_an_empty_list_of_targets_is_nobody(desk: Desk) -> None:
    """空的目标清单：以 12 停下，绝不变成全部，什么也没做。"""
    assert desk.begin(target_ips=[])["exit_code"] == 12
    assert desk.actions() == []
