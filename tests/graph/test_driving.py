"""驱动图的各种方式：同步、异步、流式、在别人的事件循环里；以及检查点里有什么（contract 第 5 节）。"""

import json
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from tests.graph.desk import FAKE, IPS, PARAMS, SOME, Desk

ROLLOUT = ["approve-plan", "global-flow", "ip-flow", "rollback-confirm", "ip-flow", "report"]
BEGIN = {"params": PARAMS, "control": FAKE}


@pytest.fixture
def memory(tmp_path: Path) -> Desk:
    """用内存检查点的桌子；第二台验证不通过。"""
    made = Desk(tmp_path, InMemorySaver())
    made.fake.fail("verify-ip", IPS[1])
    return made


async def test_ainvoke_with_async_sqlite(tmp_path: Path) -> None:
    """异步检查点、异步驱动：三处中断都能停、能答，走到结束。"""
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as saver:
        desk = Desk(tmp_path, saver)
        desk.fake.fail("verify-ip", IPS[1])
        asked: list[str] = []
        value: Any = {"params": SOME, "control": FAKE}
        for answer in ({"APP_NAME": "checkin"}, {"decisions": [{"type": "approve"}]}, {IPS[1]: "approve"}, None):
            out = await desk.graph.ainvoke(value, desk.config)
            asked += [one.value["ask"] for one in out.get("__interrupt__", [])]
            value = Command(resume=answer)
        assert asked == ["provide_params", "approve_plan", "rollback-ip"]
        assert out["exit_code"] == 11
        assert desk.actions().count(("rollback-ip", IPS[1])) == 1


async def test_inside_a_running_loop(memory: Desk) -> None:
    """宿主正在自己的事件循环里，同步的 ``invoke`` 也照常走完。"""
    memory.begin()
    memory.answer("approve")
    assert memory.answer("reject")["exit_code"] == 11


def test_stream(memory: Desk) -> None:
    """``stream`` 逐个节点给出更新，停在中断上。"""
    memory.begin()
    first = list(memory.graph.stream(Command(resume="approve"), memory.config, stream_mode="updates"))
    rest = list(memory.graph.stream(Command(resume="reject"), memory.config, stream_mode="updates"))
    assert "__interrupt__" in first[-1]
    assert [name for one in [*first, *rest] for name in one if name != "__interrupt__"] == ROLLOUT


async def test_astream(memory: Desk) -> None:
    """``astream`` 的 ``values`` 模式最后一项就是结局。"""
    memory.begin()
    memory.answer("approve")
    seen = [one async for one in memory.graph.astream(Command(resume="approve"), memory.config, stream_mode="values")]
    assert seen[-1]["exit_code"] == 11
    assert "## PAM 智能部署报告" in seen[-1]["answer"]


def test_nothing_is_called_twice(memory: Desk) -> None:
    """停了两次、恢复两次，会改变外界的调用一次也不多。"""
    memory.begin()
    memory.answer("approve")
    memory.answer("approve")
    assert len(memory.actions()) == len(set(memory.actions()))


def test_state_is_plain_and_small(tmp_path: Path) -> None:
    """几百台的一次运行：每个检查点都是 JSON 值，里面没有目标清单。"""
    ips = [f"10.1.0.{n}" for n in range(1, 201)]
    desk = Desk(tmp_path, InMemorySaver(), ips=ips)
    desk.to_rollback(ips[150], max_parallel=20, target_ips=f"{ips[0]}-{ips[-1]}")
    assert desk.answer("approve")["exit_code"] == 11
    for snapshot in desk.graph.get_state_history(desk.config):
        said = snapshot.values.get("messages", [])
        plain = json.dumps({k: v for k, v in snapshot.values.items() if k != "messages"})
        text = plain + "".join(str(message.text) for message in said)
        assert sum(f'"{ip}"' in plain for ip in ips) <= 25
        assert len(text) < 12_000


def test_a_second_run_on_the_same_thread(tmp_path: Path) -> None:
    """同一个会话里上一次已经结束，再给现成的参数就是新的一次运行。"""
    desk = Desk(tmp_path, InMemorySaver())
    runs = []
    for version in ("1.2.3", "1.2.4"):
        desk.begin(PARAMS | {"VERSION_NUMBER": version})
        assert desk.answer("approve")["exit_code"] == 0
        runs.append(desk.values()["run_id"])
    assert runs[0] != runs[1]


def test_words_and_params_give_the_same_plan(tmp_path: Path) -> None:
    """一句话与现成的参数走到同一个计划。"""
    spoken, given = Desk(tmp_path, InMemorySaver()), Desk(tmp_path, InMemorySaver(), thread="given")
    text = "把首都机场的 checkin 应用 gate 模块升级到 1.2.3，用 fake 策略"
    asked = spoken.say({"messages": [("user", text)]})
    assert asked["ask"] == "approve_plan"
    shown = given.begin()["plan"]
    for name in ("params", "steps", "execution_strategy", "targets"):
        assert asked["plan"][name] == shown[name]


def test_any_saver_does(tmp_path: Path) -> None:
    """没有检查点器也能编译（交给服务器时如此）。"""
    for saver in (None, InMemorySaver()):
        assert isinstance(saver, BaseCheckpointSaver | None)
        assert "rollback-confirm" in Desk(tmp_path, saver).graph.nodes
