"""路由：状态的纯函数，返回下一个节点的名字。"""

from typing import Literal

from pam_deploy_graph.graph.state import GraphState, Question, astray, open_question, unheard


def after_intent(state: GraphState) -> Literal["params", "amend", "global-flow", "recall", "answer"]:
    """部署去摘参数，途中要改的去拟改动；要退回的去找它的运行；停在半路的说「继续」就接着做；其余只回答。"""
    if state["intent"] == "deploy":
        on_the_way = state["phase"] == "amending" and (state.get("waiting") or state["plan"].get("stage"))
        return "amend" if on_the_way else "params"
    if state["intent"] == "rollback":
        return "recall"
    if state["intent"] == "resume" and state.get("phase") == "stopped":
        return "global-flow" if (state.get("plan") or {}).get("digest") in state.get("decided", {}) else "params"
    return "answer"


def after_answer(state: GraphState) -> Literal[Question, "report", "__end__"]:
    """取消了的去收尾；还有问题等着的回去再问；否则说完就完。"""
    return "report" if state.get("phase") in ("rejected", "closing") else open_question(state) or "__end__"


def after_recall(state: GraphState) -> Literal["approve-plan", "rollback-confirm", "report", "__end__"]:
    """自成一次的请人批准计划；还没有结束的请人确认；正由别处推着，就说进度。"""
    if astray(state):
        return "report"
    if state.get("phase") == "planned" and not state.get("answered"):
        return "approve-plan"
    return "rollback-confirm" if state["waiting"] else "__end__"


def after_params(state: GraphState) -> Literal["ask-params", "plan"]:
    """缺参数或有不合规则的值就问。"""
    return "ask-params" if state["missing"] or state["problem"] else "plan"


def after_plan(state: GraphState) -> Literal["approve-plan", "ask-params", "report"]:
    """HOME 没有这个版本就问；别的检查不过就收尾。"""
    if state["phase"] == "params":
        return "ask-params"
    return "approve-plan" if state["phase"] == "planned" else "report"


def after_asking(state: GraphState) -> Literal["intent", "params"]:
    """答键值的直接去检查；答一句话的先听是不是在答这个问题。"""
    return "intent" if unheard(state) else "params"


def after_approval(state: GraphState) -> Literal["intent", "plan", "approve-plan", "global-flow", "ip-flow", "report"]:
    """答一句话的先听懂；看不懂的回答再问；批准了才动手；途中的改动有了结果就接着推；策略换了的重提计划。"""
    if unheard(state):
        return "intent"
    if state["phase"] == "replan":
        return "plan"
    if state["phase"] == "rolling":
        return "ip-flow"
    if state["phase"] == "approved":
        return "global-flow"
    return "report" if state["phase"] == "rejected" or astray(state) else "approve-plan"


def after_global(state: GraphState) -> Literal["plan", "approve-plan", "ip-flow", "report"]:
    """批准之后变了的重提计划，或只问变了的；全局步骤停下就收尾。"""
    if state["phase"] == "replan":
        return "plan"
    if state["phase"] == "planned":
        return "approve-plan"
    return "ip-flow" if state["phase"] == "rolling" else "report"


def after_ip_flow(state: GraphState) -> Literal["rollback-confirm", "approve-plan", "ip-flow", "report"]:
    """等人决定、请人批准灰度之后的、继续推进，或收尾。"""
    if state["phase"] == "planned":
        return "approve-plan"
    if state["phase"] == "waiting":
        return "rollback-confirm"
    return "ip-flow" if state["phase"] == "rolling" else "report"


def after_amend(state: GraphState) -> Literal["approve-plan", "rollback-confirm", "report"]:
    """改动要人批准；没有听出改动就回到原来的问题；运行了结了、正由别处推着，就说出来。"""
    if astray(state):
        return "report"
    return "approve-plan" if state["phase"] == "planned" else "rollback-confirm"


def after_confirm(state: GraphState) -> Literal["intent", "rollback-confirm", "ip-flow", "report"]:
    """答一句话的先听懂；看不懂的回答再问；有了决定就去执行；运行了结了就说结果。"""
    if astray(state):
        return "report"
    if unheard(state):
        return "intent"
    return "rollback-confirm" if state["waiting"] else "ip-flow"
