"""回滚：执行人的决定；任何回滚之前都有人的决定，退没退成以读回来的为准（contract 第 3、5、6 节）。"""

from typing import Any

from anyio import to_thread

from pam_deploy_graph.constants import DECISION_EVENTS, IP_ACTION_SEQUENCE, Ask, Decision, ScriptExit
from pam_deploy_graph.flows.calls import result_event
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.exactly_once import perform
from pam_deploy_graph.flows.last_key import other_owner
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.flows.read_back import read_back
from pam_deploy_graph.flows.rollback_question import nothing_to_go_back_to, question_digest, touched_by_another
from pam_deploy_graph.flows.service_state import running_now, running_text, version_now, version_text
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Approval, touched
from pam_deploy_graph.models import ActionResult, Event
from pam_deploy_graph.policy import POLICY


async def carry_out(ctx: RunContext, ip: str, approval: Approval) -> bool:
    """执行一个决定。动手之前先读回真相（仅自愈规则）：同意的是另一个样子的，那个同意作废，重新问。

    Args:
        ctx: 流程上下文。
        ip: 工作站地址。
        approval: 已记进账本的决定。

    Returns:
        回滚失败、或同意作废了为假；其余为真。

    """
    decision = Decision(approval.decision)
    outbox = Outbox(ctx.session)
    told: dict[str, Any] = {"ip": ip, "operator": approval.operator, "note": approval.note, **approval.taken_in()}
    told |= {"policy": ctx.also_bound[POLICY]} if POLICY in ctx.also_bound else {}
    if not ctx.state.ip_states[ip].get("approved"):  # 上次执行到一半的，不再问真相：门会去查证
        if ctx.rules.self_healing and not await _still_so(ctx, outbox, ip, approval):
            return False
        if decision is Decision.APPROVE:
            told["digest"] = approval.digest
        if decision is Decision.RETRY:
            told |= _going_on(ctx, ip)
        outbox.tell({"type": DECISION_EVENTS[decision], **told, **_told(decision, approval.note)})
    done = await _roll_back(ctx, outbox, ip) if decision is Decision.APPROVE else True
    await outbox.commit()
    return done


def _told(decision: Decision, note: str) -> Event:
    """不回滚的事件另有的键：哪一步、为什么。"""
    if decision is not Decision.REJECT:
        return {}
    return {"stage": str(Ask.ROLLBACK), "message": note or "rollback rejected by operator"}


async def _still_so(ctx: RunContext, outbox: Outbox, ip: str, approval: Approval) -> bool:
    """再问一遍策略，再读一次真相；不合策略的、与问的时候不同的，记下决定作废，返回假。"""
    workstation = ctx.state.ip_states[ip]
    known = touched(ctx.state, ip) or bool(workstation["read_at"])
    before, key = _shown(ctx, ip), workstation["last_key"] if known else ctx.state.seen_keys.get(ip)
    truth = None
    if not (changed := await to_thread.run_sync(ctx.vet, ctx.state, approval)):  # 核对签名要另起进程
        truth = await read_back(ctx, outbox, ip)
        changed = _changed(ctx, truth, ip, approval, (before, key))
    if not changed:
        return True
    message = tr(
        "{operator} 的决定（{decision}）没有执行：{changed}",
        operator=approval.operator,
        decision=approval.decision,
        changed=changed,
    )
    void: Event = {"type": "APPROVAL_VOID", "ip": ip, "operator": approval.operator, "message": message}
    if truth and truth.exit_code == ScriptExit.UNAUTHORISED:
        void["unauthorised"] = True
    await outbox.commit(void)
    return False


def _changed(ctx: RunContext, truth: ActionResult, ip: str, approval: Approval, shown: tuple[str, str | None]) -> str:
    """决定的是不是此刻的样子：不是就说出哪里变了。接着做的只看有没有别人动过它，保持现状的什么也不看。"""
    state, (before, key) = ctx.state, shown
    if approval.decision == Decision.APPROVE:
        if not truth.ok:
            return tr("动手之前读不到它的实情：{error_summary}", error_summary=truth.error_summary)
        if refused := nothing_to_go_back_to(state, ip):
            return refused
        same = question_digest(state, ip) == approval.digest
        return (
            ""
            if same
            else tr("问的时候是 {before}，此刻是 {shown}，最后动它的也可能换了", before=before, shown=_shown(ctx, ip))
        )
    stranger = _stranger(ctx, ip, key) if approval.decision == Decision.RETRY else ""
    return tr("{stranger}动过它，问的时候没有说到", stranger=stranger) if stranger else ""


def _stranger(ctx: RunContext, ip: str, key: str | None) -> str:
    """答的人不知道的、动过它的运行；``key`` 是他知道的最近的键，一次也没有读到过的为 ``None``。"""
    last_key = ctx.state.ip_states[ip]["last_key"]
    owner = other_owner(ctx.state, last_key)
    known = ctx.held(last_key) or owner in ctx.state.seen_owners if key is None else key == last_key
    return "" if known else owner


def _shown(ctx: RunContext, ip: str) -> str:
    """一台此刻的真相，一句话。"""
    workstation = ctx.state.ip_states[ip]
    running = running_text(running_now(workstation), ctx.state.params["MODULE_NAME"])
    return tr("{version_text}，{running}", version_text=version_text(version_now(workstation)), running=running)


def _going_on(ctx: RunContext, ip: str) -> Event:
    """接着做的事件另有的键：盖过谁做的（``over``），要重做哪几步（``redo``）；没有的不带。"""
    over = touched_by_another(ctx.state, ip)
    return {name: value for name, value in (("over", over), ("redo", _undone(ctx, ip, over))) if value}


def _undone(ctx: RunContext, ip: str, over: str) -> list[str]:
    """接着做之前要重做的步骤：别人动过的、读回来不是目标版本的从头做，是而没有运行的从启动做；不知道的接着做。"""
    workstation = ctx.state.ip_states[ip]
    version, done = version_now(workstation), workstation["completed_steps"]
    if over:
        first = "stop-ip"
    elif version is None or "deploy-ip" not in done:
        return []
    elif version != ctx.state.params["VERSION_NUMBER"]:
        first = "stop-ip"
    elif running_now(workstation) is False:
        first = "start-ip"
    else:
        return []
    again = IP_ACTION_SEQUENCE[IP_ACTION_SEQUENCE.index(first) :]
    return [action for action in again if action in done]


async def _roll_back(ctx: RunContext, outbox: Outbox, ip: str) -> bool:
    """回滚一台，记下结果：读回真相判过的叫 ``ROLLBACK_*``，只凭应答的（自己掌舵）就是那个动作的结果。"""
    workstation = ctx.state.ip_states[ip]
    more = {"to_version": workstation["to_version"]} if ctx.rules.self_healing else {}
    result = await perform(ctx, outbox, str(Ask.ROLLBACK), ip, stop_first=workstation["rollback_stop_first"], **more)
    if ctx.rules.self_healing:
        result = _as_read_back(ctx, ip, result, await read_back(ctx, outbox, ip))
    event = result_event(result, ip)
    if result.ok:
        told = {key: result.values[key] for key in ("VERSION", "RUNNING") if key in result.values}
        outbox.tell(event | ({"type": "ROLLBACK_DONE"} if ctx.rules.self_healing else {}) | {"values": told})
    else:
        outbox.tell(event | ({"type": "ROLLBACK_FAILED"} if ctx.rules.self_healing else {}))
    return result.ok


def _as_read_back(ctx: RunContext, ip: str, result: ActionResult, truth: ActionResult) -> ActionResult:
    """退没退成由读回来的说：它在运行开工之前的版本才是退成了。"""
    workstation = ctx.state.ip_states[ip]
    version, running = version_now(workstation), running_now(workstation)
    if version == workstation["to_version"] and running:
        said = {
            "SUCCESS": "true",
            "MESSAGE": tr("读回来是 {version}，在运行", version=version),
            "VERSION": version,
            "RUNNING": "true",
        }
        return ActionResult(ok=True, action=result.action, backend=result.backend, values=result.values | said)
    said_so = "" if result.ok else tr("{error_summary}；", error_summary=result.error_summary)
    if version is None:
        reason, in_doubt = (
            tr(
                "{said_so}退没退成不知道：{error_summary}",
                said_so=said_so,
                error_summary=truth.error_summary or tr("工作站不在线"),
            ),
            True,
        )
    else:
        shown, in_doubt = _shown(ctx, ip), result.in_doubt
        reason = tr(
            "{said_so}读回来是 {shown}；应为 {to_version}，在运行",
            said_so=said_so,
            shown=shown,
            to_version=workstation["to_version"],
        )
    refused = ScriptExit.UNAUTHORISED in (result.exit_code, truth.exit_code)
    code = ScriptExit.UNAUTHORISED if refused else ScriptExit.REFUSED
    return ActionResult.failure(result.action, result.backend, reason, in_doubt=in_doubt, exit_code=code)
