"""问着的时候另说一句话（聊天界面的输入框、界面的「标为已处理」）：不算决定，说完回到原来的问题（contract 第 5 节）。"""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tests.graph.desk import IPS, SOME, Desk


def pause(home: Path, where: str) -> Desk:
    """停在一个问题上的桌子。"""
    desk = Desk(home, InMemorySaver())
    if where == "ask-params":
        desk.begin(SOME)
    elif where == "approve-plan":
        desk.begin()
    else:
        desk.to_rollback(IPS[1])
    return desk


def words(text: str) -> dict[str, Any]:
    """聊天界面发来的一句话。"""
    return {"messages": [("user", text)]}


@pytest.mark.parametrize("text", ["到哪了", "为什么失败", "approve", "同意", "OK", "继续", "你好", "回滚 10.9.9.9"])
@pytest.mark.parametrize("where", ["ask-params", "approve-plan", "rollback-confirm"])
def test_the_question_stays_open(tmp_path: Path, where: str, text: str) -> None:
    """问进度、打招呼、甚至打「同意」：有一句答话，没有动手，没有决定，问题照旧开着。"""
    desk = pause(tmp_path, where)
    before, done = desk.open_question(), desk.actions()
    after = desk.say(words(text))
    assert (after["ask"], after.get("waiting")) == (before["ask"], before.get("waiting"))
    assert desk.open_question() == after
    assert desk.values()["messages"][-1].type == "ai"
    assert desk.actions() == done
    if where != "ask-params":
        assert [subject for subject, _, _ in desk.decisions()] == (["plan"] if where == "rollback-confirm" else [])
        assert desk.answer("reject")["exit_code"] == (11 if where == "rollback-confirm" else 12)


@pytest.mark.parametrize("where", ["approve-plan", "rollback-confirm"])
def test_told_how_to_decide(tmp_path: Path, where: str) -> None:
    """打「同意」的人得知这不算，以及该在哪里答。"""
    desk = pause(tmp_path, where)
    problem = desk.say(words("同意"))["problem"]
    assert "不算" in problem
    assert "approve" in problem


def test_the_missing_parameter(tmp_path: Path) -> None:
    """缺的参数打在聊天框里：当作补充，给出计划。"""
    assert pause(tmp_path, "ask-params").say(words("应用是 checkin"))["ask"] == "approve_plan"


def test_a_change_of_plan(tmp_path: Path) -> None:
    """要改的话打在聊天框里：与答在问题上一样，给出新的计划，要重新批准。"""
    desk = pause(tmp_path, "approve-plan")
    assert desk.say(words(f"去掉 {IPS[2]}"))["plan"]["target_ips"] == IPS[:2]
    assert desk.decisions() == []


def test_a_change_on_the_way(tmp_path: Path) -> None:
    """推出途中要跳过几台：拟成改动请人批准，批准之后先前的问题接着问。"""
    desk = pause(tmp_path, "rollback-confirm")
    change = desk.say(words(f"跳过 {IPS[2]}"))
    assert (change["ask"], IPS[2] in change["plan"]["text"]) == ("approve_plan", True)
    assert desk.answer("approve")["ask"] == "rollback-ip"
    assert desk.answer("reject")["exit_code"] == 11
    assert IPS[2] not in {ip for _, ip in desk.actions()}


@pytest.mark.parametrize(("where", "code"), [("approve-plan", 12), ("rollback-confirm", 12)])
def test_cancel(tmp_path: Path, where: str, code: int) -> None:
    """取消：运行以 12 收尾，没有再动手，之后可以另开一件事。"""
    desk = pause(tmp_path, where)
    done = desk.actions()
    answer = desk.say(words("取消"))
    if where == "rollback-confirm":  # 还有没开工的：先说代价，再说一遍才算
        assert (answer["ask"], answer["confirm"]["intent"]) == ("rollback-ip", "cancel")
        assert "不再做，取消后不能继续" in answer["confirm"]["costs"]
        answer = desk.say(words("确认"))
    assert answer["exit_code"] == code
    assert desk.actions() == done
    assert desk.services.ledger.get_run(desk.values()["run_id"]).exit_code == code
    assert desk.begin()["ask"] == "approve_plan"


def test_cancel_before_there_is_a_run(tmp_path: Path) -> None:
    """还在问参数就取消：取消本次部署；再开始的是新的一件事。"""
    desk = pause(tmp_path, "ask-params")
    assert "什么也没有改变" in desk.say(words("取消"))["answer"]
    assert desk.say(words("把首都机场的 gate 模块升级到 1.2.4"))["missing"] == ["APP_NAME"]
    assert desk.fake.calls == []


def test_another_input_while_a_rollback_waits(tmp_path: Path) -> None:
    """等着决定回滚时又送来一份现成的参数：不收，问题照旧开着。"""
    desk = pause(tmp_path, "rollback-confirm")
    done = desk.actions()
    assert desk.begin(VERSION_NUMBER="9.9.9")["ask"] == "rollback-ip"
    assert desk.actions() == done


def test_dropped_by_the_screen(tmp_path: Path) -> None:
    """界面的「标为已处理」丢下了问题：什么也没有执行；下一句话把它问回来，照常回答。"""
    desk = pause(tmp_path, "rollback-confirm")
    desk.graph.update_state(desk.config, None, as_node="__end__")
    done = desk.actions()
    assert desk.say(words("到哪了"))["ask"] == "rollback-ip"
    assert desk.actions() == done
    assert desk.answer("approve")["exit_code"] == 11
    assert desk.actions().count(("rollback-ip", IPS[1])) == 1


def test_approved_after_it_was_cancelled(tmp_path: Path) -> None:
    """别处已取消的运行，再批准它的计划：一步也不做。"""
    desk = pause(tmp_path, "approve-plan")
    desk.services.ledger.cancel(desk.values()["run_id"], "别的终端")
    out = desk.answer("approve")
    assert (out["exit_code"], desk.actions()) == (12, [])
    assert "别的终端" in out["answer"]
