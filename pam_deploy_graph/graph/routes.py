"""路由：状态的纯函数，返回下一个节点的名字；主线上的节点只在轮到自己时做事，别的直接往下走。"""

from collections.abc import Mapping
from typing import Final, Literal

from pam_deploy_graph.graph.state import GraphState, asks_again, astray, open_question, unheard

_TURN: Final[Mapping[str, frozenset[str]]] = {
    "plan": frozenset({"params", "amending", "replan"}),
    "approve-plan": frozenset({"planned"}),
    "global-flow": frozenset({"approved", "stopped"}),
}
"""主线上的节点在哪几个 ``phase`` 做事。"""


def passes(name: str, state: GraphState) -> bool:
    """没有轮到这个节点：要做的在主线的更下面，有参数要先问，或下一个作业接着做。"""
    if name == "report":
        return state.get("phase") == "handed-on"
    if name == "plan" and (open_question(state) == "ask-params" or asks_again(state)):
        return True
    return name in _TURN and state.get("phase") not in _TURN[name]


def after_intent(state: GraphState) -> Literal["params", "talk"]:
    """部署、还没有批准就停下的再来，去摘参数；别的都是对着已有的运行说话。"""
    if state["intent"] == "deploy":
        on_the_way = state["phase"] == "amending" and (state.get("waiting") or state["plan"].get("stage"))
        return "talk" if on_the_way or state["phase"] == "planned" else "params"
    return "params" if state["intent"] == "resume" and state.get("phase") == "params" else "talk"


def in_talk(state: GraphState) -> Literal["amend", "recall", "answer", "__end__"]:
    """途中要改的去拟改动，要退回的去找它的运行；「继续」与没看懂的没有话要说；其余只回答。"""
    if state["intent"] == "deploy":
        return "__end__" if state["phase"] == "planned" else "amend"
    if state["intent"] == "rollback":
        return "recall"
    return "__end__" if state["intent"] == "resume" and state.get("phase") == "approved" else "answer"


def after_talk(state: GraphState) -> Literal["plan", "__end__"]:
    """还有问题等着、要接着做、要收尾、要人再说一遍的，沿主线走到该停的地方；否则说完就完。"""
    on_the_line = astray(state) or state.get("phase") in ("approved", "rejected")
    return "plan" if on_the_line or open_question(state) or asks_again(state) else "__end__"


def after_plan(state: GraphState) -> Literal["ask-params", "approve-plan"]:
    """缺参数、有不合规则的值、HOME 没有这个版本就问；别的往下走。"""
    return "ask-params" if state["phase"] == "params" or asks_again(state) else "approve-plan"


def after_approval(state: GraphState) -> Literal["intent", "global-flow", "report"]:
    """批准过的往下走；没有作出决定的（一句话、看不懂、要重提）先听懂；否决的、停下的收尾。"""
    if state["phase"] in ("planned", "replan"):
        return "intent"
    return "global-flow" if state["phase"] in ("approved", "rolling", "waiting") else "report"


def step_or_pass(state: GraphState) -> Literal["wave", "__end__"]:
    """正推着才推一步。"""
    return "wave" if state["phase"] == "rolling" else "__end__"


def after_wave(state: GraphState) -> Literal["judge", "__end__"]:
    """取消了、停下了、设置变了的，不必再看接下来做什么。"""
    return "judge" if state["phase"] == "rolling" else "__end__"


def after_ip_flow(state: GraphState) -> Literal["rollback-confirm", "plan", "ip-flow", "report"]:
    """等人决定、请人再批准、继续推进，或收尾；交给下一个作业的，收尾那里直接过去。"""
    if state["phase"] in ("planned", "replan"):
        return "plan"
    if state["phase"] == "waiting":
        return "rollback-confirm"
    return "ip-flow" if state["phase"] == "rolling" else "report"


def after_confirm(state: GraphState) -> Literal["intent", "ip-flow"]:
    """答一句话的先听懂；有了决定就去执行，看不懂的再问，运行了结了就说结果。"""
    return "intent" if unheard(state) and not astray(state) else "ip-flow"
