"""图上每条条件边何时走：画出来的图上写着它（Studio、``draw_mermaid``、流程图一页）。"""

from collections.abc import Callable, Hashable
from typing import Final

from pam_deploy_graph.graph.state import GraphState

Edges = dict[tuple[str, str], str]
Ways = dict[Hashable, str]
TALK: Final[Edges] = {
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
    ("answer", "__end__"): "说完了",
    ("answer", "ask-params"): "还等着参数",
    ("answer", "approve-plan"): "计划还等着批准",
}
"""从一句话到计划。"""
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
}
"""从批准到报告。"""
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
    ("recall", "__end__"): "没有找到",
    ("rollback-confirm", "intent"): "答了一句话",
    ("amend", "approve-plan"): "拟好了，请人批准",
    ("amend", "rollback-confirm"): "没有听出要改什么",
    ("ip-flow", "approve-plan"): "灰度做完，或地址、程序变了，再批准",
    ("global-flow", "plan"): "批准之后变了，重提计划",
    ("global-flow", "approve-plan"): "动手之后变了，只问变了的",
    ("approve-plan", "ip-flow"): "有了结果，接着推",
    ("approve-plan", "plan"): "策略或账户文件换了，重提计划",
}
"""途中与事后。"""
_WHY: Final[Edges] = {**TALK, **WORK, **TURNS}


def labelled(source: str, route: Callable[[GraphState], str]) -> tuple[Callable[[GraphState], str], Ways]:
    """把返回节点名的路由换成返回「何时走」的，连同「何时走 -> 节点」。"""
    ways = {target: why for (name, target), why in _WHY.items() if name == source}

    def way(state: GraphState) -> str:
        """走哪条边。"""
        return ways[route(state)]

    return way, {why: target for target, why in ways.items()}
