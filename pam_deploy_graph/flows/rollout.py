"""推出的一步：先执行已作的决定，再推进一波；以及推出走到哪里的判断。"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import anyio

from pam_deploy_graph.constants import ExitCode, RollbackStatus
from pam_deploy_graph.flows.approved_endpoints import refuse_rewired
from pam_deploy_graph.flows.canary import canary_in_question, canary_left, canary_open, observe_canary
from pam_deploy_graph.flows.context import FlowRules, RunContext, failed_count, waiting_ips
from pam_deploy_graph.flows.dispatch import fresh_ips, refused_ips, run_wave, same_failures, unfinished_ips
from pam_deploy_graph.flows.rollback import carry_out
from pam_deploy_graph.flows.rollback_question import question_digest
from pam_deploy_graph.flows.settle_targets import settle_targets
from pam_deploy_graph.flows.waves import close_wave, ips_of_wave
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import with_name
from pam_deploy_graph.ledger import Approval, pending_rollback
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.system.task_group import task_group

_MOST_NAMED: Final = 20
_NAMELESS: Final[Mapping[str, str]] = {}
Lookup = Callable[[str, str], Awaitable[Approval | None]]


async def run_step(ctx: RunContext, decision_of: Lookup) -> None:
    """做一步：执行决定，补完上次中断的，再开一批新的。

    Args:
        ctx: 流程上下文。
        decision_of: 按 ``(ip, 问题摘要)`` 查账本里的决定。

    Raises:
        PlanChangedError: 见 ``carry_out_decisions``。

    """
    await carry_out_decisions(ctx, decision_of)
    await settle_targets(ctx)
    fresh = next_ips(ctx)
    with ctx.span("pam.wave", run_id=ctx.state.run_id, fresh=len(fresh)):
        await run_wave(ctx, fresh)
    await observe_canary(ctx)
    if not must_ask(ctx.state, ctx.rules):
        await close_wave(ctx)


async def run_until_asked(ctx: RunContext) -> None:
    """自己掌舵的逐台流程（contract 第 6 节 run_ip_flow）：推进到做完，或有人要决定；还有等着的就再等那一台。"""
    await settle_targets(ctx)
    ctx.rules = FlowRules.of_run(ctx.state, self_healing=ctx.rules.self_healing)
    while not waiting_ips(ctx.state) and can_go_on(ctx.state, ctx.rules):
        await run_wave(ctx, next_ips(ctx))
        await observe_canary(ctx)
        if not waiting_ips(ctx.state):
            await close_wave(ctx)
    waiting = waiting_ips(ctx.state)
    asked = ctx.state.pending_confirmation or (pending_rollback(waiting[0]) if waiting else "")
    ctx.state.pending_confirmation = asked if waiting else ""


def must_ask(state: AgentState, rules: FlowRules) -> bool:
    """是否该问人了：等决定的够多，或者没有别的可做了。"""
    waiting = len(waiting_ips(state))
    enough = waiting >= rules.ask_after or canary_in_question(state, rules.canary) or same_failures(state)
    return waiting > 0 and (bool(enough) or not can_go_on(state, rules))


def can_go_on(state: AgentState, rules: FlowRules) -> bool:
    """是否还有可以推进的工作站。"""
    return bool(unfinished_ips(state)) or (bool(fresh_ips(state)) and not budget_spent(state, rules))


def budget_spent(state: AgentState, rules: FlowRules) -> bool:
    """失败台数是否已到 ``max_failures``。"""
    return rules.max_failures is not None and failed_count(state) >= rules.max_failures


def outcome(state: AgentState, rules: FlowRules, cancelled_by: str | None) -> tuple[ExitCode, str]:
    """推出结束时的退出码与原因：说的是要求的那些，没有到的点名（contract 第 8 节）。"""
    if state.rollback_of:
        return _outcome_of_recall(state, cancelled_by)
    left = len(fresh_ips(state))
    if cancelled_by:
        return ExitCode.STOPPED, tr(
            "{cancelled_by} 取消了这次运行，还有 {left} 台没有开工", cancelled_by=cancelled_by, left=left
        )
    if left and budget_spent(state, rules):
        return ExitCode.STOPPED, tr(
            "失败已到 {max_failures} 台，还有 {left} 台没有开工", max_failures=rules.max_failures, left=left
        )
    if not state.target_ips:
        return ExitCode.STOPPED, tr("指定的范围里一台可以部署的都没有")
    tally = Counter(w.tally for w in state.ip_states.values())
    recalled = tally["recalled"]
    bad = len(state.ip_states) - tally["succeeded"] - recalled
    missed = not_reached(state)
    back = tr("，{recalled} 台成功之后退回了原来的版本", recalled=recalled) if recalled else ""
    if not (bad or missed or back):
        return ExitCode.DONE, tr("{n} 台全部完成", n=len(state.ip_states))
    words = [
        tr("要求 {n} 台：", n=len(state.ip_states) + len(missed)) if missed else "",
        tr("{succeeded} 台成功{back}", succeeded=tally["succeeded"], back=back),
    ]
    words += [tr("，{bad} 台没有成功", bad=bad)] if bad else []
    words += [tr("，{not_reached_text}", not_reached_text=not_reached_text(missed, state.names))] if missed else []
    return ExitCode.FINISHED_WITH_FAILURES if bad or missed else ExitCode.DONE, "".join(words)


def _outcome_of_recall(state: AgentState, cancelled_by: str | None) -> tuple[ExitCode, str]:
    """退回的运行怎样了结：几台回到了那次运行之前，几台没有。"""
    back = sum(w["rollback_status"] == RollbackStatus.DONE for w in state.ip_states.values())
    left = len(state.ip_states) - back
    where = tr("退回到运行 {rollback_of} 之前", rollback_of=state.rollback_of)
    if not left:
        return ExitCode.DONE, tr("{back} 台{where}", back=back, where=where)
    who = tr("{cancelled_by} 取消了这次运行，", cancelled_by=cancelled_by) if cancelled_by else ""
    reason = tr("{who}{back} 台{where}，{left} 台没有退回，保持现状", who=who, back=back, where=where, left=left)
    return (ExitCode.FINISHED_WITH_FAILURES if back else ExitCode.STOPPED), reason


def not_reached(state: AgentState) -> list[str]:
    """返回没有到的工作站：操作员点了名而不在线的，以及计划里有、批准之后离线的。"""
    named, planned = set(state.requested_ips or ()), set(state.planned_ips or ())
    return [ip for ip in state.missing_ips if ip in named or ip in planned]


def not_reached_text(missed: Sequence[str], names: Mapping[str, str] = _NAMELESS) -> str:
    """没有到的几台，点名。"""
    shown = tr("、").join(with_name(ip, names) for ip in missed[:_MOST_NAMED])
    more = tr(" 等 {n} 台", n=len(missed)) if len(missed) > _MOST_NAMED else ""
    return tr("{n} 台没有到（不在线）：{shown}{more}", n=len(missed), shown=shown, more=more)


def next_ips(ctx: RunContext) -> list[str]:
    """这一步开哪几台新的：灰度没放行之前只开灰度的那几台，分批的只开这一批的。"""
    if not canary_open(ctx.state, ctx.rules.canary):
        return ips_of_wave(ctx.state, ctx.rules)
    if canary_in_question(ctx.state, ctx.rules.canary):
        return []
    return fresh_ips(ctx.state)[: canary_left(ctx.state, ctx.rules.canary)]


async def withdraw_retries(ctx: RunContext) -> None:
    """取消了：说好了重试而还没有动手的不再重试，还是原来的失败。"""
    for ip in unfinished_ips(ctx.state):
        if "retrying" in ctx.state.ip_states[ip]:
            await ctx.session.append({"type": "RETRY_WITHDRAWN", "ip": ip})


async def carry_out_decisions(ctx: RunContext, decision_of: Lookup) -> None:
    """执行已作而未执行的决定；同时进行的不超过 ``max_parallel``。有人要停一停，还没有动手的留到继续的时候。

    令牌不行了，还没有动手的也留着：为它问的那个问题有人答了，才接着执行。

    Raises:
        PlanChangedError: 批准之后自己设置的地址、程序或策略变了；什么也没有做。

    """
    await refuse_rewired(ctx)
    found = {ip: await decision_of(ip, question_digest(ctx.state, ip)) for ip in waiting_ips(ctx.state)}
    decided = {ip: approval for ip, approval in found.items() if approval}
    asked = refused_ips(ctx.state)
    if asked and asked.isdisjoint(decided):
        return
    limiter = anyio.CapacityLimiter(ctx.rules.max_parallel)
    again: set[str] = set()

    async def one(ip: str, approval: Approval) -> None:
        """执行一台的决定。"""
        async with limiter:
            if not (ctx.paused() or again):
                await carry_out(ctx, ip, approval)
                again.update({ip} & refused_ips(ctx.state))

    async with task_group() as group:
        for ip, approval in decided.items():
            group.start_soon(one, ip, approval)
