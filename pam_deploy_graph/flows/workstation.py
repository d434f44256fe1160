"""一台工作站：依次停、装、启、验、取日志；失败则停下等人（contract 第 6 节 run_ip_flow）。"""

from pam_deploy_graph.constants import IP_ACTION_SEQUENCE
from pam_deploy_graph.flows.check_result import is_true
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.exactly_once import perform, result_event
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.models import ActionResult, Event

_STOP_FIRST_AFTER = ("start-ip", "verify-ip")


async def run_workstation(ctx: RunContext, ip: str) -> bool:
    """把一台工作站做完，从它上次停下的步骤起。

    Args:
        ctx: 流程上下文。
        ip: 工作站地址。

    Returns:
        成功为真；失败或结果未知为假，此时已记下 ``CONFIRMATION_REQUIRED``。

    """
    outbox = Outbox(ctx.session)
    if ip not in ctx.state.ip_states and not await _open(ctx, outbox, ip):
        return True
    for action in IP_ACTION_SEQUENCE:
        if action in ctx.state.ip_states[ip]["completed_steps"]:
            continue
        result = await perform(ctx, outbox, action, ip)
        if not result.ok:
            await fail_workstation(ctx, outbox, ip, result)
            return False
        outbox.tell(result_event(result, ip))
    await outbox.commit({"type": "IP_DONE", "ip": ip})
    return True


async def _open(ctx: RunContext, outbox: Outbox, ip: str) -> bool:
    """开工；已在目标版本上运行、验证也通过的跳过（仅自愈规则），此时返回假。"""
    truth = await perform(ctx, outbox, "query-ip", ip) if ctx.rules.self_healing else None
    before = str(truth.values["VERSION"]) if truth and truth.ok else ""
    running = bool(truth and truth.ok and is_true(truth.values["RUNNING"]))
    there = running and not ctx.rules.force and before == ctx.state.params["VERSION_NUMBER"]
    if there and (await perform(ctx, outbox, "verify-ip", ip)).ok:
        await outbox.commit({"type": "IP_SKIPPED", "ip": ip, "version": before})
        return False
    outbox.tell({"type": "IP_START", "ip": ip} | ({"version_before": before} if before else {}))
    return True


async def fail_workstation(ctx: RunContext, outbox: Outbox, ip: str, result: ActionResult) -> None:
    """记下失败与要问的问题（同一行落盘），再尽力取回日志。"""
    question: Event = {
        "type": "CONFIRMATION_REQUIRED",
        "ip": ip,
        "failed_stage": result.action,
        "failure_reason": result.error_summary,
        "rollback_stop_first": result.action in _STOP_FIRST_AFTER,
    }
    if result.in_doubt:
        question["in_doubt"] = True
    await outbox.commit(result_event(result, ip), question)
    if result.action != "download-log":
        await _save_log(ctx, outbox, ip)


async def _save_log(ctx: RunContext, outbox: Outbox, ip: str) -> None:
    """取回失败工作站的日志；取不到也不掩盖最初的原因。"""
    result = await perform(ctx, outbox, "download-log", ip)
    if result.ok:
        await outbox.commit({"type": "LOG_SAVED", "ip": ip, "log_file": result.values["LOG_FILE"]})
