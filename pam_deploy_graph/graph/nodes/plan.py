"""节点 ``plan``：登记运行，做只读检查，拟出计划；还没有改变任何东西。"""

from typing import Any, Final

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import DEFAULT_STRATEGY, REQUIRED_PARAMS, ExecutionStrategy, ExitCode
from pam_deploy_graph.errors import (
    EmptyScopeError,
    GlobalStepError,
    InvalidInputError,
    PackageMissingError,
    PamError,
    PolicyRefusedError,
    RunConflictError,
)
from pam_deploy_graph.flows.context import record
from pam_deploy_graph.flows.global_flow import run_checks
from pam_deploy_graph.flows.survey import Survey, survey
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.module_wait import when_free
from pam_deploy_graph.graph.questions import ask_params, ask_plan, spoken
from pam_deploy_graph.graph.standing import own_thread
from pam_deploy_graph.graph.state import GraphState, words_of
from pam_deploy_graph.inputs.addresses import compress_ips
from pam_deploy_graph.inputs.shares import in_numbers
from pam_deploy_graph.inputs.targeting import resolve_targets
from pam_deploy_graph.llm import in_own_words, validate_deploy_plan
from pam_deploy_graph.models import AgentState, LlmDeployPlan
from pam_deploy_graph.report.plan_text import describe_changes, render_plan, show_ips
from pam_deploy_graph.runs.approved_plan import plan_digest
from pam_deploy_graph.runs.deciding import refuse_request, why_not_in_advance
from pam_deploy_graph.runs.registration import RunRequest, has_begun
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.open_files import check_in_flight
from pam_deploy_graph.system.safe_text import markdown_safe

_SHOWN_IPS: Final = 20
_UNCLEAR: Final = "没有听出要改什么，计划不变；请批准、拒绝，或说明要改哪一项。"


def plan_node(services: Services, state: GraphState) -> dict[str, Any]:
    """拟出计划；取消了的去收尾，已经动过手的不改。"""
    run_id = state["run_id"]
    if services.ledger.exists(run_id) and services.cancelled(run_id):
        return {"phase": "closing", "problem": ""}
    try:
        services.register_again(_request(services, state))
    except RunConflictError as error:
        if not state.get("plan"):
            raise
        return _stopped(error, "")
    if has_begun(services.state_of(run_id)):  # 从前的检查点：早就动过手了
        return {"phase": "diverted", "problem": ""}
    return _checked(services, state)


def _checked(services: Services, state: GraphState) -> dict[str, Any]:
    """检查过就提出计划；检查不过停在这里，能在对话里补上的就问。"""
    run_id = state["run_id"]
    try:
        refuse_request(services, services.state_of(run_id), acting(services))
        return _proposed(services, state)
    except PolicyRefusedError as error:
        services.finish(run_id, ExitCode.STOPPED, str(error))
        return _stopped(error)
    except EmptyScopeError as error:
        if state.get("plan"):
            return _ask(state, "target_ips", str(error))
        _tell_missing(services, run_id)
        services.finish(run_id, ExitCode.STOPPED, str(error))
        return _stopped(error)
    except (GlobalStepError, InvalidInputError) as error:
        services.ledger.stopped(run_id, str(error))
        if isinstance(error, PackageMissingError) and words_of(state):
            return _ask(state, "PACKAGE_PATH", f"PAM_HOME 没有 {_release(state['params'])}，也没有说安装包在哪里。")
        return _stopped(error)


def _request(services: Services, state: GraphState) -> RunRequest:
    """要登记的输入。"""
    control = dict(state["control"])
    return RunRequest(
        execution_strategy=control.pop("execution_strategy", str(DEFAULT_STRATEGY)),
        params=state["params"],
        run_id=state["run_id"],
        home=services.home,
        environment=services.settings.params(),
        control_params=control,
        account=acting(services).account,
        extra={"thread": thread} if (thread := own_thread()) else {},
    )


def _proposed(services: Services, state: GraphState) -> dict[str, Any]:
    """做只读检查，提出计划，等人批准。

    Raises:
        EmptyScopeError: 范围里一台可部署的都没有。
        GlobalStepError: 检查不过。

    """
    run_id = state["run_id"]
    when_free(services, run_id, lambda: services.ledger.check_module(services.state_of(run_id)))
    checked = services.drive(run_id, run_checks)
    plan = _plan(services, checked)
    changes = describe_changes(state.get("plan") or {}, plan)
    unclear = _UNCLEAR if state["phase"] == "amending" and not changes else ""
    seen = _seen(services, checked, plan["basis"]["target_ips"])
    notes, truth = map(markdown_safe, state.get("notes", [])), map(markdown_safe, seen.lines())
    plan["text"] = "\n".join(filter(None, [*notes, changes, plan["text"], *truth]))
    actor = acting(services)
    proposed = {"digest": plan["digest"], **plan.pop("basis"), "requested_by": actor.person, "seen": seen.keys}
    proposed |= {"names": checked.names} if checked.names else {}
    services.drive(run_id, record("PLAN_PROPOSED", **proposed, text=plan["text"]))
    services.ledger.stopped(run_id, None)
    by, problem = services.preapproved.pop(run_id, ""), unclear
    if by and (why := why_not_in_advance(services, run_id, actor)):
        by, problem = "", f"--yes 没有作数：{why}"
    plan |= {"preapproved_by": by} if by else {}
    said = [AIMessage(problem or spoken(ask_plan(plan, "")))]
    return {"phase": "planned", "plan": plan, "problem": problem, "messages": said}


def _seen(services: Services, checked: AgentState, targets: list[str]) -> Survey:
    """要动的工作站此刻的样子，与最近是谁动的；演练（``fake``）没有外部世界，不看。"""
    if checked.execution_strategy == ExecutionStrategy.FAKE:
        return Survey([], 0)
    everything = bool(checked.control_params.get("repaired_from"))
    seen, ask = survey(targets, everything=everything, held=services.ledger.holds)
    services.drive(checked.run_id, ask)
    return seen


def _tell_missing(services: Services, run_id: str) -> None:
    """要求的都不在线时记下是哪几台，报告才列得出来。"""
    _, missing = resolve_targets(services.state_of(run_id))
    if missing:
        services.drive(run_id, record("TARGET_SCOPE_CHANGED", missing_ips=missing, target_ips=[]))


def _ask(state: GraphState, name: str, problem: str) -> dict[str, Any]:
    """请在对话里的人补上这一项，或者改别的；没有改变任何东西。"""
    said = AIMessage(spoken(ask_params([name], state["params"], [], problem)))
    return {"phase": "params", "missing": [name], "problem": problem, "messages": [said]}


def _release(params: dict[str, str]) -> str:
    """应用、模块、版本写在一起。"""
    return "/".join(params[name] for name in REQUIRED_PARAMS[1:])


def _stopped(error: PamError, after: str = "。还没有改变任何东西。") -> dict[str, Any]:
    """停在这里，说明为什么。"""
    said = AIMessage(f"{error}{after}")
    return {"phase": "stopped", "problem": str(error), "exit_code": int(error.exit_code), "messages": [said]}


def _plan(services: Services, checked: AgentState) -> dict[str, Any]:
    """把计划连同范围写成给人批准的样子。

    Raises:
        EmptyScopeError: 范围里一台可部署的都没有。
        InvalidInputError: 同时推进的台数超过本机许可。

    """
    targets, missing = resolve_targets(checked)
    checked.names = checked.names | services.inventory.named(
        [*targets, *missing, *(checked.control_params.get("exclude_ips") or ())]
    )
    if not targets:
        raise EmptyScopeError(_nothing_left(checked, missing))
    if isinstance(checked.control_params.get("max_parallel"), str):  # 写成台数的，登记之前就看过了
        check_in_flight(in_numbers(checked.control_params, len(targets))["max_parallel"])
    proposal = services.llm_client.generate_plan(
        params=checked.params, intent="deploy", strategy=checked.execution_strategy
    )
    valid = validate_deploy_plan(proposal, target_ips=checked.requested_ips)
    steps = in_own_words(valid, checked.params, checked.execution_strategy)
    basis: dict[str, Any] = {
        "target_ips": targets,
        "steps": [step.action for step in steps.steps],
        "mcp_tools": checked.mcp_tools,
    }
    basis |= {"package": checked.package_digest, "endpoints": checked.endpoints}
    given = services.ledger.get_run(checked.run_id).input
    return _shown(checked, steps, targets, missing) | {
        "digest": plan_digest(given, basis),
        "run_id": checked.run_id,
        "basis": basis,
        "text": render_plan(checked, targets, missing, steps, sources=_sources(services, checked)),
    }


def _sources(services: Services, checked: AgentState) -> str:
    """令牌与地址从哪里来；后端是宿主给的就不说，它用不着这些。"""
    return services.settings.sources(checked.params["PAM_HOME_URL"]) if services.given_router is None else ""


def _shown(checked: AgentState, steps: LlmDeployPlan, targets: list[str], missing: list[str]) -> dict[str, Any]:
    """计划的内容；工作站只列前若干台。"""
    return {
        "summary": steps.summary,
        "risks": steps.risks,
        "warnings": steps.warnings,
        "steps": [step.action for step in steps.steps],
        "execution_strategy": checked.execution_strategy,
        "params": checked.params,
        "control": in_numbers(checked.control_params, len(targets)) | _scope(checked, "exclude_ips"),
        "package": checked.package_digest,
        "endpoints": checked.endpoints,
        "targets": len(targets),
        "scope": show_ips(targets, checked.names),
        "target_ips": targets[:_SHOWN_IPS],
        "missing": len(missing),
        "names": {ip: checked.names[ip] for ip in targets[:_SHOWN_IPS] if ip in checked.names},
        "missing_ips": missing[:_SHOWN_IPS],
    }


def _scope(checked: AgentState, name: str) -> dict[str, str]:
    """一个工作站清单的短写法；没有给就没有。"""
    given = checked.control_params.get(name)
    return {name: compress_ips(given)} if given else {}


def _nothing_left(checked: AgentState, missing: list[str]) -> str:
    """说明为什么一台都没有。"""
    if not checked.online_ips:
        return f"机场 {checked.params['AIRPORT_CODE']} 没有在线的工作站"
    if checked.requested_ips == []:
        return "指定的范围里一台工作站都没有写；请写出地址、范围或网段"
    offline = f"{'、'.join(checked.label(ip) for ip in missing[:_SHOWN_IPS])} 不在线" if missing else "要求的都被排除了"
    return f"指定的范围里一台可以部署的都没有：{offline}；请换一个范围"
