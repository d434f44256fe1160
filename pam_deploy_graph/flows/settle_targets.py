"""把算出的目标记下来；与要求的有出入时记一个事件。"""

from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.inputs.targeting import settle_scope


async def settle_targets(ctx: RunContext) -> None:
    """把算出的目标写进状态；有不在线的，记一个 ``TARGET_SCOPE_CHANGED``。"""
    missing = settle_scope(ctx.state)
    if missing and missing != ctx.state.missing_ips:
        targets = list(ctx.state.target_ips)
        told = {"missing_ips": missing, "target_ips": targets, "message": "some requested IPs are not online"}
        await ctx.session.append({"type": "TARGET_SCOPE_CHANGED", **told})
