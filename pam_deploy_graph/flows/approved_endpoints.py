"""这次运行接到哪里：批准的是哪些地址与程序，变了的不照用（contract 第 3 节「NODE 的地址」）。

HOME 给出的地址（``NODE_URL``、``MCP_URL``）每问一次 ``get-node-url`` 就与批准过的比一次，不管为什么问；
自己设置的（``PAM_`` 开头）在动手之前比一次。
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pam_deploy_graph.action_router import endpoints_of
from pam_deploy_graph.constants import REWIRED
from pam_deploy_graph.errors import GlobalStepError, PlanChangedError
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.i18n import recorded, tr
from pam_deploy_graph.inputs.service_address import loses_tls, same_address, usable_unasked
from pam_deploy_graph.ledger import digest_of
from pam_deploy_graph.models import ActionResult

NODE_LOOKUP: Final = "get-node-url"
TOOLS_KEY: Final = "MCP_TOOLS"
_FIELDS: Final = {"NODE_URL": "node_url", "MCP_URL": "mcp_url"}
_FROM_HOME: Final = tuple(_FIELDS)
_SAME_PLACE: Final = {"PAM_MCP_URL": "MCP_URL", "MCP_URL": "PAM_MCP_URL"}
"""HOME 给出的与自己设置的，说的是同一个服务。"""
_NOT_SET: Final = "（没有）"


async def check_endpoints(ctx: RunContext, result: ActionResult) -> ActionResult:
    """每个结果都看一眼：HOME 给出的地址、MCP 的工具还是不是批准的；要问人的记下 ``ENDPOINTS_MOVED``。

    Args:
        ctx: 流程上下文。
        result: 判断过的结果。

    Returns:
        原样的结果，或说明为什么不用新地址的失败结果。

    """
    if result.action == NODE_LOOKUP and result.ok:
        return await _check_address(ctx, result)
    if tools := "" if result.ok else str(result.values.get(TOOLS_KEY, "")):
        await _note_moved(ctx, {TOOLS_KEY: tools})
    return result


async def _check_address(ctx: RunContext, answer: ActionResult) -> ActionResult:
    """没有变的、``PAM_NODE_ALLOW`` 允许的、本机的地址照用；要问人的记下，连同绝不可用的改判为失败。

    还没有批准过的：设了 ``PAM_NODE_ALLOW`` 就要在其中，没有设就信 HOME。
    """
    approved = ctx.state.endpoints
    for name in _FROM_HOME:
        after, before = str(answer.values.get(name, "")), approved.get(name, "")
        if not after or (approved and not before) or (before and same_address(before, after)):
            continue
        if loses_tls(before, after):
            return _refused(
                answer,
                tr(
                    "{name} 由 {before} 变成了 {after}：批准的是 https，不会改用 http",
                    name=name,
                    before=before,
                    after=after,
                ),
            )
        if not (approved or ctx.node_allow) or usable_unasked(after, ctx.node_allow):
            continue
        if not approved:
            return _refused(
                answer,
                tr("HOME 给出的 {name} {after} 不在 PAM_NODE_ALLOW 之列；核实之后把它加进去", name=name, after=after),
            )
        await _note_moved(ctx, {key: str(answer.values[key]) for key in _FROM_HOME if answer.values.get(key)})
        return _refused(
            answer,
            tr(
                "{name} 在批准之后变了：原为 {before}，HOME 现在说是 {after}；要先请人批准",
                name=name,
                before=before,
                after=after,
            ),
        )
    return answer


async def _note_moved(ctx: RunContext, values: dict[str, str]) -> None:
    """记下要请人批准的；已经记过的不再记。"""
    if ctx.state.plan_digest and not values.items() <= ctx.state.moved.items():
        await ctx.session.append({"type": "ENDPOINTS_MOVED", "values": values})


async def endpoints_now(ctx: RunContext) -> dict[str, str]:
    """此刻的地址、程序与一并管着的设置。"""
    return await endpoints_of(ctx.router, ctx.state) | dict(ctx.also_bound)


async def refuse_rewired(ctx: RunContext) -> None:
    """动手之前：自己设置的地址与程序还是不是批准的那些。

    Raises:
        GlobalStepError: 批准的是 https，现在是 http：不问人，一律不用。
        PlanChangedError: 变了，没有照用。

    """
    if not ctx.state.endpoints:
        return
    now = await endpoints_now(ctx)
    _refuse_lost_tls(ctx.state.endpoints, now)
    if told := _differences(_own(ctx.state.endpoints), _own(now)):
        raise PlanChangedError(tr("批准之后设置变了（{told}），没有照用；原来的批准不再作数", told=tr("；").join(told)))


async def propose_endpoints(ctx: RunContext) -> None:
    """已经动过手的：把现在的地址、程序与工具拟成改动，请人批准；批准之前照旧不用它们。"""
    state = ctx.state
    tools = state.moved.get(TOOLS_KEY, state.mcp_tools)
    there = replace(state, **{field: state.moved.get(key, getattr(state, field)) for key, field in _FIELDS.items()})
    wanted = await endpoints_of(ctx.router, there) | dict(ctx.also_bound)
    _refuse_lost_tls(state.endpoints, wanted)
    before, after = (state.endpoints | named_tools(state.mcp_tools)), (wanted | named_tools(tools))
    text = "\n".join(
        [tr("接到的地方与批准的不同:"), *_differences(before, after), tr("改用现在的吗？拒绝就结束这次运行。")]
    )
    digest = digest_of({"run_id": state.run_id, "plan": state.plan_digest, "stage": REWIRED, "endpoints": after})
    proposed = {"digest": digest, "target_ips": state.planned_ips or [], "stage": REWIRED, "text": text}
    proposed |= {"requested_by": state.requested_by}
    await ctx.session.append({"type": "PLAN_PROPOSED", **proposed, "endpoints": wanted, "mcp_tools": tools})


def _refuse_lost_tls(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """批准的 https 地址，谁改的都不会变成 http（contract 第 3 节「NODE 的地址」）。

    Raises:
        GlobalStepError: 有一个变成了 http。

    """
    for name, value in after.items():
        was = before.get(name) or before.get(_SAME_PLACE.get(name, ""), "")
        if loses_tls(was, value):
            raise GlobalStepError(
                tr(
                    "{name} 由 {was} 变成了 {value}：批准的是 https，不会改用 http；请改回 https 再继续",
                    name=name,
                    was=was,
                    value=value,
                )
            )


def named_tools(tools: str) -> dict[str, str]:
    """MCP 工具的指纹；没有用 MCP 的为空。"""
    return {TOOLS_KEY: tools} if tools else {}


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """逐项说出原来的与现在的。"""
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [
        tr(
            "{name} 原为 {get}，现为 {get2}",
            name=name,
            get=recorded(before.get(name, _NOT_SET)),
            get2=recorded(after.get(name, _NOT_SET)),
        )
        for name in changed
    ]


def _own(endpoints: dict[str, str]) -> dict[str, str]:
    """自己设置的那一部分。"""
    return {name: value for name, value in endpoints.items() if name not in _FROM_HOME}


def _refused(answer: ActionResult, reason: str) -> ActionResult:
    """改判为失败。"""
    return ActionResult.failure(answer.action, answer.backend, reason, values=answer.values)
