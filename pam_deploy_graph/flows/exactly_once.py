"""门：凡离开本进程的动作都走这里。

``INTENT 落盘 -> 动手 -> DONE 落盘``。恢复时见到 INTENT 而没有 DONE，先问工作站；
查到已做就当作 DONE，查明没做就用同一个键再做，问不出来就是 IN_DOUBT，交给人（architecture「一个主意」）。
"""

from typing import Any, Final

import anyio

from pam_deploy_graph.action_router import call_backend
from pam_deploy_graph.constants import ACTIONS, ScriptExit
from pam_deploy_graph.flows.check_result import judge
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.endpoints import check_endpoints
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.models import ActionResult, Event
from pam_deploy_graph.protocol.keys import idempotency_key, slot_of

_BACKOFF_SECONDS: Final = (0.5, 1.0, 2.0)
_MOST_RETRY_SECONDS: Final = 30.0
"""对方要求等多久再来（Retry-After），最多就等这么久。"""


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
    spec = ACTIONS[action]
    if slot_of(ip, action) in ctx.state.open_intents:
        if ip is not None and (known := await _settled(ctx, action, ip)):
            return known
    elif spec.needs_intent:
        await outbox.commit(_intent(ctx, action, ip))
    result = await _call(ctx, action, ip, kwargs)
    if ctx.rules.self_healing:
        result = await _heal(ctx, result, ip, kwargs)
    return result


def result_event(result: ActionResult, ip: str | None = None) -> Event:
    """把结果写成 ``ACTION_DONE`` 或 ``ACTION_FAIL`` 事件。"""
    event: Event = {"type": "ACTION_DONE" if result.ok else "ACTION_FAIL", "stage": result.action}
    if ip is not None:
        event["ip"] = ip
    event["backend"] = str(result.backend)
    said = "" if ip is None else str(result.values.get("MESSAGE") or "")
    event["message"] = (said or "ok") if result.ok else result.error_summary
    if result.ok:
        owed = (*ACTIONS[result.action].gives, *ACTIONS[result.action].may_give)
        event["values"] = {key: result.values[key] for key in owed if key in result.values and key != "MESSAGE"}
    elif result.in_doubt:
        event["in_doubt"] = True
    return event


def _intent(ctx: RunContext, action: str, ip: str | None) -> Event:
    """将要动手的事件。"""
    attempt = ctx.state.attempts.get(slot_of(ip, action), 1)
    where = {} if ip is None else {"ip": ip}
    return {"type": "INTENT", "stage": action, **where, "attempt": attempt}


def _key(ctx: RunContext, action: str, ip: str | None) -> str:
    """这次尝试的幂等键；结果未知的尝试沿用原来的键。"""
    slot = slot_of(ip, action)
    attempt = ctx.state.open_intents.get(slot) or ctx.state.attempts.get(slot, 1)
    return idempotency_key(ctx.state.run_id, ctx.state.nonce, ip, action, attempt)


async def _call(ctx: RunContext, action: str, ip: str | None, kwargs: dict[str, Any]) -> ActionResult:
    """经路由调用一次并判断应答。"""
    where = {} if ip is None else {"ip": ip}
    keyed = {"idempotency_key": _key(ctx, action, ip)} if ACTIONS[action].changes else {}
    with ctx.span("pam.action", action=action, ip=ip, run_id=ctx.state.run_id) as note:
        answer = await call_backend(ctx.router, ctx.state, action, **where, **kwargs, **keyed)
        result = judge(ctx.state, answer, strict=ctx.rules.self_healing)
        result = await check_endpoints(ctx, result)
        note(ok=result.ok, backend=str(result.backend), in_doubt=result.in_doubt)
    return result


async def _settled(ctx: RunContext, action: str, ip: str) -> ActionResult | None:
    """问工作站上次中断的动作做了没有；``None`` 表示查明没做，可以用同一个键再做。"""
    truth = await _call(ctx, "query-ip", ip, {})
    if ctx.rules.self_healing:
        truth = await _patiently(ctx, truth, ip, {}, sure=True)
    if not truth.ok:
        reason = f"{action} 上次结果未知，又查不到 {ip} 的实情：{truth.error_summary}"
        return ActionResult.failure(action, truth.backend, reason, in_doubt=True)
    if truth.values["LAST_KEY"] != _key(ctx, action, ip):
        return None
    values = truth.values | {"SUCCESS": truth.values["RUNNING"], "MESSAGE": "已向工作站查证：此前已经做过"}
    return judge(ctx.state, ActionResult(ok=True, action=action, backend=truth.backend, values=values), strict=False)


def _retry_delay(result: ActionResult, backoff: float, *, sure: bool) -> float | None:
    """多少秒之后可以重发；不该重发的为 ``None``。``sure`` 表示以同一个键重发总是安全的。"""
    if result.ok or (result.in_doubt and not sure):
        return None
    if result.exit_code == ScriptExit.NETWORK:
        return backoff
    try:
        return min(float(result.values["RETRY_AFTER"]), _MOST_RETRY_SECONDS)
    except (KeyError, ValueError):
        return None


async def _patiently(
    ctx: RunContext, result: ActionResult, ip: str | None, kwargs: dict[str, Any], *, sure: bool
) -> ActionResult:
    """可以重发的，退避几次再重发。"""
    for backoff in _BACKOFF_SECONDS:
        delay = _retry_delay(result, backoff, sure=sure)
        if delay is None or ctx.stop_requested():
            break
        await anyio.sleep(delay)
        result = await _call(ctx, result.action, ip, kwargs)
    return result


async def _heal(ctx: RunContext, result: ActionResult, ip: str | None, kwargs: dict[str, Any]) -> ActionResult:
    """没送出去的退避后重试；可能送到了的先查证（HOME 一侧以同一个键重发即是查证）。"""
    result = await _patiently(ctx, result, ip, kwargs, sure=ip is None)
    if not result.in_doubt or ip is None:
        return result
    if known := await _settled(ctx, result.action, ip):
        return result if known.in_doubt else known
    if result.exit_code == ScriptExit.TIMEOUT:
        return result
    return await _call(ctx, result.action, ip, kwargs)
