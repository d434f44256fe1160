"""三种审阅界面的模式，写成检查：问题画得出来，界面的回答收得下。

Agent Chat UI 与 Agent Inbox 的判定照它们公开的代码写成 Python；HITL 的模式取自 ``langchain``。
"""

from typing import Any

import pytest

from tests.graph.desk import IPS, SOME, Desk
from tests.graph.test_questions import ask

pytestmark = pytest.mark.studio
NAMES = ["provide_params", "approve_plan", "rollback-ip"]


@pytest.fixture
def desk(tmp_path: Any) -> Any:
    """用内存检查点的桌子。"""
    from langgraph.checkpoint.memory import InMemorySaver

    made = Desk(tmp_path, InMemorySaver())
    yield made
    made.services.close()


def chat_ui_draws(value: Any) -> bool:
    """Agent Chat UI 画得出来：请求各有文字的名字与对象的参数，配置各有文字的名字与一列决定。"""
    requests, configs = value.get("action_requests"), value.get("review_configs")
    if not (isinstance(requests, list) and requests and isinstance(configs, list) and configs):
        return False
    named = all(isinstance(one.get("name"), str) and isinstance(one.get("args"), dict) for one in requests)
    allowed = all(
        isinstance(one.get("action_name"), str) and isinstance(one.get("allowed_decisions"), list) for one in configs
    )
    return named and allowed


def inbox_item(value: dict[str, Any]) -> dict[str, Any]:
    """Agent Inbox 把第一个请求换成它自己的样子：动作、参数、几个开关、说明。"""
    request, allowed = value["action_requests"][0], value["review_configs"][0]["allowed_decisions"]
    config = {
        "allow_accept": "approve" in allowed,
        "allow_edit": "edit" in allowed,
        "allow_respond": "reject" in allowed,
    }
    return {
        "action_request": {"action": request["name"], "args": request["args"]},
        "config": config,
        "description": request["description"],
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_screen_draws_it(desk: Desk, name: str) -> None:
    """三种界面都画得出来，至少有一个可按的按钮。"""
    from langchain.agents.middleware.human_in_the_loop import HITLRequest
    from pydantic import TypeAdapter

    question = ask(desk, name)
    assert chat_ui_draws(question)
    item = inbox_item(question)
    assert item["action_request"]["action"] == name
    assert any(item["config"].values())
    assert item["description"]
    TypeAdapter(HITLRequest).validate_python(
        {key: question[key] for key in ("action_requests", "review_configs")}, strict=True
    )


def test_the_form_comes_back(desk: Desk) -> None:
    """补参数的表单：界面改好整张表送回来，就往下走。"""
    form = desk.begin(SOME)["action_requests"][0]["args"]
    assert form["APP_NAME"] == ""
    edited = {"name": "provide_params", "args": form | {"APP_NAME": "checkin"}}
    assert desk.answer({"decisions": [{"type": "edit", "edited_action": edited}]})["ask"] == "approve_plan"


def test_an_untouched_form_is_no_answer(desk: Desk) -> None:
    """表单没有填就送回来：再问一次，什么也没做。"""
    form = desk.begin({"AIRPORT_CODE": "PEK"})["action_requests"][0]["args"]
    again = desk.answer({"decisions": [{"type": "edit", "edited_action": {"name": "provide_params", "args": form}}]})
    assert again["ask"] == "provide_params"
    assert again["missing"] == ["APP_NAME", "MODULE_NAME", "VERSION_NUMBER"]
    assert desk.fake.calls == []


@pytest.mark.parametrize("answer", [{"decisions": [{"type": "approve"}]}, [{"type": "accept", "args": None}]], ids=str)
def test_the_inbox_decides_only_what_it_showed(desk: Desk, answer: Any) -> None:
    """收件箱只给人看第一台：它的一个「同意」只算这一台，另一台再问。"""
    desk.to_rollback(*IPS[:2], ask_after=2)
    again = desk.answer(answer)
    assert [one["ip"] for one in again["waiting"]] == [IPS[1]]
    assert [ip for action, ip in desk.actions() if action == "rollback-ip"] == [IPS[0]]


def test_one_decision_each(desk: Desk) -> None:
    """Agent Chat UI 逐台给一个决定。"""
    desk.to_rollback(*IPS[:2], ask_after=2)
    out = desk.answer({"decisions": [{"type": "reject", "message": "留着"}, {"type": "approve"}]})
    assert out["exit_code"] == 11
    assert [ip for action, ip in desk.actions() if action == "rollback-ip"] == [IPS[1]]
