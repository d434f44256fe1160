"""节点 ``approve-plan``：改变任何东西之前，请人批准计划。"""

from typing import Any, Final

from langchain_core.messages import AIMessage, HumanMessage

from pam_deploy_graph.constants import AMENDED, DECISIONS, PLAN_DECISIONS, Decision, ExitCode, offered
from pam_deploy_graph.errors import AlreadyDecidedError, ConfirmationError, InvalidInputError
from pam_deploy_graph.flows.context import record
from pam_deploy_graph.flows.workstation import leave_in_doubt
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.answers import Answer, read_decisions, spoken_text
from pam_deploy_graph.graph.ask_person import ask_person
from pam_deploy_graph.graph.questions import ask_plan, asking
from pam_deploy_graph.graph.state import UNREAD, GraphState, named
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.runs.deciding import Answered, settle
from pam_deploy_graph.runs.registration import has_begun
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.site_rules import why_outdated, why_void

_WANTS_ANOTHER: Final = msgid("已记下你的批准；策略要求两个人批准，还要另一个人")


def approve_plan_node(services: Services, state: GraphState) -> dict[str, Any]:
    """事先批准过的直接通过；否则问，把决定记进账本（比较并设置）；答的是一句话就是要改。"""
    plan = state["plan"]
    if (by := plan.get("preapproved_by")) and not plan.get("stage"):
        return _record(services, plan, Answer(Decision.APPROVE, tr("事先批准"), by))
    confirm = state.get("confirm") or {}
    value = ask_person(ask_plan(plan, state["problem"]) | asking(confirm))
    if confirm and (text := spoken_text(value)):  # 「确认」确认的是那件事，不是这份计划
        return {"problem": "", "messages": [HumanMessage(text)]}
    try:
        answer = read_decisions(value, [PLAN])[PLAN]
    except InvalidInputError as error:
        if text := spoken_text(value):
            return {"problem": "", "messages": [HumanMessage(text)]}
        return _unread(str(error))
    return _record(services, plan, answer)


def _unread(why: str) -> dict[str, Any]:
    """没有作出决定：说明为什么，再问。"""
    return {"problem": why, "intent": UNREAD}


def _asked_anew(services: Services, plan: dict[str, Any], why: str) -> dict[str, Any]:
    """计划照的策略与账户文件换了：没有动过手的重提计划，动过手的就地问要不要照现在的。"""
    begun = has_begun(services.state_of(plan["run_id"]))
    return {"problem": "", "phase": "rolling" if begun else "replan", "messages": [AIMessage(why)]}


def _record(services: Services, plan: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """记下决定；已有人先决定的，以先决定的为准。"""
    if not DECISIONS[answer.decision].on_plan:
        return _unread(tr("计划只能答 {offered}", offered=offered(PLAN_DECISIONS)))
    given = Answered(PLAN, plan["digest"], answer.decision, answer.operator, answer.note, answer.signature)
    (outcome,) = settle(services, plan["run_id"], [given], acting(services))
    decided = services.ledger.decision(plan["run_id"], PLAN, plan["digest"])
    if decided is None and why_outdated(services.site(), services.state_of(plan["run_id"])):
        return _asked_anew(services, plan, str(outcome))
    if decided is None:
        return _unread(str(outcome) if isinstance(outcome, ConfirmationError) else tr(_WANTS_ANOTHER))
    said = [AIMessage(str(outcome))] if isinstance(outcome, AlreadyDecidedError) else []
    approved = decided.decision == Decision.APPROVE
    run = services.state_of(plan["run_id"])
    if plan.get("stage") == AMENDED and approved and (why := why_void(services.site(), run, decided)):
        approved, said = False, [AIMessage(tr("改动的批准不作数：{why}；改动没有生效", why=why))]
    update = {"messages": said, "problem": "", "answered": False, "decided": named([decided])}
    if plan.get("stage") == AMENDED:
        services.drive(plan["run_id"], record("AMENDMENT_SETTLED", approved=approved, **decided.taken_in()))
        return update | {"phase": "rolling", "plan": plan | {"stage": ""}}
    if approved:
        return update | {"phase": "approved"}
    services.drive(plan["run_id"], leave_in_doubt)
    return update | {"phase": "rejected", "problem": tr("计划被拒绝"), "exit_code": int(ExitCode.STOPPED)}
