"""问话：问的是哪一类（数据在 ``questions.jsonl``）；在任何时候问都有回答，什么也不改变。"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.constants import PLAN_DECISIONS
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.graph.answers import read_decisions
from pam_deploy_graph.inventory import put_addresses
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.llm import question_kinds
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from tests.graph.desk import Desk
from tests.inventory.files import ROWS, STOCK, write_csv

DATA = Path(__file__).with_name("questions.jsonl")
CASES = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
ALL = [row.ip for row in ROWS]
NOT_ASKED = [
    "把失败的几台重试一下",
    "重启 10.0.0.4",
    "继续",
    "为什么失败，重试",
    "同意",
    "版本 1.2.3",
    "如果失败就停",
    "停",
]
NOT_OURS = {"重启 10.0.0.4": "这个我做不了", "讲个笑话": "这个我做不了", "tell me a joke": "I cannot do that"}


@pytest.mark.parametrize("case", CASES, ids=[one["text"] for one in CASES])
def test_kind(case: dict[str, Any]) -> None:
    """问的是哪一类；单问进度的照旧由状态来答。"""
    asked = list(question_kinds(put_addresses(case["text"], STOCK)))
    assert asked == [kind for kind in case["kinds"] if kind != "progress"]


@pytest.mark.parametrize("text", NOT_ASKED)
def test_not_a_question(text: str) -> None:
    """吩咐、回答、条件都不是问话。"""
    assert question_kinds(text) == ()


@pytest.mark.parametrize("case", CASES, ids=[one["text"] for one in CASES])
def test_no_decision(case: dict[str, Any]) -> None:
    """两种问题上，问话都不是决定。"""
    for subjects in ([PLAN], ALL[:2]):
        with pytest.raises(InvalidInputError):
            read_decisions(case["text"], subjects)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """八台在线、都有名称的一张桌子，其中一台验证不过。"""
    settings = Settings(pam_inventory=str(write_csv(tmp_path / "names.csv")))
    fake = FakeActionRunner(online_ips=ALL)
    fake.fail("verify-ip", "10.0.0.2", error="端口被占用")
    made = Desk(tmp_path, InMemorySaver(), services=Services(home=tmp_path, settings=settings, given_router=fake))
    made.fake = fake
    yield made
    made.services.close()


def _ask(desk: Desk, text: str) -> tuple[dict[str, Any], str]:
    """问一句，返回随后的问题（或状态）与回答。"""
    return desk.answer(text), str(desk.values()["answer"])


def _nothing_changes(desk: Desk, before: dict[str, Any]) -> dict[str, str]:
    """把每一句都问一遍：问题还是那一个，没有记下决定，没有动手；返回各句的回答。"""
    decided, acted, told = desk.decisions(), desk.actions(), {}
    for text in (case["text"] for case in CASES):
        again, told[text] = _ask(desk, text)
        assert (again["ask"], again["digest"]) == (before["ask"], before["digest"]), text
        assert (desk.decisions(), desk.actions()) == (decided, acted), text
        assert told[text], text
    return told


def test_at_the_plan(desk: Desk) -> None:
    """计划等着批准时：都有回答，计划还等着。"""
    question = desk.begin(target_ips="T2 值机岛")
    told = _nothing_changes(desk, question)
    assert told["谁批准的"].endswith("还没有人批准。")
    assert "nobody has approved" in told["who approved it?"]
    assert told["为什么失败"] == "没有失败的工作站。"
    assert told["还剩哪些？"] == "没有开工 3 台：10.0.0.1 A11 柜台、10.0.0.2 A12 柜台、10.0.0.3 A13 柜台"
    assert "立即照计划开始" in told["同意之后会发生什么？"]
    assert "估不出来" in told["还要多久？"]
    assert set(PLAN_DECISIONS) == set(question["allowed_decisions"])


def test_at_the_rollback(desk: Desk) -> None:
    """回滚的问题等着时：照账本与读回的说，问题还等着。"""
    desk.begin(target_ips="T2 值机岛", max_parallel=1)
    desk.answer({"decision": "approve", "operator": "甲", "note": ""})
    question = desk.open_question()
    told = _nothing_changes(desk, question)
    assert "计划获批准：甲" in told["谁批准的"]
    assert "甲" in told["who approved it?"]
    assert "10.0.0.2 A12 柜台 verify-ip: 端口被占用（端口被占用）" in told["A12 柜台为什么没装上？"]
    assert told["哪些做完了，还剩哪些？"].splitlines()[0] == "做完 1/3 台：10.0.0.1 A11 柜台"
    assert "没有开工 1 台：10.0.0.3 A13 柜台；等决定 1 台：10.0.0.2 A12 柜台" in told["还剩哪些？"]
    assert "10.0.0.2 A12 柜台：先查证它的实情" in told["重试会做什么"]
    assert "不能再继续" in told["取消有什么后果？"]
    assert told["还要多久？"].startswith("还剩 1 台，照每台 ")
    assert told["what can you do?"].startswith("I deploy")


def test_versions_are_asked_for_now(desk: Desk) -> None:
    """问现在的版本：真的去问；问不到的说最后读回的与时刻。"""
    desk.begin(target_ips="T2 值机岛", max_parallel=1)
    desk.answer("approve")
    before = len(desk.fake.calls)
    desk.fake.fail("query-ip", "10.0.0.2", error="连不上")
    told = _ask(desk, "现在各台什么版本？")[1]
    assert [call[:2] for call in desk.fake.calls[before:]].count(("query-ip", "10.0.0.1")) == 1
    assert told.startswith("刚刚问到：")
    assert "秒内没有问到 1 台：10.0.0.2 A12 柜台" in told
    one = _ask(desk, "A13 柜台现在是哪个版本？")[1]
    assert ("A13 柜台" in one, "A11" in one) == (True, False)


def test_before_and_after_a_run(desk: Desk) -> None:
    """还没有运行时直说；结束之后问的是那一次，点了名的是点名的那次。"""

    def say(text: str) -> str:
        """没有问题等着时说一句，返回回答。"""
        return str(desk.say({"messages": [{"role": "user", "content": text}]})["answer"])

    assert say("谁批准的") == "还没有任何运行。"
    assert say("who approved it?") == "There is no run yet."
    for text, begins in NOT_OURS.items():
        assert say(text).startswith(begins)
    assert say("你能做什么？").startswith("我能")
    desk.begin(target_ips="10.0.0.1")
    done = desk.answer("approve")
    run_id = done["run_id"]
    assert say("哪些做完了？") == "做完 1/1 台：10.0.0.1 A11 柜台"
    assert say("还要多久？") == "这次运行已经结束。"
    assert say(f"运行 {run_id} 是谁批准的？") == say("谁批准的")
