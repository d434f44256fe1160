"""门：凡离开本进程的动作都走这里。

``INTENT 落盘 -> 动手 -> DONE 落盘``。不知道做没做的（恢复时见到 INTENT 而没有 DONE，或应答说明不了），先问工作站：
它最近的键是这次的，就是做过了；是这次尝试之前的那个，就是没有做，用同一个键再做一次；是别的，或者问不出来，
就是 IN_DOUBT，交给人（architecture「一个主意」，contract 第 3 节「应答算什么」）。
"""

from dataclasses import replace
from typing import Any, Final

from pam_deploy_graph.constants import ACTIONS, Phase, ScriptExit
from pam_deploy_graph.flows.calls import Call
from pam_deploy_graph.flows.check_result import is_true, judge
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.last_key import intruder
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import ActionResult
from pam_deploy_graph.protocol.outcome import Outcome

QUERY: Final = "query-ip"
"""查证用的动作。"""
_KNOWN: Final = (Outcome.DONE, Outcome.REFUSED)


async def perform(ctx: RunContext, outbox: Outbox, action: str, ip: str | None = None, **kwargs: Any) -> ActionResult:
    """做一个动作，恰好一次，或者说明结果未知。

    Args:
        ctx: 流程上下文。
        outbox: 这条线的发件箱；攒着的事件随 INTENT 一并落盘。
        action: 动作名。
        ip: 哪台工作站；全局动作为 ``None``。
        **kwargs: 动作所需的其他参数，如 ``hash_code``、``stop_first``。

    Returns:
        判断过的结果；调用者负责把它记成事件。

    Raises:
        LedgerError: 账本写不进去；此时没有动手。

    """
    call = Call(ctx, action, ip, kwargs)
    if ip is not None and ACTIONS[action].needs_intent:
        return await _on_workstation(call, ip, outbox)
    await _intend(call, outbox)
    return await call.until_known() if ctx.rules.self_healing else await call.once()


async def _intend(call: Call, outbox: Outbox) -> None:
    """动手之前先写下 INTENT；已经写下而没有结果的不再写。"""
    state = call.ctx.state
    if not ACTIONS[call.action].needs_intent or call.slot in state.open_intents:
        return
    where = {} if call.ip is None else {"ip": call.ip}
    attempt = state.attempts.get(call.slot, 1)
    await outbox.commit({"type": "INTENT", "stage": call.action, **where, "attempt": attempt})


async def _on_workstation(call: Call, ip: str, outbox: Outbox) -> ActionResult:
    """会改变一台工作站的动作：送，不知道的先问，查明没做的再送一次。"""
    if not call.ctx.rules.self_healing:
        return await _by_hand(call, ip, outbox)
    first = None
    if call.slot not in call.ctx.state.open_intents:
        if (earlier := await _done_after_all(call, ip)) is not None:
            return earlier
        await _intend(call, outbox)
        first = await call.until_taken()
    return first if first and first.outcome in _KNOWN else await _until_sure(call, ip, first)


async def _until_sure(call: Call, ip: str, first: ActionResult | None) -> ActionResult:
    """先问；查明没做的以同一个键再送一次，还不知道就再问。"""
    if (found := await _ask(call, ip, first)) is not None:
        return found
    second = await call.until_taken()
    if second.outcome in _KNOWN:
        return second
    if (found := await _ask(call, ip, second)) is not None:
        return found
    reason = tr("{error_summary}（已向工作站查证：此刻还没有做）", error_summary=second.error_summary)
    never = first is not None and first.outcome is second.outcome is Outcome.NOT_TAKEN
    return replace(second, in_doubt=not never, error_summary=reason)


async def _by_hand(call: Call, ip: str, outbox: Outbox) -> ActionResult:
    """自己掌舵的：只做一次；上一个进程写下 INTENT 而没有结果的，先问。"""
    if call.slot in call.ctx.state.open_intents and (found := await _ask(call, ip, None)) is not None:
        return found
    await _intend(call, outbox)
    return await call.once()


async def _ask(call: Call, ip: str, last: ActionResult | None) -> ActionResult | None:
    """问工作站这次尝试做了没有。

    Args:
        call: 不知道做没做的动作。
        ip: 哪台工作站。
        last: 最近一次的结果；上一个进程做的为 ``None``。

    Returns:
        做了为成功，说不清为结果未知；查明没做为 ``None``。

    """
    truth = await _truth(call, ip)
    found = str(truth.values.get("LAST_KEY", ""))
    if found == call.key():
        return _done(call, truth)
    if blind := _blind(truth):
        return _in_doubt(call, truth, last, tr("又查不到 {ip} 的实情：{blind}", ip=ip, blind=blind))
    if found == call.ctx.state.ip_states[ip]["before_attempt"]:
        return None
    return _in_doubt(
        call,
        truth,
        last,
        tr("{ip} 最近一次生效的键是 {found}，说明不了这一次做没做", ip=ip, found=found or tr("（没有）")),
    )


async def _done_after_all(call: Call, ip: str) -> ActionResult | None:
    """这一步上次记下的是失败：不管怎么记的，先看那一次的键是不是工作站最近的键；不是就为 ``None``。"""
    if ACTIONS[call.action].phase is Phase.APPROVAL or ip not in call.ctx.state.ip_states:
        return None
    failed = call.ctx.state.ip_states[ip]["failed_key"]
    if not failed or failed != call.key(call.ctx.state.attempts.get(call.slot, 1) - 1):
        return None
    truth = await _truth(call, ip)
    if (found := str(truth.values.get("LAST_KEY", ""))) == failed:
        return _done(call, truth)
    if blind := _blind(truth):
        return ActionResult.failure(
            call.action,
            truth.backend,
            tr("没有再送：先要看上一次到底做了没有，而查不到 {ip} 的实情：{blind}", ip=ip, blind=blind),
            exit_code=truth.exit_code if truth.outcome is Outcome.REFUSED else ScriptExit.NOT_TAKEN,
        )
    if stranger := intruder(call.ctx.state, ip, found):
        said = tr("没有再送：上次读回之后{stranger}动过 {ip}", stranger=stranger, ip=ip)
        return ActionResult.failure(call.action, truth.backend, said, exit_code=ScriptExit.NOT_TAKEN)
    return None


async def _truth(call: Call, ip: str) -> ActionResult:
    """问工作站此刻的真相。"""
    query = Call(call.ctx, QUERY, ip)
    return await query.until_known() if call.ctx.rules.self_healing else await query.once()


def _blind(truth: ActionResult) -> str:
    """为什么这份实情说明不了什么；说明得了的为空串。不在线的，节点说的不是此刻的，只有自己的键才算数。"""
    if not truth.ok:
        return truth.error_summary
    return "" if is_true(truth.values["ONLINE"]) else tr("它不在线")


def _done(call: Call, truth: ActionResult) -> ActionResult:
    """查明做过了：以查到的为应答。"""
    values = truth.values | {"SUCCESS": truth.values["RUNNING"], "MESSAGE": tr("已向工作站查证：此前已经做过")}
    found = ActionResult(ok=True, action=call.action, backend=truth.backend, values=values)
    return judge(call.ctx.state, found, strict=False)


def _in_doubt(call: Call, truth: ActionResult, last: ActionResult | None, why: str) -> ActionResult:
    """说不清做没做；令牌不行的，连同这一点。"""
    said = last.error_summary if last else tr("{action} 上次结果未知", action=call.action)
    code = last.exit_code if last else ScriptExit.UNKNOWN
    if truth.exit_code == ScriptExit.UNAUTHORISED:
        code = truth.exit_code
    return ActionResult.failure(
        call.action, truth.backend, tr("{said}；{why}", said=said, why=why), in_doubt=True, exit_code=code
    )
