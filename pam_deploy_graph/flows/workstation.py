"""一台工作站：依次停、装、启、验、取日志；失败则停下等人（contract 第 6 节 run_ip_flow）。"""

from typing import Protocol

from pam_deploy_graph.constants import IP_ACTION_SEQUENCE, Ask, IpStatus, ScriptExit
from pam_deploy_graph.flows.calls import result_event
from pam_deploy_graph.flows.check_result import is_true
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.exactly_once import QUERY, perform
from pam_deploy_graph.flows.last_key import changed_hands
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.flows.read_back import read_back, read_back_event
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import touched
from pam_deploy_graph.models import ActionResult, Event
from pam_deploy_graph.protocol.action_result import NO_REASON
from pam_deploy_graph.protocol.outcome import Outcome

_STOP_FIRST_AFTER = ("start-ip", "verify-ip")
_SETTLED_LATER = (Outcome.UNKNOWN, Outcome.NOT_TAKEN)


class Gate(Protocol):
    """开工的门：由分派的人掌着。"""

    def may_start(self) -> bool:
        """此刻还可不可以开新的。"""
        ...

    def failed(self, ip: str) -> list[Event]:
        """一台的失败正在记下：计数，返回要一并记下的事件。"""
        ...


async def run_workstation(ctx: RunContext, ip: str, gate: Gate) -> None:
    """把一台工作站做完，从它上次停下的步骤起；失败或结果未知则记下 ``CONFIRMATION_REQUIRED``。

    Args:
        ctx: 流程上下文。
        ip: 工作站地址。
        gate: 开工的门；问过真相之后门已关上的，不开工，也不留下什么。

    """
    outbox = Outbox(ctx.session)
    if not touched(ctx.state, ip) and not await _open(ctx, outbox, ip, gate):
        return
    for action in IP_ACTION_SEQUENCE:
        if action in ctx.state.ip_states[ip]["completed_steps"]:
            continue
        result = await perform(ctx, outbox, action, ip)
        if not result.ok:
            if ctx.state.moved and result.outcome in _SETTLED_LATER:  # 先问用不用新的地址，用就能查清
                await outbox.commit()
            else:
                await fail_workstation(ctx, outbox, result, ip, gate)
            return
        outbox.tell(result_event(result, ip))
    await outbox.commit({"type": "IP_DONE", "ip": ip, "message": "success"})


async def _open(ctx: RunContext, outbox: Outbox, ip: str, gate: Gate) -> bool:
    """开工：动手之前先读回真相（仅自愈规则）；已在目标版本上运行、验证也通过的跳过，读不到的不动手。

    Returns:
        接着做为真；跳过了、门关上了、没有动手就停下了为假。

    """
    truth = await perform(ctx, outbox, QUERY, ip) if ctx.rules.self_healing else None
    changed = _changed(ctx, truth, ip)
    there = truth is not None and _is_there(ctx, truth) and (await perform(ctx, outbox, "verify-ip", ip)).ok
    if ip not in ctx.state.ip_states:
        if not gate.may_start():  # 问的这会儿里，别的工作站失败了
            return False
        if not there:
            outbox.tell({"type": "IP_START", "ip": ip, "message": "start"})
    if truth is None:
        return True
    if there:
        outbox.tell({"type": "IP_SKIPPED", "ip": ip, "version": truth.values["VERSION"]})
        await outbox.commit(read_back_event(truth, ip))
        return False
    outbox.tell(read_back_event(truth, ip))
    known = _known(truth, ip, changed)
    if not known.ok:
        await fail_workstation(ctx, outbox, known, ip, gate)
    return known.ok


def _changed(ctx: RunContext, truth: ActionResult | None, ip: str) -> str:
    """有没有批准的人不知道的人动过它；开工之前问，没有、不知道的为空串。"""
    if truth is None or not truth.ok:
        return ""
    return changed_hands(ctx.state, ip, str(truth.values["LAST_KEY"]), ctx.held)


def _known(truth: ActionResult, ip: str, changed: str) -> ActionResult:
    """可不可以动手。提出计划之后有别人动过的不动；不在线的工作站什么也没有说出来：不是它「停着」，是不知道。"""
    if not truth.ok:
        return truth
    if is_true(truth.values["ONLINE"]):
        return ActionResult.failure(QUERY, truth.backend, changed) if changed else truth
    return ActionResult.failure(QUERY, truth.backend, tr("{ip} 不在线，读不到它的版本与运行情况；没有动手", ip=ip))


def _is_there(ctx: RunContext, truth: ActionResult) -> bool:
    """已经在目标版本上运行，又没有要求重做。"""
    wanted = ctx.state.params["VERSION_NUMBER"]
    return truth.ok and not ctx.rules.force and truth.values["VERSION"] == wanted and is_true(truth.values["RUNNING"])


async def fail_workstation(
    ctx: RunContext, outbox: Outbox, result: ActionResult, ip: str, gate: Gate | None = None
) -> None:
    """记下失败与要问的问题（同一行落盘，门随即关上），再读回真相，尽力取回日志。"""
    reading = ctx.rules.self_healing and result.action != QUERY
    outbox.tell(result_event(result, ip))
    outbox.tell(_question(result, ip) | ({"reading": True} if reading else {}))
    await outbox.commit(*(gate.failed(ip) if gate else ()))
    if reading:
        await read_back(ctx, outbox, ip)
        await outbox.commit()
    if result.action != "download-log":
        await _save_log(ctx, outbox, ip)


def _question(result: ActionResult, ip: str) -> Event:
    """要问的问题。"""
    stop_first = result.action in _STOP_FIRST_AFTER
    question: Event = {
        "type": "CONFIRMATION_REQUIRED",
        "stage": str(Ask.ROLLBACK),
        "ip": ip,
        "message": tr("{action} 执行失败，需要确认是否回滚", action=result.action),
        "stop_first": stop_first,
        "failed_stage": result.action,
        "failure_reason": result.error_summary,
        "rollback_stop_first": stop_first,
    }
    if result.in_doubt:
        question["in_doubt"] = True
    if result.exit_code == ScriptExit.UNAUTHORISED:
        question["unauthorised"] = True
    return question


async def leave_in_doubt(ctx: RunContext) -> None:
    """不去新的地址了，运行就此结束：中断的做没做没有人知道，记成结果未知，不当作还在做。"""
    for slot in ctx.state.open_intents:
        ip, _, action = slot.rpartition(":")
        if ip not in ctx.state.ip_states or ctx.state.ip_states[ip]["status"] != IpStatus.RUNNING:
            continue
        said = tr("{action}（{ip}）：没有去新的地址查证，做没做不知道", action=action, ip=ip)
        result = ActionResult.failure(action, "", said, in_doubt=True, exit_code=ScriptExit.UNKNOWN)
        await Outbox(ctx.session).commit(result_event(result, ip), _question(result, ip))


async def _save_log(ctx: RunContext, outbox: Outbox, ip: str) -> None:
    """取回失败工作站的日志；取不到也不掩盖最初的原因，也不算一步（``best_effort``）。"""
    result = await perform(ctx, outbox, "download-log", ip)
    event = result_event(result, ip) | {"best_effort": True}
    if result.ok or event["message"] == tr(NO_REASON):
        event["message"] = tr("已下载日志") if result.ok else tr("下载日志失败（不影响结果）")
    await outbox.commit(event)
