"""主流程的几幅图：边与何时走取自编译好的图，每条边归一幅；图上多一条少一条，这里就报错。"""

from typing import Final

from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.graph.edge_labels import TALK, TURNS, WORK, Edges
from tools.pages import mermaid

_START, _END = "__start__", "__end__"
_ABOUT: Final = {
    _START: "一句话，或现成的参数",
    "intent": "听懂要做什么",
    "params": "摘出并检查参数",
    "ask-params": "问缺的参数",
    "plan": "登记，只读检查，拟计划",
    "approve-plan": "请人批准",
    "global-flow": "六个全局步骤",
    "ip-flow": "逐台推进一步",
    "rollback-confirm": "请人决定回滚",
    "amend": "拟出改动",
    "recall": "找到那次运行",
    "report": "报告与退出码",
    "answer": "只回答，不动手",
    _END: "完",
}
_ASKING: Final = ("ask-params", "approve-plan", "rollback-confirm")
"""停下来等人的节点。"""


def pictures() -> dict[str, str]:
    """返回「小标题 -> Mermaid 代码块」。

    Raises:
        ValueError: 编译好的图与这里的边不一致；消息列出哪几条。

    """
    begin, end = {(_START, "intent"): ""}, {("report", _END): ""}
    drawn = {**begin, **TALK, **WORK, **end, **TURNS}
    real = {(edge.source, edge.target): edge.data or "" for edge in build_graph().get_graph().edges}
    if different := real.items() ^ drawn.items():
        raise ValueError(f"graph/edge_labels.py 的边与图不一致：{sorted(different)}")
    return {
        "从一句话到计划": _picture({**begin, **TALK}),
        "从批准到报告": _picture({**WORK, **end}),
        "途中与事后": _picture(TURNS),
    }


def _picture(edges: Edges) -> str:
    """画一幅：等人的节点是六角形，起止是圆角。"""
    names = list(dict.fromkeys(name for edge in edges for name in edge))
    ids = {name: f"n{number}" for number, name in enumerate(names)}
    boxes = [f"    {ids[name]}{_shape(name)}" for name in names]
    arrows = [f"    {ids[a]} -->{f'|{why}|' if why else ''} {ids[b]}" for (a, b), why in edges.items()]
    return mermaid(["flowchart TD", *boxes, *arrows])


def _shape(name: str) -> str:
    """一个节点的形状与说明。"""
    if name in (_START, _END):
        return f'(["{_ABOUT[name]}"])'
    text = f'"{name}<br/>{_ABOUT[name]}"'
    return f"{{{{{text}}}}}" if name in _ASKING else f"[{text}]"
