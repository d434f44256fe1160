"""折叠里关于计划的一半：提出、作废、途中改动、灰度放行，决定还能开哪几台（纯函数）。"""

from collections.abc import Callable
from typing import Any, Final

from pam_deploy_graph.constants import AMENDED
from pam_deploy_graph.inputs.targeting import settle_scope
from pam_deploy_graph.models import AgentState, Event

BASIS: Final = ("target_ips", "steps", "mcp_tools", "package", "endpoints")
"""计划的摘要除登记的输入之外还管着的各项，即 ``PLAN_PROPOSED`` 的字段。"""


def _scope_changed(state: AgentState, event: Event) -> None:
    """目标范围有变。"""
    state.target_ips = list(event["target_ips"])
    state.settled_ips = list(state.target_ips)
    state.missing_ips = list(event["missing_ips"])


def _plan_proposed(state: AgentState, event: Event) -> None:
    """提出了请人批准的计划：只有计划里的工作站才可以动。"""
    state.plan_digest, state.asked_at = event["digest"], event.get("at", 0)
    state.mcp_tools = event.get("mcp_tools", state.mcp_tools)
    state.package_digest = event.get("package", state.package_digest)
    state.endpoints, state.moved = dict(event.get("endpoints", state.endpoints)), {}
    state.plan_stage, state.plan_text = event.get("stage", ""), event.get("text", "")
    state.planned_ips = list(event["target_ips"])
    state.names = dict(event.get("names", state.names))
    state.requested_by = event.get("requested_by", state.requested_by)
    if "steps" in event:
        state.plan_basis = {name: event[name] for name in ("digest", *BASIS)}
    state.seen_keys = dict(event.get("seen", state.seen_keys))
    state.seen_owners = list(event.get("owners", state.seen_owners))


def _plan_approved(state: AgentState, event: Event) -> None:
    """批准了，即将动手。"""
    state.plan_approved = event["digest"]


def _plan_withdrawn(state: AgentState, _event: Event) -> None:
    """动手之前改了主意：原来的计划作废，范围也不再受它限制。"""
    state.plan_digest, state.plan_stage, state.plan_text, state.mcp_tools = "", "", "", ""
    state.package_digest, state.planned_ips, state.endpoints, state.moved = "", None, {}, {}
    state.seen_keys, state.seen_owners, state.plan_basis = {}, [], {}


def _endpoints_moved(state: AgentState, event: Event) -> None:
    """节点换了地址或 MCP 的工具变了，要先请人批准；批准之前照旧不用它们。"""
    state.moved = state.moved | event["values"]


def _amendment_proposed(state: AgentState, event: Event) -> None:
    """推出途中提出改动；批准之前不生效。"""
    state.plan_digest, state.plan_stage, state.plan_text = event["digest"], AMENDED, event.get("text", "")
    state.amendment = {name: event[name] for name in ("control", "target_ips")}
    state.asked_at = event.get("at", 0)
    state.amendment["plan_requested_by"] = state.requested_by
    state.requested_by = event.get("requested_by", state.requested_by)


def _amendment_settled(state: AgentState, event: Event) -> None:
    """改动有了结果：批准了就生效，只影响还没有开工的。"""
    if event["approved"]:
        state.control_params = state.control_params | state.amendment["control"]
        state.planned_ips = list(state.amendment["target_ips"])
        if state.requested_ips is not None:
            state.requested_ips = [*state.planned_ips, *state.missing_ips]
        settle_scope(state)
    state.requested_by = state.amendment.get("plan_requested_by", state.requested_by)  # 其余的仍是原来的人提出的
    state.amendment, state.plan_stage = {}, ""


def _canary_released(state: AgentState, _event: Event) -> None:
    """灰度观察完了，可以推其余的。"""
    state.canary_released = True


def _wave_done(state: AgentState, event: Event) -> None:
    """一批做完，停也停过了，可以做下一批。"""
    state.waves_done = event["done"]


def _same_failures(state: AgentState, event: Event) -> None:
    """接连几台同样的失败：为它停下来问。"""
    state.same_cause = event["cause"]


PLAN_HANDLERS: Final[dict[str, Callable[[AgentState, Event], Any]]] = {
    "PLAN_PROPOSED": _plan_proposed,
    "PLAN_APPROVED": _plan_approved,
    "PLAN_WITHDRAWN": _plan_withdrawn,
    "ENDPOINTS_MOVED": _endpoints_moved,
    "AMENDMENT_PROPOSED": _amendment_proposed,
    "AMENDMENT_SETTLED": _amendment_settled,
    "CANARY_RELEASED": _canary_released,
    "WAVE_DONE": _wave_done,
    "SAME_FAILURES": _same_failures,
    "TARGET_SCOPE_CHANGED": _scope_changed,
}
