"""拟出计划：只读的检查、看一眼要动的工作站、算出变化与预计用时，写成请人批准的样子；不改变任何东西。

节点 ``plan`` 与对话里的预演用的是同一份。
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from pam_deploy_graph.constants import ExecutionStrategy
from pam_deploy_graph.errors import EmptyScopeError
from pam_deploy_graph.flows.global_flow import run_checks
from pam_deploy_graph.flows.survey import Survey, survey
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.inputs.addresses import compress_ips, show_ips
from pam_deploy_graph.inputs.shares import in_numbers
from pam_deploy_graph.inputs.targeting import resolve_targets
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.llm import in_own_words, validate_deploy_plan
from pam_deploy_graph.models import AgentState, LlmDeployPlan
from pam_deploy_graph.report.plan_text import PlanFacts, describe_changes, render_plan
from pam_deploy_graph.report.version_changes import changes_of, to_do
from pam_deploy_graph.runs.approved_plan import plan_digest
from pam_deploy_graph.runs.past_times import expected_time
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.setting_sources import setting_sources
from pam_deploy_graph.system.open_files import check_in_flight
from pam_deploy_graph.system.safe_text import markdown_safe

Scope = tuple[list[str], list[str]]
"""要动的工作站，与要求了而不在线的。"""
_SHOWN_IPS: Final = 20
_WHOLE: Final = msgid("其余不变；要看全部，说「看完整计划」。")


@dataclass(frozen=True, slots=True)
class Proposal:
    """拟出的计划：给人看的（``plan``）、摘要管着的各项、看到的样子，以及与上一版不同没有。"""

    plan: dict[str, Any]
    basis: dict[str, Any]
    seen: Survey
    changed: bool
    record: str
    """记进账本的原文：在别的终端批准的人没有看过上一版，所以总是全文。"""
    names: dict[str, str]
    """提出计划时名称清单里的名称。"""


def propose(
    services: Services,
    run_id: str,
    *,
    earlier: Mapping[str, Any],
    notes: Iterable[str],
    history: Ledger | None = None,
) -> Proposal:
    """做只读的检查，拟出计划。

    Args:
        services: 部件。
        run_id: 已登记的运行。
        earlier: 这次运行的上一版计划；没有为空。
        notes: 听懂的时候要说明的话，写在最前面。
        history: 从前用了多久、认不认得别的运行，看哪份账本；不给就是 ``services`` 的。

    Returns:
        计划；有上一版而不同的，``plan["text"]`` 只说改了什么，``plan["whole"]`` 是全文。

    Raises:
        EmptyScopeError: 范围里一台可部署的都没有。
        GlobalStepError: 检查不过。
        InvalidInputError: 同时推进的台数超过本机许可。

    """
    checked, scope = _checked(services, run_id)
    steps, basis = _steps(services, checked), _basis(checked, scope[0])
    basis["steps"] = [step.action for step in steps.steps]
    past = history or services.ledger
    seen = _seen(services, checked, scope[0], past)
    facts = _facts(services, checked, scope, seen, past)
    plan = _shown(checked, steps, facts, scope) | {
        "digest": plan_digest(services.ledger.get_run(run_id).input, basis),
        "run_id": run_id,
        "whole": render_plan(checked, steps, facts),
    }
    changes = describe_changes(earlier, plan)
    told = [markdown_safe(note) for note in notes]
    whole = "\n".join(filter(None, [*told, changes, plan["whole"]]))
    plan["text"] = "\n".join([*told, changes, tr(_WHOLE)]) if changes else whole
    return Proposal(plan, basis, seen, bool(changes), whole, checked.names)


def _checked(services: Services, run_id: str) -> tuple[AgentState, Scope]:
    """做只读的检查，定下范围；一台都没有、同时推进的台数超过本机许可的就此停下。"""
    checked = services.drive(run_id, run_checks)
    targets, missing = resolve_targets(checked)
    known = [*targets, *missing, *(checked.control_params.get("exclude_ips") or ())]
    checked.names = checked.names | services.inventory.named(known)
    if not targets:
        raise EmptyScopeError(_nothing_left(checked, missing))
    if isinstance(checked.control_params.get("max_parallel"), str):  # 写成台数的，登记之前就看过了
        check_in_flight(in_numbers(checked.control_params, len(targets))["max_parallel"])
    return checked, (targets, missing)


def _basis(checked: AgentState, targets: list[str]) -> dict[str, Any]:
    """摘要在登记的输入之外管着的各项。"""
    said = {"target_ips": targets, "steps": [], "mcp_tools": checked.mcp_tools}
    return said | {"package": checked.package_digest, "endpoints": checked.endpoints}


def _steps(services: Services, checked: AgentState) -> LlmDeployPlan:
    """规程里的步骤，用自己的话说。"""
    proposal = services.llm_client.generate_plan(
        params=checked.params, intent="deploy", strategy=checked.execution_strategy
    )
    valid = validate_deploy_plan(proposal, target_ips=checked.requested_ips)
    return in_own_words(valid, checked.params, checked.execution_strategy)


def _seen(services: Services, checked: AgentState, targets: list[str], past: Ledger) -> Survey:
    """要动的工作站此刻的样子，与最近是谁动的；演练（``fake``）没有外部世界，不看。"""
    if checked.execution_strategy == ExecutionStrategy.FAKE:
        return Survey([], 0)
    everything = bool(checked.control_params.get("repaired_from"))
    seen, ask = survey(targets, everything=everything, held=past.holds)
    services.drive(checked.run_id, ask)
    return seen


def _facts(services: Services, checked: AgentState, scope: Scope, seen: Survey, past: Ledger) -> PlanFacts:
    """计划里算出来的：变化、节奏用的数、预计用时、提醒、设置从哪里来。"""
    targets, missing = scope
    wanted, control = checked.params["VERSION_NUMBER"], in_numbers(checked.control_params, len(targets))
    force = bool(control.get("force"))
    groups = changes_of(targets, missing, seen.found, wanted=wanted, force=force)
    expected = expected_time(past, checked, to_do(groups), control)
    # 后端是宿主给的，就用不着这些设置
    told = services.given_router is None
    sources = setting_sources(services.settings, checked.params["PAM_HOME_URL"]) if told else ""
    return PlanFacts(groups, control, expected, seen.lines(), sources)


def _shown(checked: AgentState, steps: LlmDeployPlan, facts: PlanFacts, scope: Scope) -> dict[str, Any]:
    """计划的内容，给界面画的数据；工作站只列前若干台。"""
    targets, missing = scope
    return {
        "summary": steps.summary,
        "risks": steps.risks,
        "warnings": steps.warnings,
        "cautions": facts.cautions(steps),
        "steps": [step.action for step in steps.steps],
        "execution_strategy": checked.execution_strategy,
        "params": checked.params,
        "control": {**facts.control, **_scope(checked, "exclude_ips")},
        "package": checked.package_digest,
        "endpoints": checked.endpoints,
        "changes": [group.data() for group in facts.groups],
        "pace": facts.pace(),
        "expected": asdict(facts.expected) if facts.expected else None,
        "targets": len(targets),
        "scope": show_ips(targets, checked.names),
        "target_ips": targets[:_SHOWN_IPS],
        "names": {ip: checked.names[ip] for ip in targets[:_SHOWN_IPS] if ip in checked.names},
        "missing": len(missing),
        "missing_ips": missing[:_SHOWN_IPS],
    }


def _scope(checked: AgentState, name: str) -> dict[str, str]:
    """一个工作站清单的短写法；没有给就没有。"""
    given = checked.control_params.get(name)
    return {name: compress_ips(given)} if given else {}


def _nothing_left(checked: AgentState, missing: list[str]) -> str:
    """说明为什么一台都没有。"""
    if not checked.online_ips:
        return tr("机场 {airport_code} 没有在线的工作站", airport_code=checked.params["AIRPORT_CODE"])
    if checked.requested_ips == []:
        return tr("指定的范围里一台工作站都没有写；请写出地址、范围或网段")
    offline = (
        tr("{missing} 不在线", missing=tr("、").join(map(checked.label, missing[:_SHOWN_IPS])))
        if missing
        else tr("要求的都被排除了")
    )
    return tr("指定的范围里一台可以部署的都没有：{offline}；请换一个范围", offline=offline)
