"""``build_graph``：把节点和路由连成 LangGraph 的图（contract 第 5 节）。"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph

from pam_deploy_graph.action_router import ActionBackend
from pam_deploy_graph.graph import routes
from pam_deploy_graph.graph.edge_labels import MAIN, STEP, TALK, Edges, labelled
from pam_deploy_graph.graph.nodes.amend import amend_node
from pam_deploy_graph.graph.nodes.answer import answer_node
from pam_deploy_graph.graph.nodes.approve_plan import approve_plan_node
from pam_deploy_graph.graph.nodes.ask_params import ask_params_node
from pam_deploy_graph.graph.nodes.global_flow import global_flow_node
from pam_deploy_graph.graph.nodes.intent import intent_node
from pam_deploy_graph.graph.nodes.ip_flow import judge, wave
from pam_deploy_graph.graph.nodes.params import params_node
from pam_deploy_graph.graph.nodes.plan import plan_node
from pam_deploy_graph.graph.nodes.recall import recall_node
from pam_deploy_graph.graph.nodes.report import report_node
from pam_deploy_graph.graph.nodes.rollback_confirm import rollback_confirm_node
from pam_deploy_graph.graph.progress import heard_outside, telling_host
from pam_deploy_graph.graph.records import Node, with_records
from pam_deploy_graph.graph.state import GraphInput, GraphState
from pam_deploy_graph.llm import LlmClient
from pam_deploy_graph.models import Event
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings


def build_graph(
    *,
    checkpointer: Any = None,
    settings: Settings | None = None,
    router: ActionBackend | None = None,
    llm_client: LlmClient | None = None,
    home: str | Path = ".",
    listeners: list[Callable[[Event], None]] | None = None,
    services: Services | None = None,
) -> Any:
    """编译图；除此之外什么也不建，各部件用到才建。

    Args:
        checkpointer: 任一 LangGraph 检查点器；作子图、交给 LangGraph 服务器时不给，用它们的。
            单独用而不给，图停在第一个问题上就再也答不了；家里的检查点器由 ``open_graph`` 带来。
        settings: 设置；不给取自环境。
        router: 动作后端；不给按策略选脚本、MCP 或假后端。
        llm_client: 语言理解；不给用离线规则。
        home: ``runtime/`` 与 ``logs/`` 所在的目录。
        listeners: 每个账本事件都会告诉它们（在本库的事件循环线程里调用）。
        services: 现成的部件；给了它，前面几项（检查点器除外）都不看。

    Returns:
        LangGraph 的 ``compile()`` 返回的图，原样。输入 ``{"messages": [...]}``，或 ``params`` 与 ``control``；
        三处中断见 ``questions``。

    """
    services = services or services_of(home, settings, router, llm_client, listeners)
    services.watchers += [each for each in (telling_host, services.logs.watching) if each not in services.watchers]
    graph = StateGraph(GraphState, input_schema=GraphInput)
    for name, node in _LINE.items():
        graph.add_node(name, with_records(services, name, node))
    graph.add_node("ip-flow", heard_outside(_subgraph("ip-flow", _step_nodes(services), STEP, _STEP_ROUTES)))
    graph.add_node("talk", _subgraph("talk", _talk_nodes(services), TALK, {START: routes.in_talk}))
    for source, target in _ALWAYS:
        graph.add_edge(source, target)
    for name, route in _ROUTES.items():
        graph.add_conditional_edges(name, *labelled(MAIN, name, route))
    return graph.compile(checkpointer=checkpointer, name="pam_deploy")


def services_of(
    home: str | Path,
    settings: Settings | None,
    router: ActionBackend | None,
    llm_client: LlmClient | None,
    listeners: list[Callable[[Event], None]] | None,
) -> Services:
    """由 ``build_graph`` 与 ``open_graph`` 的参数备好部件；用到才建。"""
    return Services(
        home=Path(home),
        settings=settings or Settings(),
        given_router=router,
        given_llm_client=llm_client,
        listeners=list(listeners or []),
    )


def _subgraph(name: str, nodes: Mapping[str, Any], edges: Edges, ways: Mapping[str, Callable[..., str]]) -> Any:
    """一个节点里面的图：里面不停下来问人，问题都在外面，会话的状态也就都在外面看得见。"""
    graph = StateGraph(GraphState)
    for inner, node in nodes.items():
        graph.add_node(inner, node)
    for source, route in ways.items():
        graph.add_conditional_edges(source, *labelled(edges, source, route))
    return graph.compile(name=name)


def _step_nodes(services: Services) -> dict[str, Any]:
    """``ip-flow`` 里面：推一步，再看接下来做什么。"""
    return {"wave": with_records(services, "ip-flow", wave), "judge": with_records(services, "judge", judge)}


def _talk_nodes(services: Services) -> dict[str, Any]:
    """``talk`` 里面：对着已有的运行说的话。"""
    nodes: dict[str, Node] = {"amend": amend_node, "recall": recall_node, "answer": answer_node}
    return {name: with_records(services, name, node) for name, node in nodes.items()}


_LINE: dict[str, Node] = {
    "intent": intent_node,
    "params": params_node,
    "ask-params": ask_params_node,
    "plan": plan_node,
    "approve-plan": approve_plan_node,
    "global-flow": global_flow_node,
    "rollback-confirm": rollback_confirm_node,
    "report": report_node,
}
"""主线上的节点，``ip-flow`` 与 ``talk`` 是里面另有一张图的；名字是对外接口。"""
_ALWAYS = ((START, "intent"), ("params", "plan"), ("ask-params", "intent"), ("global-flow", "ip-flow"), ("report", END))
_ROUTES: dict[str, Callable[[GraphState], str]] = {
    "intent": routes.after_intent,
    "talk": routes.after_talk,
    "plan": routes.after_plan,
    "approve-plan": routes.after_approval,
    "ip-flow": routes.after_ip_flow,
    "rollback-confirm": routes.after_confirm,
}
_STEP_ROUTES: dict[str, Callable[[GraphState], str]] = {START: routes.step_or_pass, "wave": routes.after_wave}
