"""灰度：先做几台，观察一会儿，再验证一遍，才推其余的。"""

from pam_deploy_graph.constants import IpStatus
from pam_deploy_graph.flows.context import RunContext, wait, waiting_ips
from pam_deploy_graph.flows.exactly_once import perform
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.flows.workstation import fail_workstation
from pam_deploy_graph.models import AgentState


def canary_left(state: AgentState, canary: int) -> int:
    """灰度还差几台没有开工。"""
    return max(0, min(canary, len(state.target_ips)) - len(state.ip_states))


def canary_open(state: AgentState, canary: int) -> bool:
    """要灰度而还没有放行。"""
    return canary > 0 and not state.canary_released


def canary_in_question(state: AgentState, canary: int) -> bool:
    """灰度的工作站里有等决定的：决定之前不碰其余的。"""
    return canary_open(state, canary) and bool(waiting_ips(state))


async def observe_canary(ctx: RunContext) -> None:
    """灰度的几台做完之后：观察 ``hold`` 秒，再验证一遍；都好才放行其余的。

    观察中被要求停下就不放行；恢复时从头观察。
    """
    canary = ctx.rules.canary
    if not canary_open(ctx.state, canary) or canary_left(ctx.state, canary) or waiting_ips(ctx.state):
        return
    if ctx.rules.hold:
        await ctx.session.append({"type": "CANARY_HOLD", "seconds": ctx.rules.hold})
        if not await wait(ctx, ctx.rules.hold) or not await _verify_again(ctx):
            return
    await ctx.session.append({"type": "CANARY_RELEASED"})


async def _verify_again(ctx: RunContext) -> bool:
    """把灰度成功的几台再验证一遍；不好的记成失败，等人决定。"""
    healthy = True
    for ip, workstation in list(ctx.state.ip_states.items()):
        if workstation["status"] != IpStatus.SUCCESS:
            continue
        outbox = Outbox(ctx.session)
        result = await perform(ctx, outbox, "verify-ip", ip)
        if not result.ok:
            healthy = False
            await fail_workstation(ctx, outbox, result, ip)
    return healthy
