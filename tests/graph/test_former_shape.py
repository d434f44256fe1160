"""从前的图写下的检查点：那时 ``answer``、``recall`` 在最外面；换了形状的图照账本接着走，一次也不多做。"""

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.graph.driver import Driver
from pam_deploy_graph.graph.nodes.answer import answer_node
from pam_deploy_graph.graph.nodes.approve_plan import approve_plan_node
from pam_deploy_graph.graph.nodes.global_flow import global_flow_node
from pam_deploy_graph.graph.nodes.intent import intent_node
from pam_deploy_graph.graph.nodes.ip_flow import wave
from pam_deploy_graph.graph.nodes.params import params_node
from pam_deploy_graph.graph.nodes.plan import plan_node
from pam_deploy_graph.graph.nodes.recall import recall_node
from pam_deploy_graph.graph.records import with_records
from pam_deploy_graph.graph.state import GraphInput, GraphState
from tests.graph.desk import FAKE, IPS, PARAMS, Desk

LINE = {
    "params": params_node,
    "plan": plan_node,
    "approve-plan": approve_plan_node,
    "global-flow": global_flow_node,
    "ip-flow": wave,
}
ASIDE = {"answer": answer_node, "recall": recall_node}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """会话名就是运行名，命令行与聊天界面都接得上。"""
    made = Desk(tmp_path, InMemorySaver(), thread="r1")
    yield made
    made.services.close()


def former(desk: Desk, *stop_before: str) -> Any:
    """从前的形状：旁的话在最外面，与主线同一张图；停在 ``stop_before`` 之前，就像那时被杀掉。"""
    graph = StateGraph(GraphState, input_schema=GraphInput)
    for name, node in {"intent": intent_node, **LINE, **ASIDE}.items():
        graph.add_node(name, with_records(desk.services, name, node))
    graph.add_edge(START, "intent")
    kinds: dict[Hashable, str] = {"deploy": "params", "rollback": "recall", "status": "answer"}
    graph.add_conditional_edges("intent", lambda state: state["intent"], kinds)
    for name, after in zip(LINE, [*list(LINE)[1:], END], strict=True):
        graph.add_edge(name, after)
    return graph.compile(checkpointer=desk.graph.checkpointer, interrupt_before=[*stop_before])


def said(text: str) -> dict[str, Any]:
    """一句话。"""
    return {"messages": [{"role": "user", "content": text}]}


def begun(desk: Desk, *stop_before: str) -> Any:
    """在从前的图上走到计划的问题。"""
    old = former(desk, *stop_before)
    old.invoke({"params": PARAMS, "control": FAKE, "run_id": "r1"}, desk.config)
    return old


def test_a_question_of_the_former_shape_is_answered(desk: Desk) -> None:
    """那时问的计划，现在以它的 id 回答，照做。"""
    begun(desk)
    assert desk.answer("approve")["exit_code"] == 0
    assert len(desk.actions()) == len(set(desk.actions()))


@pytest.mark.parametrize(("words", "where"), [("到哪了", "answer"), ("把 10.0.0.1 退回", "recall")])
def test_a_thread_left_in_the_side_talk(desk: Desk, words: str, where: str) -> None:
    """停在已经不在最外面的节点之前：没有可接的，下一句话照账本把问题问回来。"""
    old = begun(desk, where)
    if where == "recall":  # 计划等着的时候不说退回，停着的时候才说
        desk.fake.fail("verify-ip", IPS[0])
        desk.answer("approve")
    old.invoke(said(words), desk.config)
    assert old.get_state(desk.config).next == (where,)
    assert where not in desk.graph.get_state(desk.config).next
    again = desk.say(said("到哪了"))
    assert again["ask"] == ("approve_plan" if where == "answer" else "rollback-ip")
    assert desk.answer("approve")["exit_code"] == (0 if where == "answer" else 11)
    assert len(desk.actions()) == len(set(desk.actions()))


@pytest.mark.parametrize("where", ["global-flow", "ip-flow", "answer"])
def test_the_command_line_resumes_it(desk: Desk, where: str) -> None:
    """那时被杀在哪里都一样：``resume`` 从账本接着做完。"""
    old = begun(desk, where)
    if where == "answer":
        old.invoke(said("到哪了"), desk.config)
    else:
        pending = old.get_state(desk.config).tasks[0].interrupts[0].id
        old.invoke(Command(resume={pending: "approve"}), desk.config)
    assert Driver(desk.services, desk.graph, lambda _question: "approve").resume("r1") == ExitCode.DONE
    assert len(desk.actions()) == len(set(desk.actions()))
