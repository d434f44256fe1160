"""``PamDeployAgent`` 的报告：行的写法与次序是公开的，有人照着读（纯函数；contract 第 6 节）。"""

from collections import Counter

from pam_deploy_graph.constants import IpStatus
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.summary import REPORT_TITLE, deployed, reasons, rerun, table

_EMPTY = "-"


def render_by_hand(state: AgentState) -> str:
    """写出 Markdown 报告：概况、每台开了工的一行，后面是另外要说的。"""
    count = Counter(str(workstation["status"]) for workstation in state.ip_states.values())
    lines = [
        REPORT_TITLE,
        "",
        f"- 执行策略: {state.execution_strategy}",
        *deployed(state.params),
        f"- 在线工作站数: {len(state.online_ips)}",
        f"- 目标工作站数: {len(state.target_ips)}",
        f"- 成功: {count[IpStatus.SUCCESS]}",
        f"- 失败: {count[IpStatus.FAILED]}",
        f"- 待确认: {state.pending_confirmation or _EMPTY}",
        "",
        *table(("IP", "状态", "失败阶段", "回滚状态", "日志"), _rows(state)),
        "",
        *_more(state),
    ]
    return "\n".join(lines) + "\n"


def _rows(state: AgentState) -> list[tuple[str, ...]]:
    """每台开了工的一行；空的格子写 ``-``。"""
    names = ("status", "failed_stage", "rollback_status", "log_file")
    return [(ip, *(str(w[name]) or _EMPTY for name in names)) for ip, w in state.ip_states.items()]


def _more(state: AgentState) -> list[str]:
    """另外要说的：哪次运行，结果未知、没有开工、不在线的是哪几台，为什么没有成功。"""
    named = {
        "结果未知": [ip for ip, w in state.ip_states.items() if w["status"] == IpStatus.IN_DOUBT],
        "没有开工": [ip for ip in state.target_ips if ip not in state.ip_states],
        "不在线": state.missing_ips,
    }
    lists = [f"- {what}: {'、'.join(ips)}" for what, ips in named.items() if ips]
    return [f"- 运行: {state.run_id}", *rerun(state), *lists, *reasons(state)]
