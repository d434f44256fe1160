"""``PamDeployAgent`` 的报告：行的写法与次序是公开的，有人照着读（纯函数；contract 第 6 节）。"""

from collections import Counter

from pam_deploy_graph.constants import IpStatus
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.summary import REPORT_TITLE, deployed, reasons, rerun, table

_EMPTY = "-"


def render_by_hand(state: AgentState) -> str:
    """写出 Markdown 报告：概况、每台开了工的一行，后面是另外要说的。"""
    count = Counter(str(workstation["status"]) for workstation in state.ip_states.values())
    lines = [
        REPORT_TITLE,
        "",
        tr("- 执行策略: {execution_strategy}", execution_strategy=state.execution_strategy),
        *deployed(state.params),
        tr("- 在线工作站数: {n}", n=len(state.online_ips)),
        tr("- 目标工作站数: {n}", n=len(state.target_ips)),
        tr("- 成功: {count}", count=count[IpStatus.SUCCESS]),
        tr("- 失败: {count}", count=count[IpStatus.FAILED]),
        tr("- 待确认: {pending_confirmation}", pending_confirmation=state.pending_confirmation or _EMPTY),
        "",
        *table(("IP", tr("状态"), tr("失败阶段"), tr("回滚状态"), tr("日志")), _rows(state)),
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
        tr("结果未知"): [ip for ip, w in state.ip_states.items() if w["status"] == IpStatus.IN_DOUBT],
        tr("没有开工"): [ip for ip in state.target_ips if ip not in state.ip_states],
        tr("不在线"): state.missing_ips,
    }
    lists = [f"- {what}: {tr('、').join(ips)}" for what, ips in named.items() if ips]
    return [tr("- 运行: {run_id}", run_id=state.run_id), *rerun(state), *lists, *reasons(state)]
