"""``langgraph dev``：整段对话、每一步的状态、两位操作员、写错的回答、够不着的服务器（contract 第 5 节）。"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langgraph_sdk import get_sync_client

from examples import mcp_client, remote_graph, studio
from examples.dev_server import DevServer
from examples.stage import CONTROL, FAILING, REQUEST, Stage
from pam_deploy_graph.errors import ConfirmationError, InvalidInputError, PamError, ServerError
from pam_deploy_graph.graph.remote import Question, ServerThread

pytestmark = [pytest.mark.studio, pytest.mark.timeout(120)]
Connect = Callable[..., ServerThread]
NODES = {"intent", "params", "plan", "global-flow", "ip-flow", "rollback-confirm"}


@pytest.fixture
def connect() -> Iterator[Connect]:
    """连上一个会话；用例结束时断开。"""
    with ExitStack() as stack:
        yield lambda url, thread_id="": stack.enter_context(ServerThread(url, thread_id=thread_id))


def to_rollback(connect: Connect, server: DevServer, stage: Stage) -> tuple[ServerThread, Question]:
    """新开一个会话，只部署坏的那一台，走到回滚的问题。"""
    thread = connect(server.url)
    (plan,) = thread.start({"params": stage.params, "control": {**CONTROL, "target_ips": FAILING, "force": True}})
    (question,) = thread.answer(plan, "approve")
    assert question.value["ask"] == "rollback-ip"
    return thread, question


def test_the_whole_conversation(server: DevServer, stage: Stage) -> None:
    """一句话、缺的参数、计划、失败、回滚、报告；每一步的状态都读得到。"""
    steps = studio.walk(server.url, stage)
    assert [question.value.get("ask") for question, _ in steps] == [
        "provide_params",
        "approve_plan",
        "rollback-ip",
        None,
    ]
    assert [values["phase"] for _, values in steps] == ["params", "planned", "waiting", "finished"]
    assert steps[0][1]["missing"] == ["APP_NAME"]
    assert steps[1][1]["plan"]["targets"] == 3
    assert [one["ip"] for one in steps[2][1]["waiting"]] == [FAILING]
    assert steps[3][1]["exit_code"] == 11
    assert steps[3][1]["messages"][-1]["content"].startswith("## PAM 智能部署报告")
    assert stage.rollbacks() == [FAILING]


def test_names_and_schema(server: DevServer) -> None:
    """节点名如契约所定；输入模式画得出来。"""
    with get_sync_client(url=server.url, api_key=None) as client:
        (assistant,) = client.assistants.search()
        graph: Any = client.assistants.get_graph(assistant["assistant_id"])
        names = {str(node["id"]) for node in graph["nodes"]}
        schema = client.assistants.get_schemas(assistant["assistant_id"])["input_schema"]
    assert names >= NODES
    assert [edge for edge in graph["edges"] if edge.get("conditional") and not edge.get("data")] == []
    assert schema is not None
    assert set(schema["properties"]) == {"messages", "params", "control", "run_id"}
    control = schema["properties"]["control"]["properties"]
    assert control["execution_strategy"]["enum"] == ["hybrid_node_mcp", "script_only", "fake"]
    assert control["max_parallel"]["default"] == 1
    assert schema["properties"]["params"]["properties"]["AIRPORT_CODE"]["description"]


def test_remote_graph(server: DevServer, stage: Stage) -> None:
    """``RemoteGraph`` 用起来和本地的图一样。"""
    asked, values = remote_graph.run(server.url, stage)
    assert asked == ["approve_plan", "rollback-ip"]
    assert values["exit_code"] == 11


def test_mcp_endpoint(server: DevServer, stage: Stage) -> None:
    """经服务器的 MCP：问题带得出来，回答带不进去，什么也没有部署。"""
    before = stage.lab.journal()
    names, values = asyncio.run(mcp_client.ask(server.url, REQUEST))
    assert names == ["pam_deploy"]
    assert [one["value"]["ask"] for one in values["__interrupt__"]] == ["provide_params"]
    assert stage.lab.journal() == before


def test_two_operators_at_once(connect: Connect, server: DevServer, stage: Stage) -> None:
    """两位操作员同时决定同一个回滚：一位作数，另一位得知不作数；回滚至多一次。"""
    thread, question = to_rollback(connect, server, stage)
    before, told = stage.rollbacks(), {}
    gate = threading.Barrier(2)

    def decide(operator: str, decision: str) -> None:
        """各用各的连接回答。"""
        mine = connect(server.url, thread.thread_id)
        gate.wait()
        try:
            mine.answer(question, {"decision": decision, "operator": operator})
            told[operator] = ""
        except PamError as error:
            told[operator] = str(error)

    operators = [threading.Thread(target=decide, args=pair) for pair in (("甲", "approve"), ("乙", "reject"))]
    for each in operators:
        each.start()
    for each in operators:
        each.join()
    (loser,) = [text for text in told.values() if text]
    (winner,) = [name for name, text in told.items() if not text]
    assert f"{winner} 决定了" in loser
    assert "不再作数" in loser
    assert len(stage.rollbacks()) - len(before) == (1 if told["甲"] == "" else 0)
    assert thread.values()["phase"] == "finished"


@pytest.mark.parametrize("value", [7, [], {"decision": "maybe"}, {"10.9.9.9": "approve"}, [[7]]], ids=str)
def test_wrong_shapes(connect: Connect, server: DevServer, stage: Stage, value: Any) -> None:
    """写错的回答：问题还开着，说明了原因，没有回滚，会话如前；之后照常回答。"""
    thread, question = to_rollback(connect, server, stage)
    before, values = stage.rollbacks(), thread.values()
    (again,) = thread.answer(question, value)
    assert again.value["problem"]
    assert again.value["waiting"] == question.value["waiting"]
    assert stage.rollbacks() == before
    assert thread.values() | {"problem": ""} == values | {"problem": ""}
    assert thread.answer(again, "reject") == []


def test_a_question_no_longer_open(connect: Connect, server: DevServer, stage: Stage) -> None:
    """答过的问题再答：明白的错误，会话如前，没有再做一次。"""
    thread, question = to_rollback(connect, server, stage)
    with pytest.raises(ConfirmationError, match="还等着回答"):
        thread.say("状态")
    assert thread.answer(question, "reject") == []
    values, before = thread.values(), stage.lab.journal()
    with pytest.raises(ConfirmationError, match="决定了 reject，这一次不再作数"):
        thread.answer(question, "approve")
    assert (thread.values(), stage.lab.journal()) == (values, before)


@pytest.mark.parametrize("finished", [True, False], ids=["nothing-open", "another-question-open"])
def test_closed_between_the_look_and_the_answer(
    connect: Connect, server: DevServer, stage: Stage, monkeypatch: pytest.MonkeyPatch, *, finished: bool
) -> None:
    """核对时还开着、送到时已有人答掉：照样得知是谁的作数，会话如前，没有再做一次。"""
    thread = connect(server.url)
    (stale,) = thread.start({"params": stage.params, "control": {**CONTROL, "target_ips": FAILING, "force": True}})
    pending = thread.answer(stale, {"decision": "reject" if finished else "approve", "operator": "甲"})
    values, before = thread.values(), stage.lab.journal()
    late = connect(server.url, thread.thread_id)
    monkeypatch.setattr(late, "questions", lambda: [stale])
    with pytest.raises(ConfirmationError, match="甲 决定了"):
        late.answer(stale, {"decision": "approve", "operator": "乙"})
    assert (thread.values(), stage.lab.journal(), thread.questions()) == (values, before, pending)
    for question in pending:
        assert thread.answer(question, "reject") == []


def test_typed_into_the_chat_box(connect: Connect, server: DevServer, stage: Stage) -> None:
    """聊天界面的输入框不经问题：打「同意」不算，问题还开着；问进度也一样。"""
    thread, question = to_rollback(connect, server, stage)
    before = stage.rollbacks()
    with get_sync_client(url=server.url, api_key=None) as client:
        for text in ("同意", "到哪了"):
            typed: Any = {"messages": [{"role": "user", "content": text}]}
            client.runs.wait(thread.thread_id, "pam_deploy", input=typed)
            (again,) = thread.questions()
            assert again.value["waiting"] == question.value["waiting"]
    assert stage.rollbacks() == before
    assert thread.answer(again, "reject") == []


@pytest.mark.parametrize("name", [str(uuid4()), "不是会话"])
def test_no_such_thread(server: DevServer, name: str) -> None:
    """没有的会话：点出它的名字。"""
    with pytest.raises(InvalidInputError, match=name):
        ServerThread(server.url, thread_id=name)


def test_server_away(connect: Connect, stage: Stage, tmp_path: Path) -> None:
    """服务器中途没了：明白的错误；重新起来之后会话还在原处，照常回答。"""
    with DevServer(tmp_path, stage.env) as first:
        thread, question = to_rollback(connect, first, stage)
        first.stop()
        with pytest.raises(ServerError, match="连不上"):
            thread.answer(question, "reject")
    with DevServer(tmp_path, stage.env) as second:
        back = connect(second.url, thread.thread_id)
        assert back.questions() == [question]
        assert back.answer(question, "reject") == []
        assert back.values()["exit_code"] == 11
