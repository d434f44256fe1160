"""自成一次的退回：问清节点在哪里，读回每台的真相，拟出计划，提出要人决定的问题；不改变任何东西。"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pam_deploy_graph.constants import READ_ONLY_GLOBAL_ACTIONS, RECALL, Decision
from pam_deploy_graph.errors import GlobalStepError
from pam_deploy_graph.flows.approved_endpoints import NODE_LOOKUP, TOOLS_KEY, endpoints_now, named_tools
from pam_deploy_graph.flows.calls import result_event
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.exactly_once import perform
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.flows.read_back import read_back
from pam_deploy_graph.flows.rollback_question import waiting_questions
from pam_deploy_graph.flows.service_state import version_text
from pam_deploy_graph.home.run_files import write_run_config
from pam_deploy_graph.i18n import recorded, tr
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.ledger import digest_of
from pam_deploy_graph.system.safe_text import printable


def request_recall(
    of_run: str, owner: str, to_versions: Mapping[str, str], requested_by: str = ""
) -> Callable[[RunContext], Awaitable[None]]:
    """返回提出退回的流程；全部合成一行落盘，半路被杀就像没有提过。

    Args:
        of_run: 退回的是哪次运行。
        owner: 它的幂等键的主人；最后动过的不是它，就不能盖掉别人做的。
        to_versions: 每台退回哪一版。
        requested_by: 谁提出的；不知道的为空串。

    """

    async def work(ctx: RunContext) -> None:
        """只读的检查，读回，提出。"""
        await _find_node(ctx)
        outbox = Outbox(ctx.session)
        for ip, version in to_versions.items():
            await read_back(ctx, outbox, ip)
            asked = {
                "reason": tr("操作员要求退回运行 {of_run} 之前的 {version}", of_run=of_run, version=version),
                "to_version": version,
            }
            outbox.tell({"type": "ROLLBACK_REQUESTED", "ip": ip, **asked, "of_run": of_run, "owner": owner})
        wired: dict[str, Any] = {"mcp_tools": ctx.state.mcp_tools, "endpoints": await endpoints_now(ctx)}
        plan: dict[str, Any] = {"run_id": ctx.state.run_id, "rollback_of": of_run, "to_versions": dict(to_versions)}
        proposed: dict[str, Any] = {"digest": digest_of(plan | wired), "target_ips": list(to_versions)}
        proposed |= {"stage": RECALL, "text": _text(ctx, wired["endpoints"]), "requested_by": requested_by, **wired}
        proposed |= {"names": ctx.state.names} if ctx.state.names else {}
        await outbox.commit({"type": "PLAN_PROPOSED", **proposed})

    return work


def _text(ctx: RunContext, endpoints: Mapping[str, str]) -> str:
    """计划的原文：退回哪次运行之前，各台此刻怎样、同意之后怎样（一样的并成一行），接到哪里；不能退回的说出为什么。"""
    told = [tr("退回运行 {rollback_of} 之前；批准之后，每台动手之前还会再问。", rollback_of=ctx.state.rollback_of)]
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for question in waiting_questions(ctx.state):
        does = question["effects"].get(Decision.APPROVE) or tr(
            "不能退回：{no_approve}", no_approve=question["no_approve"]
        )
        what = tr("此刻 {version}；{does}", version=version_text(question["version_now"]), does=does)
        alike[what].append(str(question["ip"]))
    told += [f"- {show_ips(ips, ctx.state.names)}: {what}" for what, ips in alike.items()]
    wired = {**endpoints, **named_tools(ctx.state.mcp_tools)}
    told += [f"- {name}: {printable(recorded(value))}" for name, value in wired.items()]
    return "\n".join(told)


async def _find_node(ctx: RunContext) -> None:
    """HOME 在不在，节点在哪里，有哪些工作站在线；记下来，换个进程也接得上。

    Raises:
        GlobalStepError: 某项检查失败。

    """
    write_run_config(ctx.state)
    for action in READ_ONLY_GLOBAL_ACTIONS:
        outbox = Outbox(ctx.session)
        result = await perform(ctx, outbox, action)
        await outbox.commit(result_event(result))
        if not result.ok:
            raise GlobalStepError(
                tr("{action} 执行失败: {error_summary}", action=result.action, error_summary=result.error_summary)
            )
        ctx.state.mcp_tools = str(result.values.get(TOOLS_KEY, ctx.state.mcp_tools))
        if action == NODE_LOOKUP:
            write_run_config(ctx.state)
