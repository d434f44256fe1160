"""调用：经路由做一次，判断应答；没有收下的再送，不知道的再问（contract 第 3 节「应答算什么」）。

只有这里会重发；脚本、MCP 的服务与客户端都只判断。
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import anyio

from pam_deploy_graph.action_router import call_backend, find_package
from pam_deploy_graph.constants import ACTIONS, ScriptExit, Side
from pam_deploy_graph.flows.approved_endpoints import NODE_LOOKUP, check_endpoints
from pam_deploy_graph.flows.check_result import judge
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.last_key import refuse_if_behind
from pam_deploy_graph.home.run_files import write_run_config
from pam_deploy_graph.inputs.time_limits import time_limit_of
from pam_deploy_graph.models import ActionResult, Event
from pam_deploy_graph.protocol.keys import idempotency_key, slot_of
from pam_deploy_graph.protocol.outcome import Outcome

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0
_MOST_RETRY_SECONDS: Final = 30.0
"""对方要求等多久再来（Retry-After），最多就等这么久。"""
_TICK_SECONDS: Final = 1.0
_LOOKUP_SECONDS: Final = 5.0
_ASK_AGAIN: Final = 3
"""再问无妨的调用，答得不对时最多再问几次。"""


@dataclass(frozen=True, slots=True)
class Call:
    """要做的一个动作；没有收下的再送，最多到动作的时限。"""

    ctx: RunContext
    action: str
    ip: str | None
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def slot(self) -> str:
        """尝试次数与未了的尝试用的键。"""
        return slot_of(self.ip, self.action)

    def key(self, attempt: int | None = None) -> str:
        """一次尝试的幂等键；没有指明的是这一次，结果未知的尝试沿用原来的。"""
        state = self.ctx.state
        number = attempt or state.open_intents.get(self.slot) or state.attempts.get(self.slot, 1)
        return idempotency_key(state.run_id, state.nonce, self.ip, self.action, number)

    async def once(self) -> ActionResult:
        """经路由调用一次并判断应答。"""
        ctx, where = self.ctx, {} if self.ip is None else {"ip": self.ip}
        keyed = {"idempotency_key": self.key()} if ACTIONS[self.action].changes else {}
        with ctx.span("pam.action", action=self.action, ip=self.ip, run_id=ctx.state.run_id) as note:
            answer = await call_backend(ctx.router, ctx.state, self.action, **where, **self.kwargs, **keyed)
            result = judge(ctx.state, answer, strict=ctx.rules.self_healing)
            result = await check_endpoints(ctx, result)
            note(ok=result.ok, backend=str(result.backend), in_doubt=result.in_doubt)
        if self.ip is not None and result.ok and "LAST_KEY" in result.values:
            refuse_if_behind(ctx.state, self.ip, str(result.values["LAST_KEY"]))
        return result

    async def until_taken(self) -> ActionResult:
        """做一次；没有收下的以同一个键再送，直到时限或有人要求停，最后一次的结果照给。"""
        deadline = anyio.current_time() + self._limit()
        pauses = _growing()
        result = await self.once()
        while result.outcome is Outcome.NOT_TAKEN and not self.ctx.state.moved:
            pause = next(pauses)
            if result.retry_after is not None:
                pause = max(_FIRST_PAUSE, min(result.retry_after, _MOST_RETRY_SECONDS))
            elif ACTIONS[self.action].side is Side.NODE and self.ctx.rules.self_healing:
                await _find_node(self.ctx)
            if anyio.current_time() + pause > deadline or not await self._paused(result, pause):
                break
            result = await self.once()
        return result

    async def until_known(self) -> ActionResult:
        """以同一个键再来总是安全的调用（HOME 的动作、只查不改的）：没有收下的再送，不知道的再来几次。"""
        result = await self.until_taken()
        deadline, pauses = anyio.current_time() + self._limit(), _growing()
        for _ in range(_ASK_AGAIN):
            again = result.outcome is Outcome.UNKNOWN and anyio.current_time() < deadline
            if not again or not await self._paused(result, next(pauses)):
                break
            result = await self.until_taken()
        return _as_unknown(result)

    def _limit(self) -> float:
        """最多等多少秒；参数写错了的，动作自己会说。"""
        try:
            return time_limit_of(self.action, self.ctx.state.params, None)
        except ValueError:
            return 0.0

    async def _paused(self, last: ActionResult, seconds: float) -> bool:
        """说出在等什么，等一会儿；等完了为真，有人要求停为假。"""
        where = {} if self.ip is None else {"ip": self.ip}
        told = {"outcome": str(last.outcome), "seconds": round(seconds, 1), "message": last.error_summary}
        self.ctx.session.append({"type": "RESEND_WAIT", "stage": self.action, **where, **told})
        deadline = anyio.current_time() + seconds
        while not self.ctx.stop_requested():
            left = deadline - anyio.current_time()
            if left <= 0:
                return True
            await anyio.sleep(min(left, _TICK_SECONDS))
        return False


@dataclass(frozen=True, slots=True)
class PackageQuery(Call):
    """问 HOME 有没有要部署的版本（``upload-package`` 不带安装包）；不会问的后端算答了，没有哈希。"""

    async def once(self) -> ActionResult:
        """问一次。"""
        found = await find_package(self.ctx.router, self.ctx.state)
        return found or ActionResult(ok=True, action=self.action, backend="")


def result_event(result: ActionResult, ip: str | None = None) -> Event:
    """把结果写成 ``ACTION_DONE`` 或 ``ACTION_FAIL`` 事件；令牌不行的另带 ``unauthorised``。"""
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
    if not result.ok and result.exit_code:
        event["exit_code"] = result.exit_code
    if result.exit_code == ScriptExit.UNAUTHORISED:
        event["unauthorised"] = True
    return event


def _as_unknown(result: ActionResult) -> ActionResult:
    """到了时限仍没有收下的，当作不知道。"""
    if result.outcome is not Outcome.NOT_TAKEN:
        return result
    return replace(result, in_doubt=ACTIONS[result.action].changes)


async def _find_node(ctx: RunContext) -> None:
    """NODE 连不上：再问一遍 HOME 它在哪里；搬了家而不必问人的就用新地址。大家一起连不上时只问一次。"""
    async with ctx.lookup:
        now = anyio.current_time()
        if now - ctx.looked_up_at < _LOOKUP_SECONDS:
            return
        ctx.looked_up_at = now
        found = await Call(ctx, NODE_LOOKUP, None).once()
        known = (ctx.state.node_url, ctx.state.mcp_url)
        if found.ok and known != (found.values["NODE_URL"], found.values.get("MCP_URL", "")):
            await ctx.session.append(result_event(found))
            write_run_config(ctx.state)


def _growing() -> Iterator[float]:
    """越来越长的停顿，秒。"""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)
