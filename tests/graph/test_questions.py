"""中断的内容：人作决定所需的一切，审阅界面能画出来（contract 第 5 节）。"""

import json
from typing import Any

import pytest

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.flows.rollback_question import question_of
from pam_deploy_graph.graph.answers import read_decisions, read_typed
from pam_deploy_graph.ledger import PLAN
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
        expected = question_of(state, ip) | {"allowed_decisions": list(Decision)}
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
    if name != "rollback-ip":
        assert question["action_requests"][0]["description"].strip() in said
        return
    assert [group["ips"] for group in question["groups"]] == [IPS[:2]]  # 情形相同，只说一次，并说清管哪几台
    assert question["text"] in said
    assert said.count(question["groups"][0]["failure_reason"]) == 1
    assert question["covers"] in said


def test_an_empty_list_of_exclusions_excludes_nothing(desk: Desk) -> None:
    """空的排除清单：照常给出计划，全部在内。"""
    assert desk.begin(exclude_ips=[])["plan"]["targets"] == len(IPS)


def test_an_empty_list_of_targets_is_nobody(desk: Desk) -> None:
    """空的目标清单：以 12 停下，绝不变成全部，什么也没做。"""
    assert desk.begin(target_ips=[])["exit_code"] == 12
    assert desk.actions() == []


MIXED = [
    {"decisions": [{"type": "approve"}], "decision": "reject"},
    {"decisions": [{"type": "approve"}], "ip": IPS[1]},
    {"decision": False, "type": "accept"},
    {"type": "response", "args": "approve", "decision": "reject"},
    [{"type": "response", "args": "回滚", "decision": "reject"}],
    {"type": "reject", "text": "approve"},
    {"decision": "approve", "ip": {"a": 1}},
    {"decision": "approve", "ip": []},
    {"decision": "approve", "ip": None},
    {"decision": "approve", "ip": [IPS[0], [IPS[1]]]},
    {IPS[0]: "reject", f" {IPS[0]} ": "approve"},
    {"decision": {"decision": "approve"}},
]


@pytest.mark.parametrize("subjects", [[PLAN], IPS[:2]])
@pytest.mark.parametrize("value", MIXED)
def test_an_answer_that_says_two_things_is_refused(value: object, subjects: list[str]) -> None:
    """几种写法混在一起、同一台说了两次：不挑一个听，报错再问。"""
    with pytest.raises(InvalidInputError):
        read_decisions(value, subjects)


def test_one_decision_for_several_ips() -> None:
    """一个决定管列出的几台，没有列的照旧等着。"""
    answers = read_decisions({"decision": "approve", "ip": IPS[:2]}, IPS[:3])
    assert {ip: answer.decision for ip, answer in answers.items()} == dict.fromkeys(IPS[:2], "approve")


def test_roll_back_does_not_approve_a_plan() -> None:
    """「回滚」在回滚的问题上是同意，在计划的问题上不是：那里的同意是去部署。"""
    asked = {"ask": "rollback-ip", "waiting": [{"ip": IPS[0]}]}
    assert read_typed(asked, "回滚", "甲")[IPS[0]]["decision"] == "approve"
    with pytest.raises(InvalidInputError, match="没有当作同意"):
        read_typed({"ask": "approve_plan"}, "回滚", "甲")
    with pytest.raises(InvalidInputError):
        read_decisions([{"type": "response", "args": "回滚"}], [PLAN])
