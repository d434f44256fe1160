"""中断的回答：每一种收得下的写法，和每一种收不下的写法（contract 第 5 节「决定」）。"""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.graph.answers import Answer, read_decisions
from tests.graph.desk import IPS, PARAMS, SOME, Desk

ROLLED_BACK = [("rollback-ip", IPS[1])]
GOOD = [
    ("approve", "approve", ""),
    (" Approve。", "approve", ""),
    ("同意", "approve", ""),
    ("reject", "reject", ""),
    ("拒绝", "reject", ""),
    ({"decision": "approve", "note": "好"}, "approve", "好"),
    ({"decision": "reject", "note": "先留着"}, "reject", "先留着"),
    ({"decisions": [{"type": "approve"}]}, "approve", ""),
    ({"decisions": [{"type": "reject", "message": "先留着"}]}, "reject", "先留着"),
    ([{"type": "accept", "args": None}], "approve", ""),
    ([{"type": "ignore", "args": None}], "reject", ""),
    ([{"type": "response", "args": "approve"}], "approve", ""),
    ([{"type": "response", "args": "拒绝"}], "reject", ""),
    ({"decisions": [{"type": "reject", "args": "先留着，approve 也不行"}]}, "reject", "先留着，approve 也不行"),
    ({"decisions": [{"type": "approve", "args": None}]}, "approve", ""),
    ([{"type": "accept", "args": {"action": "rollback-ip", "args": {}}}], "approve", ""),
    ({"decisions": [{"type": "ignore", "args": None}]}, "reject", ""),
]


def edited(args: dict[str, Any]) -> dict[str, Any]:
    """审阅界面改过参数之后交回来的回答。"""
    return {"decisions": [{"type": "edit", "edited_action": {"name": "provide_params", "args": args}}]}


BAD: list[Any] = [
    None,
    {},
    "",
    7,
    True,
    [],
    {"decision": "maybe"},
    {"decision": ["approve"]},
    {"decisions": []},
    {"decisions": "approve"},
    {"decisions": [{"type": "approve"}] * 3},
    {"decisions": [{"type": "edit", "edited_action": {"name": "rollback-ip", "args": {"ip": "10.0.0.9"}}}]},
    {"decisions": [{"type": "edit", "args": {"action": "rollback-ip", "args": {}}}]},
    [{"type": "edit", "args": {"action": "approve_plan", "args": {"decision": "approve"}}}],
    {"type": "approve", "edited_action": {"name": "rollback-ip", "args": {"ip": "10.0.0.9"}}},
    {"decision": "approve", "approved": False},
    {"decision": "approve", "type": "reject"},
    {"10.9.9.9": "approve"},
    [{"type": "accept"}, {"type": "accept"}],
    [[7]],
    {"approve": True},
]


@pytest.mark.parametrize(("value", "decision", "note"), GOOD)
def test_plan_answers(desk: Desk, value: Any, decision: str, note: str) -> None:
    """计划的每一种回答：批准才动手，拒绝以 12 收尾而什么也没做，决定连同备注记进账本。"""
    desk.begin()
    out = desk.answer(value)
    assert desk.decisions() == [("plan", decision, note)]
    assert out["exit_code"] == (0 if decision == "approve" else 12)
    assert bool(desk.actions()) is (decision == "approve")


@pytest.mark.parametrize(("value", "decision", "note"), [*GOOD, ({IPS[1]: "approve"}, "approve", "")])
def test_rollback_answers(desk: Desk, value: Any, decision: str, note: str) -> None:
    """回滚的每一种回答：同意才回滚，不同意保持现状，之后都接着做下一台。"""
    desk.to_rollback(IPS[1])
    done = len(desk.actions())
    out = desk.answer(value)
    assert desk.decisions()[1:] == [(IPS[1], decision, note)]
    assert [one for one in desk.actions()[done:] if one[1] == IPS[1]] == (ROLLED_BACK if decision == "approve" else [])
    assert out["exit_code"] == 11
    assert ("start-ip", IPS[2]) in desk.actions()


@pytest.mark.parametrize(
    "value", ["retry", "重试", {"decision": "retry"}, {IPS[1]: {"decision": "retry", "note": "好了"}}]
)
def test_retry(desk: Desk, value: Any) -> None:
    """``retry`` 从失败的那一步接着做，不回滚，做过的步骤不重做。"""
    desk.fake.fail("verify-ip", IPS[1], times=1)
    desk.to_rollback()
    out = desk.answer(value)
    assert out["exit_code"] == 0
    assert "rollback-ip" not in {action for action, _ in desk.actions()}
    assert [action for action, ip in desk.actions() if ip == IPS[1]] == ["stop-ip", "deploy-ip", "start-ip"]


@pytest.mark.parametrize(
    ("value", "decided"),
    [
        ("reject", ["reject", "reject"]),
        ({"decisions": [{"type": "approve"}, {"type": "reject"}]}, ["approve", "reject"]),
        ([{"type": "ignore"}, {"type": "accept"}], ["reject", "approve"]),
        ({IPS[1]: "approve", IPS[0]: {"decision": "reject"}}, ["reject", "approve"]),
    ],
    ids=["one-for-all", "in-order", "older-inbox", "by-ip"],
)
def test_several_at_once(desk: Desk, value: Any, decided: list[str]) -> None:
    """两台一起问，逐个对应；同意的才回滚。"""
    question = desk.to_rollback(*IPS[:2], ask_after=2)
    assert [one["ip"] for one in question["waiting"]] == IPS[:2]
    assert desk.answer(value)["exit_code"] == 11
    assert {(ip, d) for ip, d, _ in desk.decisions()[1:]} == set(zip(IPS[:2], decided, strict=True))
    rolled = [ip for action, ip in desk.actions() if action == "rollback-ip"]
    assert rolled == [ip for ip, decision in zip(IPS[:2], decided, strict=True) if decision == "approve"]


@pytest.mark.parametrize("value", [{IPS[0]: "approve"}, {"ip": IPS[0], "decision": "approve"}], ids=str)
def test_what_was_not_answered_is_asked_again(desk: Desk, value: Any) -> None:
    """只答了一台（按 IP，或点名那一台）：另一台接着问，答过的不再问。"""
    desk.to_rollback(*IPS[:2], ask_after=2)
    again = desk.answer(value)
    assert [one["ip"] for one in again["waiting"]] == [IPS[1]]
    assert desk.answer("reject")["exit_code"] == 11
    assert [ip for action, ip in desk.actions() if action == "rollback-ip"] == [IPS[0]]


def test_an_address_in_another_spelling(tmp_path: Path) -> None:
    """按 IP 回答时，同一个 IPv6 地址怎么写都认得。"""
    ip = "2001:db8::1"
    desk = Desk(tmp_path, InMemorySaver(), ips=[ip])
    desk.to_rollback("2001:DB8::1")
    assert desk.answer({"2001:0db8:0::1": "approve"})["exit_code"] == 11
    assert desk.actions()[-1] == ("rollback-ip", ip)
    desk.services.close()


@pytest.mark.parametrize("value", BAD, ids=str)
@pytest.mark.parametrize("where", ["plan", "rollback"])
def test_wrong_shapes(desk: Desk, where: str, value: Any) -> None:
    """收不下的回答：问题照旧开着并说明为什么，没有动手，没有记下决定，会话如前。"""
    before = desk.begin() if where == "plan" else desk.to_rollback(IPS[1])
    calls, decisions, values = list(desk.fake.calls), desk.decisions(), desk.values()
    after = desk.answer(value)
    assert after["problem"]
    assert after["ask"] == before["ask"]
    assert after.get("digest") == before.get("digest")
    assert desk.open_question() == after
    assert (desk.fake.calls, desk.decisions()) == (calls, decisions)
    assert desk.values() | {"problem": ""} == values | {"problem": ""}


def test_retry_is_no_answer_to_a_plan(desk: Desk) -> None:
    """计划没有 ``retry``：再问，什么也没做。"""
    desk.begin()
    assert "approve" in desk.answer("retry")["problem"]
    assert desk.actions() == []


@pytest.mark.parametrize(
    "value",
    [
        {"APP_NAME": "checkin"},
        {"params": {"APP_NAME": "checkin"}},
        "应用 checkin",
        {"text": "应用 checkin"},
        [{"type": "response", "args": "应用 checkin"}],
        edited({"APP_NAME": "checkin"}),
        edited({"missing": [], "known": {"APP_NAME": "checkin"}}),
        [{"type": "edit", "args": {"action": "provide_params", "args": {"APP_NAME": "checkin"}}}],
    ],
)
def test_missing_params_answers(desk: Desk, value: Any) -> None:
    """补充参数的每一种回答：补上之后就给出计划，原有的参数还在。"""
    assert desk.begin(SOME)["missing"] == ["APP_NAME"]
    question = desk.answer(value)
    assert question["ask"] == "approve_plan"
    assert question["plan"]["params"].items() >= PARAMS.items()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (5, "看不懂"),
        ([], "看不懂"),
        ("", "看不懂"),
        ([{"type": "accept", "args": None}], "看不懂"),
        ({"APP_NAMES": "checkin"}, "APP_NAMES"),
        ({"PAM_TOKEN": "canary-5c1f"}, "PAM_TOKEN"),
    ],
)
def test_wrong_params(desk: Desk, value: Any, named: str) -> None:
    """不合规则的补充：再问并点出是哪一项，不回显秘密，什么也没做。"""
    desk.begin(SOME)
    question = desk.answer(value)
    assert (question["ask"], question["missing"]) == ("provide_params", ["APP_NAME"])
    assert named in question["problem"]
    assert "canary-5c1f" not in str(question)
    assert desk.fake.calls == []


@pytest.mark.parametrize("value", ["a/../b", "a\nb"])
def test_a_refused_value_is_missing_again(desk: Desk, value: str) -> None:
    """补充的值不合规则，没有收下：它仍在 ``missing`` 里。"""
    desk.begin(SOME)
    question = desk.answer({"APP_NAME": value})
    assert "APP_NAME" in question["problem"]
    assert question["missing"] == ["APP_NAME"]


@pytest.mark.parametrize("decision", Decision)
def test_every_decision_is_offered_and_known_by_its_name(desk: Desk, decision: Decision) -> None:
    """决定表里的每一行都列在问题里，说出做什么；它的名字就是一种回答。"""
    (question,) = desk.to_rollback(IPS[0])["waiting"]
    assert question["effects"][decision]
    assert read_decisions({"decision": str(decision)}, IPS[:1]) == {IPS[0]: Answer(decision)}
