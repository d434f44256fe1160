"""主线与它里面的两张图：边与何时走取自编译好的图；图上与 ``graph/edge_labels.py`` 不一致，这里就报错。"""

from typing import Final

from langchain_core.runnables.graph import Graph

from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.graph.edge_labels import MAIN, STEP, TALK, Edges
from tools.pages import mermaid

_START, _END = "__start__", "__end__"
_ABOUT: Final = {
    _START: "进来",
    "intent": "听懂要做什么",
    "params": "摘出并检查参数",
    "ask-params": "问缺的参数",
    "plan": "登记，只读检查，拟计划",
    "approve-plan": "请人批准",
    "global-flow": "六个全局步骤",
    "ip-flow": "逐台推进一步",
    "rollback-confirm": "请人决定回滚",
    "talk": "对着已有的运行说的话",
    "amend": "拟出改动",
    "recall": "找到那次运行",
    "answer": "只回答，不动手",
    "wave": "执行决定，推一批",
    "judge": "看接下来做什么",
    "report": "报告与退出码",
    _END: "完",
}
_INSIDE: Final = ("talk", "ip-flow")
"""里面另有一张图的节点。"""
_ASKING: Final = ("ask-params", "approve-plan", "rollback-confirm")
"""停下来等人的节点。"""


def pictures() -> dict[str, str]:
    """返回「小标题 -> Mermaid 代码块」。

    Raises:
        ValueError: 编译好的图与 ``graph/edge_labels.py`` 的边不一致；消息列出哪几条。

    """
    graph = build_graph()
    inside = {name: inner.get_graph() for name, inner in graph.get_subgraphs()}
    return {
        "主线": _picture(_checked(graph.get_graph(), MAIN)),
        "`talk` 里面": _picture(_checked(inside["talk"], TALK)),
        "`ip-flow` 里面": _picture(_checked(inside["ip-flow"], STEP)),
    }


def _checked(drawn: Graph, labels: Edges) -> Edges:
    """一张图的边，照从上到下的次序；条件边与写着的一致。

    Raises:
        ValueError: 不一致；消息列出哪几条。

    """
    edges = {(edge.source, edge.target): str(edge.data) if edge.conditional else "" for edge in drawn.edges}
    real = {(edge.source, edge.target): str(edge.data) for edge in drawn.edges if edge.conditional}
    if different := real.items() ^ labels.items():
        raise ValueError(f"graph/edge_labels.py 的边与图不一致：{sorted(different)}")
    order = [*_ABOUT]
    return dict(sorted(edges.items(), key=lambda one: [order.index(name) for name in one[0]]))


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
    if name in _INSIDE:
        return f"[[{text}]]"
    return f"{{{{{text}}}}}" if name in _ASKING else f"[{text}]"
