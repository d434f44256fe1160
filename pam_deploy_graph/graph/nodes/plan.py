"""节点 ``plan``：登记运行，做只读检查，拟出计划；还没有改变任何东西。"""

from typing import Any, Final

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import DEFAULT_STRATEGY, REQUIRED_PARAMS, ExitCode
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
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.module_wait import when_free
from pam_deploy_graph.graph.questions import ask_params, ask_plan, spoken
from pam_deploy_graph.graph.standing import own_thread
from pam_deploy_graph.graph.state import GraphState, words_of
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.inputs.targeting import resolve_targets
from pam_deploy_graph.runs.deciding import refuse_request, why_not_in_advance
from pam_deploy_graph.runs.plan_proposal import propose
from pam_deploy_graph.runs.registering_again import register_again
from pam_deploy_graph.runs.registration import RunRequest, has_begun
from pam_deploy_graph.runs.services import Services

_UNCLEAR: Final = msgid("没有听出要改什么，计划不变；请批准、拒绝，或说明要改哪一项。")


def plan_node(services: Services, state: GraphState) -> dict[str, Any]:
    """拟出计划；取消了的去收尾，已经动过手的不改。"""
    run_id = state["run_id"]
    if services.ledger.exists(run_id) and services.cancelled(run_id):
        return {"phase": "closing", "problem": ""}
    try:
        register_again(services, _request(services, state))
    except RunConflictError as error:
        if not state.get("plan"):
            raise
        return _stopped(error, unchanged=False)
    if has_begun(services.state_of(run_id)):  # 从前的检查点：早就动过手了
        return {"phase": "diverted", "problem": ""}
    return _checked(services, state)


def _checked(services: Services, state: GraphState) -> dict[str, Any]:
    """检查过就提出计划；检查不过停在这里，能在对话里补上的就问。"""
    run_id = state["run_id"]
    try:
        refuse_request(services.site(), services.state_of(run_id), acting(services))
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
            return _ask(
                state,
                "PACKAGE_PATH",
                tr("PAM_HOME 没有 {release}，也没有说安装包在哪里。", release=_release(state["params"])),
            )
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
    proposal = propose(services, run_id, earlier=state.get("plan") or {}, notes=state.get("notes", []))
    plan = proposal.plan
    unclear = tr(_UNCLEAR) if state["phase"] == "amending" and not proposal.changed else ""
    actor = acting(services)
    by = services.state_of(run_id).requested_by or actor.person  # 输入没有改过的，重提也还是原来的人提出的
    proposed = {"digest": plan["digest"], **proposal.basis, "requested_by": by}
    proposed |= {"seen": proposal.seen.keys, "owners": proposal.seen.owners}
    proposed |= {"names": proposal.names} if proposal.names else {}
    services.drive(run_id, record("PLAN_PROPOSED", **proposed, text=proposal.record))
    services.ledger.stopped(run_id, None)
    by, problem = services.preapproved.pop(run_id, ""), unclear
    if by and (why := why_not_in_advance(services, run_id, actor)):
        by, problem = "", tr("--yes 没有作数：{why}", why=why)
    plan |= {"preapproved_by": by} if by else {}
    said = [AIMessage(problem or spoken(ask_plan(plan, "")))]
    return {"phase": "planned", "plan": plan, "problem": problem, "messages": said}


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


def _stopped(error: PamError, *, unchanged: bool = True) -> dict[str, Any]:
    """停在这里，说明为什么。"""
    said = AIMessage(tr("{error}。还没有改变任何东西。", error=error) if unchanged else str(error))
    return {"phase": "stopped", "problem": str(error), "exit_code": int(error.exit_code), "messages": [said]}
