"""分批：一批做完，停一停，才做下一批（contract 第 2 节 ``waves``、``pause_between``）。"""

from pam_deploy_graph.flows.canary import canary_open
from pam_deploy_graph.flows.context import FlowRules, RunContext, wait
from pam_deploy_graph.flows.dispatch import fresh_ips, unfinished_ips
from pam_deploy_graph.models import AgentState


def wave_limit(state: AgentState, rules: FlowRules) -> int | None:
    """返回这一批做到第几台为止；不分批，或只剩最后一批的为 ``None``。"""
    done = max(state.waves_done, rules.canary)
    if rules.waves:
        return next((limit for limit in rules.waves if limit > done), None)
    return done + rules.max_parallel if rules.pause_between else None


def ips_of_wave(state: AgentState, rules: FlowRules) -> list[str]:
    """返回这一批里还没开工的。"""
    fresh, limit = fresh_ips(state), wave_limit(state, rules)
    return fresh if limit is None else fresh[: max(0, limit - len(state.ip_states))]


async def close_wave(ctx: RunContext) -> None:
    """这一批都有了结果而还有没开工的：停够时候，放行下一批；停的时候被要求停下就不放行，恢复时从头停。"""
    limit = wave_limit(ctx.state, ctx.rules)
    if limit is None or canary_open(ctx.state, ctx.rules.canary) or unfinished_ips(ctx.state):
        return
    if ips_of_wave(ctx.state, ctx.rules) or not fresh_ips(ctx.state):
        return
    if seconds := ctx.rules.pause_between:
        await ctx.session.append({"type": "WAVE_PAUSE", "done": limit, "seconds": seconds})
        if not await wait(ctx, seconds):
            return
    await ctx.session.append({"type": "WAVE_DONE", "done": limit})
