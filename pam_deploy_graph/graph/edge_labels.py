"""图上每条条件边何时走：画出来的图上写着它（Studio、``draw_mermaid``、流程图一页）。"""

from collections.abc import Callable, Hashable
from typing import Final

from pam_deploy_graph.graph.state import GraphState

Edges = dict[tuple[str, str], str]
Ways = dict[Hashable, str]
MAIN: Final[Edges] = {
    ("intent", "params"): "要部署",
    ("intent", "talk"): "问、改、退回、继续、取消",
    ("plan", "ask-params"): "缺参数，没有安装包，或要再说一遍",
    ("plan", "approve-plan"): "参数齐了",
    ("approve-plan", "global-flow"): "批准了",
    ("approve-plan", "intent"): "没有决定：一句话、看不懂、要重提",
    ("approve-plan", "report"): "否决，或检查不过",
    ("ip-flow", "ip-flow"): "还有可做的",
    ("ip-flow", "rollback-confirm"): "有要决定的",
    ("ip-flow", "plan"): "要再批准：灰度之后，或有变化",
    ("ip-flow", "report"): "做完、停下，或交给了下一个作业",
    ("rollback-confirm", "ip-flow"): "有了决定；看不懂的再问",
    ("rollback-confirm", "intent"): "答了一句话",
    ("talk", "plan"): "回到停着的地方",
    ("talk", "__end__"): "说完了",
}
"""主线。"""
TALK: Final[Edges] = {
    ("__start__", "amend"): "途中要改的话",
    ("__start__", "recall"): "「把某台退回」",
    ("__start__", "answer"): "预演、状态、暂停、取消、听不懂",
    ("__start__", "__end__"): "「继续」，或没看懂的回答",
}
"""``talk`` 里面：对着已有的运行说的话。"""
STEP: Final[Edges] = {
    ("__start__", "wave"): "推一步",
    ("__start__", "__end__"): "没有轮到它",
    ("wave", "judge"): "推完了",
    ("wave", "__end__"): "取消、停下、设置变了",
}
"""``ip-flow`` 里面：一步。"""


def labelled(edges: Edges, source: str, route: Callable[[GraphState], str]) -> tuple[Callable[[GraphState], str], Ways]:
    """把返回节点名的路由换成返回「何时走」的，连同「何时走 -> 节点」。"""
    ways = {target: why for (name, target), why in edges.items() if name == source}

    def way(state: GraphState) -> str:
        """走哪条边。"""
        return ways[route(state)]

    return way, {why: target for target, why in ways.items()}
