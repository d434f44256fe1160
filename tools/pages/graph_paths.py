"""主流程的几幅图：边取自编译好的图，每条边归一幅并写明何时走；图上多一条少一条，这里就报错。"""

from typing import Final

from pam_deploy_graph.graph import build_graph
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

Edges = dict[tuple[str, str], str]
TALK: Final[Edges] = {
    (_START, "intent"): "",
    ("intent", "params"): "要部署",
    ("intent", "answer"): "预演、状态、取消、听不懂",
    ("params", "ask-params"): "有缺的，或不合规则",
    ("ask-params", "intent"): "答了一句话",
    ("ask-params", "params"): "答了键值",
    ("params", "plan"): "齐了",
    ("plan", "approve-plan"): "检查通过",
    ("plan", "ask-params"): "没有安装包，或改得一台不剩",
    ("plan", "report"): "检查不过，什么也没有改变",
    ("approve-plan", "intent"): "答了一句话",
    ("answer", _END): "",
    ("answer", "ask-params"): "还等着参数",
    ("answer", "approve-plan"): "计划还等着批准",
}
WORK: Final[Edges] = {
    ("approve-plan", "global-flow"): "批准",
    ("approve-plan", "approve-plan"): "看不懂，再问",
    ("approve-plan", "report"): "否决",
    ("global-flow", "ip-flow"): "做完",
    ("global-flow", "report"): "失败，可以再继续",
    ("ip-flow", "ip-flow"): "还有可推的",
    ("ip-flow", "rollback-confirm"): "有要决定的",
    ("rollback-confirm", "ip-flow"): "有了决定，去执行",
    ("rollback-confirm", "rollback-confirm"): "看不懂，再问",
    ("ip-flow", "report"): "做完或停下",
    ("report", _END): "",
}
TURNS: Final[Edges] = {
    ("intent", "amend"): "途中要改的话",
    ("answer", "rollback-confirm"): "还等着决定",
    ("answer", "report"): "取消了",
    ("intent", "global-flow"): "「继续」停下的运行",
    ("amend", "report"): "了结了，或正由别处推着",
    ("recall", "report"): "正由别处推着",
    ("rollback-confirm", "report"): "了结了",
    ("intent", "recall"): "「把某台退回」",
    ("recall", "approve-plan"): "结束了的，请人批准退回的计划",
    ("recall", "rollback-confirm"): "还没有结束的，问在它里面",
    ("recall", _END): "没有找到",
    ("rollback-confirm", "intent"): "答了一句话",
    ("amend", "approve-plan"): "拟好了，请人批准",
    ("amend", "rollback-confirm"): "没有听出要改什么",
    ("ip-flow", "approve-plan"): "灰度做完，或地址、程序变了，再批准",
    ("global-flow", "plan"): "批准之后变了，重提计划",
    ("global-flow", "approve-plan"): "动手之后变了，只问变了的",
    ("approve-plan", "ip-flow"): "有了结果，接着推",
}


def pictures() -> dict[str, str]:
    """返回「小标题 -> Mermaid 代码块」。

    Raises:
        ValueError: 编译好的图与这里的边不一致；消息列出哪几条。

    """
    drawn = {**TALK, **WORK, **TURNS}
    real = {(edge.source, edge.target) for edge in build_graph().get_graph().edges}
    if different := real ^ set(drawn):
        raise ValueError(f"tools/pages/graph_paths.py 的边与图不一致：{sorted(different)}")
    return {
        "从一句话到计划": _picture(TALK),
        "从批准到报告": _picture(WORK),
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
