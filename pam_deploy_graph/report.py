"""报告与预演：把状态写成 Markdown 或 JSON（纯函数；contract 第 6、8 节）。"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.addresses import compress_ips
from pam_deploy_graph.constants import ACTIONS, REQUIRED_PARAMS, IpStatus, Side
from pam_deploy_graph.models import AgentState, IpState, LlmDeployPlan
from pam_deploy_graph.safe_text import printable

PREVIEW_TITLE: Final = "## PAM 部署预演"
REPORT_TITLE: Final = "## PAM 智能部署报告"
NOT_STARTED: Final = "NOT_STARTED"
_LISTED_IPS: Final = 10


def render_preview(params: dict[str, str], strategy: str, backends: dict[str, str]) -> str:
    """写出预演：策略、两侧的后端、部署什么、每个动作由谁做；不执行任何动作。"""
    by_side = {spec.side: backends[name] for name, spec in ACTIONS.items()}
    lines = [
        PREVIEW_TITLE,
        "",
        f"- 执行策略: {strategy}",
        f"- PAM_HOME 后端: {by_side[Side.HOME]}",
        f"- PAM_NODE 后端: {by_side[Side.NODE]}",
        *_what(params),
        "",
        *_table(("action", "backend"), backends.items()),
    ]
    return "\n".join(lines) + "\n"


def render_plan(state: AgentState, targets: list[str], missing: list[str], plan: LlmDeployPlan) -> str:
    """写出请人批准的计划：部署什么、到哪几台、按什么规则、有什么风险。"""
    lines = [
        "## PAM 部署计划",
        "",
        f"把{_sentence(state.params)}，共 {len(targets)} 台；批准之后立即开始。",
        "",
        f"- 运行: {state.run_id}",
        f"- 执行策略: {state.execution_strategy}",
        f"- PAM_HOME: {state.params['PAM_HOME_URL']}",
        *_what(state.params),
        *_before(state),
        f"- 目标: {len(targets)} 台：{show_ips(targets)}",
        *([f"- 排除: {compress_ips(excluded)}"] if (excluded := state.control_params.get("exclude_ips")) else []),
        *([f"- 不在线，不部署: {len(missing)} 台：{show_ips(missing)}"] if missing else []),
        f"- 次序: {_order(state.control_params)}",
        *(["- 已在这个版本上的也重做（force）"] if state.control_params.get("force") else []),
        f"- 步骤: {' → '.join(step.action for step in plan.steps)}",
        *(f"- 注意: {text}" for text in [*plan.warnings, *plan.risks]),
        "- 任何一台回滚之前都会再问。",
    ]
    return "\n".join(lines) + "\n"


def _order(control: Mapping[str, Any]) -> str:
    """按什么次序、什么节奏推，何时停下。"""
    order = f"同时 {control.get('max_parallel', 1)} 台，{control.get('ask_after', 1)} 台待决定就停下来问"
    limit = f"，失败满 {control['max_failures']} 台不再继续" if control.get("max_failures") else ""
    if not control.get("canary"):
        return order + limit
    gates = [f"观察 {control['hold']} 秒再验证一遍"] if control.get("hold") else []
    gates += ["再请人批准一次"] if control.get("confirm_canary") else []
    return f"先灰度 {control['canary']} 台{'（' + '，'.join(gates) + '）' if gates else ''}，再{order}{limit}"


def describe_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """说明新计划与上一版哪里不同；没有上一版或没有不同时为空串。"""
    if not old:
        return ""
    before, after = _facts(old), _facts(new)
    if before["目标台数"] != after["目标台数"]:  # 台数变了就不必再列一遍是哪几台，计划里有
        before["目标"] = after["目标"]
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    told = "；".join(f"{name} {before.get(name, '（无）')} → {after.get(name, '（无）')}" for name in changed)
    if not told and old.get("digest") != new["digest"]:
        told = "要做的工作站或步骤有变，见下面的计划"
    return f"改动: {told}" if told else ""


def _facts(plan: Mapping[str, Any]) -> dict[str, Any]:
    """计划里会被人改的事实。"""
    scope = {"目标台数": plan["targets"], "目标": plan.get("scope", "")}
    return {**plan["params"], **plan["control"], "策略": plan["execution_strategy"], **scope}


def _sentence(params: Mapping[str, str]) -> str:
    """读回给操作员听的一句话。"""
    airport, app, module, version = (params[name] for name in REQUIRED_PARAMS)
    return f"机场 {airport} 的 {app} 应用 {module} 模块部署到 {version}"


def show_ips(ips: list[str]) -> str:
    """列出工作站；多了就把相邻的合成范围，还多就只列前若干段。"""
    if len(ips) <= _LISTED_IPS:
        return "、".join(ips)
    ranges = compress_ips(ips).split(",")
    return "、".join(ranges[:_LISTED_IPS]) + (" 等" if len(ranges) > _LISTED_IPS else "")


def render_report(state: AgentState, *, brief: bool = False) -> str:
    """写出 Markdown 报告：概况与每台工作站一行。

    Args:
        state: 一次运行的状态。
        brief: 为真时表里只列没有成功的、已退回的与等人决定的工作站（大机群在对话里用）。

    """
    count = counts(state)
    lines = [
        REPORT_TITLE,
        "",
        f"- 运行: {state.run_id}",
        f"- 执行策略: {state.execution_strategy}",
        *_what(state.params),
        *_before(state),
        f"- 在线: {count['online']}",
        f"- 目标: {count['targets']}",
        f"- 成功: {count['succeeded']}",
        *([f"- 已退回: {count['recalled']}"] if count["recalled"] else []),
        f"- 失败: {count['failed']}",
        f"- 待确认: {count['pending']}",
        "",
        *_table(("IP", "状态", "失败阶段", "回滚状态", "日志"), _ip_rows(state, brief=brief)),
        *_reasons(state),
    ]
    return "\n".join(lines) + "\n"


def counts(state: AgentState) -> dict[str, int]:
    """数出各种处境各几台。

    Returns:
        开了工的每台恰好算在 ``succeeded``、``recalled``（成功之后退回了原来的版本）、``failed``、``running`` 之一；
        ``in_doubt`` 是 ``failed`` 里结果未知的，``pending`` 是其中还等人决定的，``missing`` 是要求了而不在线的。

    """
    tally = Counter(w.tally for w in state.ip_states.values())
    targets = _targets(state)
    return {
        "online": len(state.online_ips),
        "targets": len(targets),
        **{name: tally[name] for name in ("succeeded", "recalled", "failed", "running")},
        "in_doubt": sum(w["status"] == IpStatus.IN_DOUBT for w in state.ip_states.values()),
        "pending": sum(w.awaits_decision for w in state.ip_states.values()),
        "not_started": sum(ip not in state.ip_states for ip in targets),
        "missing": len(state.missing_ips),
    }


def report_object(state: AgentState, decisions: list[dict[str, Any]]) -> dict[str, Any]:
    """返回 ``report --format json`` 的对象（contract 第 8 节）。"""
    return {
        "run_id": state.run_id,
        "execution_strategy": state.execution_strategy,
        "action_backends": state.action_backends,
        "params": state.params,
        "control_params": state.control_params | _asked_scope(state),
        "plan_digest": state.plan_digest,
        "counts": counts(state),
        "ips": {ip: _ip_object(state, ip) for ip in _all_ips(state)},
        "missing_ips": state.missing_ips,
        "decisions": decisions,
        "events": [{"backend": "", **event} for event in state.events],
    }


def _asked_scope(state: AgentState) -> dict[str, Any]:
    """要求的工作站；没有指定就没有这个键。"""
    return {} if state.requested_ips is None else {"target_ips": state.requested_ips}


def _ip_object(state: AgentState, ip: str) -> dict[str, Any]:
    """一台工作站在 JSON 报告里的样子。"""
    workstation = state.ip_states.get(ip)
    known = workstation or IpState()
    return {
        "ip": ip,
        "status": known["status"] if workstation else NOT_STARTED,
        "steps": known["completed_steps"],
        "failed_stage": known["failed_stage"],
        "failure_reason": known["failure_reason"],
        "rollback": known["rollback_status"],
        "version_before": known["version_before"],
        "version_after": known["version_after"],
        "log_file": known["log_file"],
    }


def escape_cell(text: object) -> str:
    """让外来文字在表格里安全：竖线转义，换行与控制字符换成空格。"""
    return printable(str(text)).replace("\\", "\\\\").replace("|", "\\|")


def _what(params: dict[str, str]) -> list[str]:
    """部署什么、到哪里。"""
    return [
        f"- 机场: {params.get('AIRPORT_CODE', '')}",
        f"- 应用: {params.get('APP_NAME', '')}",
        f"- 模块: {params.get('MODULE_NAME', '')}",
        f"- 版本: {params.get('VERSION_NUMBER', '')}",
    ]


def _before(state: AgentState) -> list[str]:
    """这次是照哪次运行再来的。"""
    run_id = state.control_params.get("failed_of")
    return [f"- 再来: 运行 {run_id} 里没有成功的"] if run_id else []


def _all_ips(state: AgentState) -> list[str]:
    """目标与已开工的工作站，不重复，目标在前。"""
    return list(dict.fromkeys([*_targets(state), *state.ip_states]))


def _targets(state: AgentState) -> list[str]:
    """要部署的工作站；还没有动手时，是请人批准的计划里的那些。"""
    return state.target_ips or ([] if state.completed_global_steps else state.planned_ips or [])


def _ip_rows(state: AgentState, *, brief: bool) -> Iterable[tuple[object, ...]]:
    """每台一行；还没开工的也列出，不遗漏。"""
    for ip in _all_ips(state):
        workstation = state.ip_states.get(ip)
        if brief and workstation and workstation.tally == "succeeded" and not workstation.awaits_decision:
            continue
        if workstation:
            names = ("status", "failed_stage", "rollback_status")
            yield (ip, *(workstation[name] for name in names), _near(workstation["log_file"], state))
        else:
            yield (ip, NOT_STARTED, "", "", "")
    for ip in state.missing_ips:
        yield (ip, "OFFLINE", "", "", "")


def _near(log_file: str, state: AgentState) -> str:
    """日志的路径，能相对于工作目录就写相对的。"""
    base = Path(state.trace_file_path).parent.parent
    path = Path(log_file)
    return str(path.relative_to(base)) if log_file and path.is_relative_to(base) else log_file


def _reasons(state: AgentState) -> list[str]:
    """每台没有成功的工作站一行原因。"""
    bad = [(ip, w) for ip, w in state.ip_states.items() if w["failure_reason"]]
    return (
        ["", *(f"- {ip} {w['failed_stage']}".rstrip() + f": {escape_cell(w['failure_reason'])}" for ip, w in bad)]
        if bad
        else []
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    """一张 Markdown 表。"""
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(escape_cell(cell) for cell in row)} |" for row in rows]
    return lines
