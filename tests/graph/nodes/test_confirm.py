"""说了有代价的事、没有别的问题等着：先问一遍，答「确认」才做，别的什么也不做（contract 第 4 节）。"""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tests.graph.desk import IPS, Desk
from tests.graph.nodes.test_aside import words


def stopped(home: Path, saver: InMemorySaver) -> Desk:
    """停着的桌子：检查不过停下了，什么也没有做。"""
    desk = Desk(home, saver)
    desk.begin()
    desk.fake.fail("check-home", times=1)
    assert desk.answer(f"去掉 {IPS[2]}")["phase"] == "stopped"
    return desk


@pytest.mark.parametrize("text", ["从停下的地方接着跑", "carry on with the rest"])
@pytest.mark.parametrize("yes", ["确认", "yes", "同意", {"decision": "approve"}])
def test_going_on_in_other_words(tmp_path: Path, text: str, yes: Any) -> None:
    """换一种说法的继续：问一遍，说出接着做什么；答应了才接着做。"""
    desk = stopped(tmp_path, InMemorySaver())
    asked = desk.say(words(text))
    assert (asked["ask"], asked["confirm"]["intent"]) == ("confirm", "resume")
    assert "接着做" in asked["action_requests"][0]["description"]
    assert asked["review_configs"][0]["allowed_decisions"] == ["approve", "reject"]
    again = desk.answer(yes)
    assert (again["ask"], again["plan"]["target_ips"]) == ("approve_plan", IPS[:2])


@pytest.mark.parametrize("no", ["不", "no", "算了", {"decision": "reject"}])
def test_not_going_on(tmp_path: Path, no: Any) -> None:
    """不答应：照旧停着，什么也没有改变；再说「继续」照常。"""
    desk = stopped(tmp_path, InMemorySaver())
    desk.say(words("从停下的地方接着跑"))
    after = desk.answer(no)
    assert (after["phase"], "没有照做" in after["answer"], after["confirm"]) == ("stopped", True, {})
    assert desk.say(words("继续"))["ask"] == "approve_plan"


def test_the_question_outlives_its_process(tmp_path: Path) -> None:
    """换了一个进程：问题还在检查点里，答了才接着做。"""
    saver = InMemorySaver()
    asked = stopped(tmp_path, saver).say(words("从停下的地方接着跑"))
    desk = Desk(tmp_path, saver)
    assert desk.open_question() == asked
    assert desk.answer("确认")["ask"] == "approve_plan"


def test_another_sentence_instead(tmp_path: Path) -> None:
    """问着的时候另说一句：当作没有要求过，那一句照常听。"""
    desk = stopped(tmp_path, InMemorySaver())
    desk.say(words("从停下的地方接着跑"))
    after = desk.answer("到哪了")
    assert (after["phase"], after["confirm"], desk.actions()) == ("stopped", {}, [])


def test_no_words_at_all(tmp_path: Path) -> None:
    """看不懂的回答：再问一遍。"""
    desk = stopped(tmp_path, InMemorySaver())
    asked = desk.say(words("从停下的地方接着跑"))
    assert desk.answer({}) == asked
