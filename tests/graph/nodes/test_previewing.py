"""对话里的预演：照真的拟，只问不改；接着说照它做，就去请人批准；读不到就说读不到。"""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tests.graph.desk import IPS, Desk

SAID = "预演一下把首都机场 checkin 应用 gate 模块升到 1.2.3，混合，先灰度 1 台"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """一张还没有说过话的桌子。"""
    return Desk(tmp_path, InMemorySaver())


def hear(desk: Desk, text: str) -> dict[str, Any]:
    """说一句话。"""
    return desk.say({"messages": [("user", text)]})


@pytest.mark.parametrize("go", ["就按这个执行", "go ahead with this"])
def test_goes_on_to_the_approval(desk: Desk, go: str) -> None:
    """预演说出变化与节奏，没有登记、没有动手；照它做就是请人批准的同一份计划。"""
    shown = str(hear(desk, SAID)["answer"])
    assert shown.startswith("## PAM 部署预演")
    assert f"0.0.0 → 1.2.3: 3 台：{'、'.join(IPS)}" in shown
    assert "先 1 台，看过再做其余的；逐台做" in shown
    assert (desk.services.ledger.list_runs(), desk.actions()) == ([], [])
    question = hear(desk, go)
    assert (question["ask"], desk.actions()) == ("approve_plan", [])
    plan = question["plan"]
    assert plan["changes"][0]["count"] == plan["targets"] == len(IPS)
    assert plan["expected"] is None
    assert "预计用时: 不知道" in plan["text"]
    assert desk.answer("approve")["exit_code"] == 0


def test_changed_after_the_preview(desk: Desk) -> None:
    """看过预演再改一项，改的并进去；另点了一座机场的名，就是另一件事，先前的范围不算。"""
    hear(desk, f"{SAID}，只做 {IPS[0]}")
    question = hear(desk, "版本改成 1.2.4")
    assert question["plan"]["params"]["VERSION_NUMBER"] == "1.2.4"
    assert question["plan"]["target_ips"] == IPS[:1]


def test_says_what_it_could_not_read(desk: Desk) -> None:
    """HOME 连不上：照所说的拟一份，说明没有读到什么；照样可以接着说。"""
    desk.fake.fail("check-home", error="连不上", times=1)
    shown = str(hear(desk, SAID)["answer"])
    assert "没有读到：check-home 执行失败: 连不上" in shown
    assert "每台此刻的版本、哪些在线，都没有读到" in shown
    assert hear(desk, "就按这个执行")["ask"] == "approve_plan"


def test_the_whole_plan_on_request(desk: Desk) -> None:
    """改过的计划只说改了什么；要看完整的就给，问题照旧等着。"""
    hear(desk, SAID)
    hear(desk, "就按这个执行")
    changed = desk.answer("同时 2 台")
    text = changed["plan"]["text"]
    assert text.splitlines()[0] == "改动: 节奏 逐台做 → 同时 2 台"
    assert "## PAM 部署计划" not in text
    again = desk.answer("看完整计划")
    assert again["ask"] == "approve_plan"
    assert desk.values()["answer"].startswith("## PAM 部署计划")
    assert "## PAM 部署计划" in str(desk.services.state_of(again["run_id"]).plan_text)
