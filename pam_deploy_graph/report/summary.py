"""报告：把一次运行的状态写成 Markdown 或 JSON（纯函数；contract 第 6、8 节）。"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.constants import NOT_STARTED, OFFLINE, IpStatus
from pam_deploy_graph.flows.rollout import not_reached, not_reached_text
from pam_deploy_graph.flows.service_state import (
    UNKNOWN,
    out_of_service,
    running_now,
    service_line,
    state_unknown,
    truth_of,
    version_before,
    version_now,
    version_text,
)
from pam_deploy_graph.i18n import Worded, msgid, tr
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.inputs.shares import in_numbers
from pam_deploy_graph.inputs.targeting import scope_size
from pam_deploy_graph.models import AgentState, IpState
from pam_deploy_graph.report.code_words import bare_reason, with_word
from pam_deploy_graph.report.decision_words import decision_label, subject_of
from pam_deploy_graph.system.safe_text import markdown_safe
from pam_deploy_graph.system.shown_time import moment, zone

MANY: Final = 10
"""这么多台起，屏幕上只逐台列没有成功的。"""
REPORT_TITLE: Final = msgid("## PAM 智能部署报告")
_RUNNING: Final = Worded({True: "在运行", False: "已停止", None: UNKNOWN})


def render_report(state: AgentState, *, brief: bool = False, decisions: Sequence[Mapping[str, Any]] = ()) -> str:
    """写出 Markdown 报告：停用的几台在最前面（contract 第 8 节），然后是概况与每台工作站一行，没有成功的在前。

    Args:
        state: 一次运行的状态。
        decisions: 账本里的决定；给了就说出谁、从哪里、何时、怎样、为什么。
        brief: 为真时表里只列没有成功的、已退回的与等人决定的工作站（大机群在对话里用）。

    """
    count, first = counts(state), service_line(state)
    lines = [
        *([first, ""] if first else []),
        tr(REPORT_TITLE),
        "",
        tr("- 运行: {run_id}", run_id=state.run_id),
        tr("- 执行策略: {execution_strategy}", execution_strategy=state.execution_strategy),
        *deployed(state.params),
        *rerun(state),
        tr("- 在线: {online}", online=count["online"]),
        tr("- 目标: {targets}", targets=count["targets"]),
        tr("- 成功: {succeeded}", succeeded=count["succeeded"]),
        *([tr("- 已退回: {recalled}", recalled=count["recalled"])] if count["recalled"] else []),
        tr("- 失败: {failed}", failed=count["failed"]),
        tr("- 待确认: {pending}", pending=count["pending"]),
        *([f"- {markdown_safe(not_reached_text(missed, state.names))}"] if (missed := not_reached(state)) else []),
        "",
        *_ip_table(state, brief=brief),
        *_truths(state, brief=brief),
        *reasons(state),
        *decided(decisions),
    ]
    return "\n".join(lines) + "\n"


def counts(state: AgentState) -> dict[str, int]:
    """数出各种处境各几台。

    Returns:
        开了工的每台恰好算在 ``succeeded``、``recalled``（成功之后退回了原来的版本）、``failed``、``running`` 之一；
        ``in_doubt`` 是 ``failed`` 里结果未知的，``pending`` 是其中还等人决定的，``missing`` 是要求了而不在线的。

    """
    tally = Counter(w.tally for w in state.ip_states.values())
    targets = targets_of(state)
    return {
        "online": len(state.online_ips),
        "targets": len(targets),
        **{name: tally[name] for name in ("succeeded", "recalled", "failed", "running")},
        "in_doubt": sum(w["status"] == IpStatus.IN_DOUBT for w in state.ip_states.values()),
        "pending": sum(w.awaits_decision for w in state.ip_states.values()),
        "not_started": sum(ip not in state.ip_states for ip in targets),
        "missing": len(state.missing_ips),
    }


def tally_of(state: AgentState, *, idle: bool = True) -> dict[str, Any]:
    """结束时记下的：一次运行在 ``runs`` 里的一行要的数与几台，不必再读全部事件；``idle`` 见 ``service_line``。"""
    count = counts(state)
    return {
        "requested_by": state.requested_by or state.registered_by,
        "targets": count["targets"],
        "done": count["succeeded"] + count["recalled"],
        "failed": count["failed"],
        "out_of_service": out_of_service(state),
        "state_unknown": state_unknown(state, idle=idle),
    }


def report_object(state: AgentState, decisions: list[dict[str, Any]]) -> dict[str, Any]:
    """返回 ``report --format json`` 的对象（contract 第 8 节）。"""
    return {
        "first_line": service_line(state),
        "run_id": state.run_id,
        "execution_strategy": state.execution_strategy,
        "action_backends": state.action_backends,
        "params": state.params,
        "control_params": in_numbers(state.control_params, scope_size(state)) | _asked_scope(state),
        "plan_digest": state.plan_digest,
        "rollback_of": state.rollback_of,
        "counts": counts(state),
        "out_of_service": out_of_service(state),
        "not_reached": not_reached(state),
        "ips": {ip: ip_object(state, ip) for ip in _all_ips(state)},
        "missing_ips": state.missing_ips,
        "decisions": decisions,
        "events": [{"backend": "", **event} for event in state.events],
    }


def _asked_scope(state: AgentState) -> dict[str, Any]:
    """要求的工作站；没有指定就没有这个键。"""
    return {} if state.requested_ips is None else {"target_ips": state.requested_ips}


def ip_object(state: AgentState, ip: str) -> dict[str, Any]:
    """一台工作站在 JSON 报告里的样子。"""
    workstation = state.ip_states.get(ip)
    known = workstation or IpState()
    return {
        "ip": ip,
        "name": state.names.get(ip, ""),
        "status": known["status"] if workstation else NOT_STARTED,
        "steps": known["completed_steps"],
        "failed_stage": known["failed_stage"],
        "failure_reason": known["failure_reason"],
        "rollback": known["rollback_status"],
        **truth_of(known),
        "version_after": version_now(known),
        "log_file": known["log_file"],
    }


def escape_cell(text: object) -> str:
    """让外来文字在表格里只是文字：竖线也转义。"""
    return markdown_safe(str(text)).replace("|", "\\|")


def deployed(params: dict[str, str]) -> list[str]:
    """返回几行：部署什么、到哪里；``params`` 里没有的为空。"""
    return [
        tr("- 机场: {airport_code}", airport_code=params.get("AIRPORT_CODE", "")),
        tr("- 应用: {app_name}", app_name=params.get("APP_NAME", "")),
        tr("- 模块: {module_name}", module_name=params.get("MODULE_NAME", "")),
        tr("- 版本: {version_number}", version_number=params.get("VERSION_NUMBER", "")),
    ]


def rerun(state: AgentState) -> list[str]:
    """返回一行：这次是照哪次运行再来的，或退回哪一次的；都不是的为空列表。"""
    run_id = state.control_params.get("failed_of")
    if state.rollback_of:
        return [tr("- 退回: 到运行 {rollback_of} 之前", rollback_of=state.rollback_of)]
    return [tr("- 重做: 运行 {run_id} 里没有成功的", run_id=run_id)] if run_id else []


def _all_ips(state: AgentState) -> list[str]:
    """目标与已开工的工作站，不重复，目标在前。"""
    return list(dict.fromkeys([*targets_of(state), *state.ip_states]))


def targets_of(state: AgentState) -> list[str]:
    """要部署的工作站；还没有动手时，是请人批准的计划里的那些。"""
    return state.target_ips or ([] if state.completed_global_steps else state.planned_ips or [])


def _ip_table(state: AgentState, *, brief: bool) -> list[str]:
    """每台一行的表；``brief`` 时成功的收成一行，一台也没有剩下就不画表。"""
    fine = [ip for ip in _all_ips(state) if _is_fine(state, ip)] if brief else []
    rows = list(_ip_rows(state, brief=brief))
    lines = table(("IP", tr("状态"), tr("失败阶段"), tr("回滚状态"), tr("日志")), rows) if rows or not fine else []
    if not fine:
        return lines
    told = tr(
        "成功的 {n} 台不逐台列: {show_ips}；逐台的看 report {run_id}",
        n=len(fine),
        show_ips=show_ips(fine, state.names),
        run_id=state.run_id,
    )
    return [*lines, *([""] if lines else []), told]


def _ip_rows(state: AgentState, *, brief: bool) -> Iterable[tuple[object, ...]]:
    """每台一行；还没开工的也列出，不遗漏。"""
    for ip in sorted(_all_ips(state), key=lambda each: _is_fine(state, each)):
        workstation = state.ip_states.get(ip)
        if brief and _is_fine(state, ip):
            continue
        if workstation:
            yield (
                state.label(ip),
                with_word(workstation["status"]),
                workstation["failed_stage"],
                with_word(workstation["rollback_status"], over=state.exit_code is not None),
                _near(workstation["log_file"], state),
            )
        else:
            yield (state.label(ip), with_word(NOT_STARTED), "", "", "")
    for ip in state.missing_ips:
        yield (state.label(ip), with_word(OFFLINE), "", "", "")


def _is_fine(state: AgentState, ip: str) -> bool:
    """照要求做成了（部署，或这次运行就是来退回的），也不等人决定的：排在后面。"""
    known, wanted = state.ip_states.get(ip), "recalled" if state.rollback_of else "succeeded"
    return known is not None and known.tally == wanted and not known.awaits_decision


def decided(decisions: Sequence[Mapping[str, Any]]) -> list[str]:
    """返回一张表：谁决定了什么；没有决定为空。"""
    if not decisions:
        return []
    zones = zone(*(one["decided_at"] for one in decisions))
    head = (
        tr("时刻（{zones}）", zones=zones),
        tr("对象"),
        tr("决定"),
        tr("谁"),
        tr("账号"),
        tr("从哪里"),
        tr("为什么"),
    )
    rows = [
        (
            moment(one["decided_at"]),
            subject_of(one),
            decision_label(one),
            *(one[name] for name in ("operator", "account", "channel", "note")),
        )
        for one in decisions
    ]
    return ["", tr("谁决定了什么:"), "", *table(head, rows)]


def _truths(state: AgentState, *, brief: bool) -> list[str]:
    """每台最后读回的真相：开工前、此刻、在不在运行；从没有读过的（自己掌舵的）不列。"""
    read = [(ip, w) for ip, w in state.ip_states.items() if w["running_before"]]
    rows = [
        (
            state.label(ip),
            version_text(version_before(w)),
            version_text(version_now(w)),
            _RUNNING[running_now(w)],
        )
        for ip, w in read
        if not brief or not _is_fine(state, ip)
    ]
    return ["", *table(("IP", tr("开工前"), tr("此刻"), tr("模块")), rows)] if rows else []


def _near(log_file: str, state: AgentState) -> str:
    """日志的路径，能相对于工作目录就写相对的。"""
    base = Path(state.trace_file_path).parent.parent
    path = Path(log_file)
    return str(path.relative_to(base)) if log_file and path.is_relative_to(base) else log_file


def reasons(state: AgentState) -> list[str]:
    """每台没有成功的工作站一行原因；照操作员的要求退回了的，没有原因可说。"""
    bad = [(ip, w) for ip, w in state.ip_states.items() if w["failure_reason"] and w.tally != "recalled"]
    lines = []
    for each, workstation in bad:
        ip, stage = escape_cell(state.label(each)), workstation["failed_stage"]
        reason = escape_cell(bare_reason(workstation["failure_reason"], stage, each))
        lines.append(f"- {ip} {stage}".rstrip() + f": {reason}")
        if why := workstation.get("rollback_failure"):
            lines.append(f"- {ip} rollback-ip: {escape_cell(why)}")
    return ["", *lines] if lines else []


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    """返回一张 Markdown 表的各行；格子里的外来文字都转义。"""
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(escape_cell(cell) for cell in row)} |" for row in rows]
    return lines
