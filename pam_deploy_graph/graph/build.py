"""``build_graph``：把节点和路由连成 LangGraph 的图（contract 第 5 节）。"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph

from pam_deploy_graph.action_router import ActionBackend
from pam_deploy_graph.graph import routes
from pam_deploy_graph.graph.edge_labels import labelled
from pam_deploy_graph.graph.nodes.amend import amend_node
from pam_deploy_graph.graph.nodes.answer import answer_node
from pam_deploy_graph.graph.nodes.approve_plan import approve_plan_node
from pam_deploy_graph.graph.nodes.ask_params import ask_params_node
from pam_deploy_graph.graph.nodes.global_flow import global_flow_node
from pam_deploy_graph.graph.nodes.intent import intent_node
from pam_deploy_graph.graph.nodes.ip_flow import ip_flow_node
from pam_deploy_graph.graph.nodes.params import params_node
from pam_deploy_graph.graph.nodes.plan import plan_node
from pam_deploy_graph.graph.nodes.recall import recall_node
from pam_deploy_graph.graph.nodes.report import report_node
from pam_deploy_graph.graph.nodes.rollback_confirm import rollback_confirm_node
from pam_deploy_graph.graph.progress import telling_host
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
    if telling_host not in services.watchers:
        services.watchers.append(telling_host)
    graph = StateGraph(GraphState, input_schema=GraphInput)
    for name, node in _nodes(services).items():
        graph.add_node(name, node)
    graph.add_edge(START, "intent")
    for name, route in _ROUTES.items():
        graph.add_conditional_edges(name, *labelled(name, route))
    graph.add_edge("report", END)
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


def _nodes(services: Services) -> dict[str, Any]:
    """节点名与节点；名字是对外接口。"""
    nodes: dict[str, Node] = {
        "intent": intent_node,
        "params": params_node,
        "ask-params": ask_params_node,
        "plan": plan_node,
        "approve-plan": approve_plan_node,
        "global-flow": global_flow_node,
        "ip-flow": ip_flow_node,
        "rollback-confirm": rollback_confirm_node,
        "amend": amend_node,
        "recall": recall_node,
        "report": report_node,
        "answer": answer_node,
    }
    return {name: with_records(services, name, node) for name, node in nodes.items()}


_ROUTES: dict[str, Callable[[GraphState], str]] = {
    "intent": routes.after_intent,
    "params": routes.after_params,
    "ask-params": routes.after_asking,
    "answer": routes.after_answer,
    "recall": routes.after_recall,
    "amend": routes.after_amend,
    "plan": routes.after_plan,
    "approve-plan": routes.after_approval,
    "global-flow": routes.after_global,
    "ip-flow": routes.after_ip_flow,
    "rollback-confirm": routes.after_confirm,
}
