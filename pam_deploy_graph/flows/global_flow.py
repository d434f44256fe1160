"""全局流程：HOME 与 NODE 的六个步骤，各做一次（contract 第 6 节 run_global_flow）。"""

from typing import Any

from pam_deploy_graph.constants import ACTIONS, GLOBAL_ACTION_SEQUENCE, READ_ONLY_GLOBAL_ACTIONS, ScriptExit
from pam_deploy_graph.errors import GlobalStepError, PackageMissingError, PlanChangedError
from pam_deploy_graph.flows.approved_endpoints import NODE_LOOKUP, endpoints_now
from pam_deploy_graph.flows.calls import PackageQuery, result_event
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.exactly_once import perform
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.flows.package_check import package_digest, refuse_changed
from pam_deploy_graph.home.run_files import write_run_config
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import ActionResult


async def run_global(ctx: RunContext) -> None:
    """依次做完还没做的全局步骤；要停下的停在两步之间。

    Raises:
        GlobalStepError: 某一步失败；消息形如 ``<action> 执行失败: <reason>``。
        PlanChangedError: 批准之后安装包、地址或程序变了；还没有照用。
        PackageMissingError: HOME 没有该版本，也没有给出可用的安装包。

    """
    write_run_config(ctx.state)
    outbox = Outbox(ctx.session)
    for action in GLOBAL_ACTION_SEQUENCE:
        if action in ctx.state.completed_global_steps:
            if action == NODE_LOOKUP:
                await find_node_again(ctx)
            continue
        if ctx.stop_requested():
            return
        if action == "upload-package":
            await refuse_changed(ctx)
        result = await perform(ctx, outbox, action, **_arguments(ctx, action))
        await outbox.commit(result_event(result))
        ctx.after_step()
        if not result.ok:
            raise _error(ctx, result)
        ctx.state.mcp_tools = result.values.get("MCP_TOOLS", ctx.state.mcp_tools)
        if action == NODE_LOOKUP:
            write_run_config(ctx.state)


async def find_node_again(ctx: RunContext) -> None:
    """继续的时候再问一遍节点在哪里（仅自愈规则）；没有变就不记（contract 第 3 节「NODE 的地址」）。

    配置总是照状态重写：上一个进程可能死在记下新地址与写出它之间，也可能在另一台机器上。

    Raises:
        GlobalStepError: 问不到：记得的地址只是从前的，不照着它动手。
        PlanChangedError: 变了，要请人批准。

    """
    write_run_config(ctx.state)
    if not ctx.rules.self_healing or NODE_LOOKUP not in ctx.state.completed_global_steps:
        return
    outbox = Outbox(ctx.session)
    result = await perform(ctx, outbox, NODE_LOOKUP)
    if not result.ok:
        raise _error(ctx, result)
    if (ctx.state.node_url, ctx.state.mcp_url) != (result.values["NODE_URL"], result.values.get("MCP_URL", "")):
        await outbox.commit(result_event(result))
        write_run_config(ctx.state)


async def run_checks(ctx: RunContext) -> None:
    """批准之前的只读检查：HOME 在不在、认不认这个机场、有没有这个版本，有哪些工作站在线；不改变任何东西。

    结果只进内存里的状态，不记成完成的步骤，正式执行时照样会再做一遍。

    Raises:
        GlobalStepError: 某项检查失败。
        PackageMissingError: 没有给出安装包，HOME 也没有这个版本。

    """
    write_run_config(ctx.state)
    # 新的计划按现在的工具、地址与程序批准
    ctx.state.mcp_tools, ctx.state.endpoints, ctx.state.moved = "", {}, {}
    for action in READ_ONLY_GLOBAL_ACTIONS:
        result = await perform(ctx, Outbox(ctx.session), action)
        if not result.ok:
            raise _error(ctx, result)
        ctx.state.node_url = result.values.get("NODE_URL", ctx.state.node_url)
        ctx.state.mcp_url = result.values.get("MCP_URL", ctx.state.mcp_url)
        ctx.state.mcp_tools = result.values.get("MCP_TOOLS", ctx.state.mcp_tools)
        ctx.state.online_ips = result.values.get("IP", ctx.state.online_ips)
        if action == NODE_LOOKUP:
            write_run_config(ctx.state)
    found = await PackageQuery(ctx, "upload-package", None).until_known()
    if not found.ok:
        raise _error(ctx, found)
    ctx.state.package_digest = await package_digest(ctx.state, found)
    ctx.state.endpoints = await endpoints_now(ctx)


def _arguments(ctx: RunContext, action: str) -> dict[str, Any]:
    """动作表说需要 ``hash_code`` 的步骤带上它。"""
    return {"hash_code": ctx.state.hash_code} if "hash_code" in ACTIONS[action].needs else {}


def _error(ctx: RunContext, result: ActionResult) -> GlobalStepError:
    """失败结果对应的错误；没有安装包属于输入问题，地址变了要请人再批准。"""
    if ctx.state.moved:
        return PlanChangedError(result.error_summary)
    missing = result.action == "upload-package" and result.exit_code in (ScriptExit.USAGE, ScriptExit.CONFIG)
    kind = PackageMissingError if missing else GlobalStepError
    return kind(tr("{action} 执行失败: {error_summary}", action=result.action, error_summary=result.error_summary))
