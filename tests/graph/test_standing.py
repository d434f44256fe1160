"""账本说在哪里：被宿主取消、被人回到从前之后，下一句话都落在该在的地方；了结了的什么也不占（contract 第 5 节）。"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from sqlalchemy import select

from pam_deploy_graph.cli.lock_checks import held_modules
from pam_deploy_graph.ledger.engine import reading
from pam_deploy_graph.ledger.schema import module_locks
from tests.graph.desk import IPS, Desk
from tests.graph.slow_desk import SlowRunner
from tests.graph.test_hosts import Host, config


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """每个动作 0.03 秒的宿主。"""
    made = Host(tmp_path, SlowRunner(online_ips=IPS, seconds=0.03))
    yield made
    made.services.close()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Desk]:
    """用内存检查点的桌子。"""
    made = Desk(tmp_path, InMemorySaver())
    yield made
    made.services.close()


def said(text: str) -> dict[str, Any]:
    """一句话。"""
    return {"messages": [{"role": "user", "content": text}]}


def once(host: Host) -> bool:
    """每台的每个动作至多一次。"""
    done = [one for one in host.runner.done if one[0] in ("stop-ip", "deploy-ip", "start-ip")]
    return len(done) == len(set(done))


async def test_half_done_it_offers_to_go_on_and_does(host: Host) -> None:
    """宿主取消之后说什么都先说已中断；「继续」就做完，一次也不多做。"""
    await host.plan("t")
    await host.cancelled("t", 6)
    out = await host.say("t", "你好")
    assert "已中断" in out["answer"]
    assert "「继续」" in out["answer"]
    out = await host.say("t", "继续")
    assert (out["phase"], out["exit_code"]) == ("finished", 0)
    assert once(host)


async def test_cancelled_while_waiting_the_question_comes_back(host: Host) -> None:
    """等人决定的时候另有一句话进来又被取消：再说一句，原来的问题还在。"""
    host.runner.fail("verify-ip", IPS[0])
    await host.plan("t")
    out = await host.approve("t")
    question = out["__interrupt__"][0].value
    await host.graph.aupdate_state(config("t"), {"phase": "rolling", "waiting": []}, as_node="global-flow")
    out = await host.say("t", "到哪了")
    again = out["__interrupt__"][0].value
    assert again["ask"] == "rollback-ip"
    assert [one["digest"] for one in again["waiting"]] == [one["digest"] for one in question["waiting"]]


async def test_rolling_elsewhere_it_tells_how_far(host: Host) -> None:
    """别处正推着：答进度，不出错，不插手。"""
    await host.plan("t")
    run_id = (await host.values("t"))["run_id"]
    session = host.services.ledger.open_session(host.services.ledger.load_state(run_id))
    try:
        for words in ("你好", "把首都机场的 checkin/gate 升到 1.2.4"):
            out = await host.say("t", words)
            assert "正由" in out["answer"]
            assert "0/" in out["answer"]
    finally:
        session.release()


async def test_a_thread_that_forgot_its_run(host: Host) -> None:
    """``multitask_strategy="rollback"`` 丢下了整段检查点：会话照账本找回自己的运行。"""
    thread = str(uuid4())
    await host.plan(thread)
    run_id = await host.cancelled(thread, 6)
    await host.graph.checkpointer.adelete_thread(thread)
    out = await host.say(thread, "继续")
    assert (out["run_id"], out["exit_code"]) == (run_id, 0)
    assert once(host)


async def test_paused_in_the_conversation_only_that_run_stops(host: Host) -> None:
    """停着的：账本记着谁停的；说「继续」才继续，从前的检查点也绕不过去。"""
    await host.plan("t")
    run_id = await host.cancelled("t", 6)
    await host.say("t", "暂停")
    assert host.services.state_of(run_id).paused_by
    out = await host.say("t", "你好")
    assert "停着" in out["answer"]
    out = await host.say("t", "继续")
    assert out["exit_code"] == 0
    assert once(host)


@pytest.mark.parametrize("node", ["intent", "params", "plan", "approve-plan", "global-flow", "ip-flow", "report"])
def test_a_fork_of_what_is_over(memory: Desk, node: str) -> None:
    """运行了结之后从每个节点回去再来：说结果（或另提一份计划），什么也不动，什么也不占。"""
    memory.begin()
    assert memory.answer("approve")["exit_code"] == 0
    before, run_id = len(memory.actions()), memory.values()["run_id"]
    forks = [one.config for one in memory.graph.get_state_history(memory.config) if node in one.next]
    for fork in forks:
        out = memory.graph.invoke(None, fork)
        if "__interrupt__" in out:
            assert (out["__interrupt__"][0].value["ask"], out["run_id"] == run_id) == ("approve_plan", False)
        else:
            assert "完成" in out["answer"]
            assert out["exit_code"] == 0
    assert forks
    assert len(memory.actions()) == before
    free(memory)


def test_two_clicks_on_an_old_question(memory: Desk) -> None:
    """了结之后再答从前的计划与回滚：说结果，不再回滚。"""
    memory.to_rollback(IPS[1])
    assert memory.answer("approve")["exit_code"] == 11
    before = len(memory.actions())
    asked = [one for one in memory.graph.get_state_history(memory.config) if one.tasks and one.tasks[0].interrupts]
    assert {one.next[0] for one in asked} == {"approve-plan", "rollback-confirm"}
    for one in asked:
        out = memory.graph.invoke(Command(resume={one.tasks[0].interrupts[0].id: "approve"}), one.config)
        assert out["exit_code"] == 11
    assert len(memory.actions()) == before
    free(memory)


def test_a_run_that_is_over_takes_no_lock(memory: Desk) -> None:
    """了结了的运行去占模块：占不到；曾经占住就再也放不开。"""
    memory.begin()
    memory.answer("approve")
    ledger = memory.services.ledger
    ledger.lock_module(ledger.load_state(memory.values()["run_id"]))
    free(memory)


def test_doctor_names_what_is_held(memory: Desk) -> None:
    """占着的模块逐个列出：还没有了结的说由谁占着、怎么办。"""
    memory.to_rollback(IPS[1])
    run_id = memory.values()["run_id"]
    (check,) = held_modules(memory.services.ledger)
    assert not check.ok
    assert run_id in check.detail
    assert f"cancel {run_id}" in check.advice
    memory.answer("reject")
    assert list(held_modules(memory.services.ledger)) == []


def free(desk: Desk) -> None:
    """没有一个模块被占着。"""
    with reading(desk.services.ledger.engine) as connection:
        assert connection.execute(select(module_locks)).all() == []
