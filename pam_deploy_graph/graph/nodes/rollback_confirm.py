"""节点 ``rollback-confirm``：每次回滚之前问人；答的是一句话就看是不是要改。"""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import ConfirmationError, InvalidInputError
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.answers import Answer, names_of, read_decisions, spoken_text, stages_of
from pam_deploy_graph.graph.ask_person import ask_person
from pam_deploy_graph.graph.questions import ask_rollback, asking
from pam_deploy_graph.graph.state import GraphState, named
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.runs.deciding import Answered, settle
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.site_rules import why_outdated


def rollback_confirm_node(services: Services, state: GraphState) -> dict[str, Any]:
    """问等着的每一台，把决定记进账本；执行在 ``ip-flow``，没答到的随后再问。"""
    run_id, waiting = state["run_id"], state["waiting"]
    confirm = state.get("confirm") or {}
    question = ask_rollback(run_id, waiting, state["problem"], first_line=state.get("out_of_service", ""))
    value = ask_person(question | asking(confirm))
    if confirm and (text := spoken_text(value)):  # 「确认」确认的是那件事，不是这些工作站
        return {"problem": "", "messages": [HumanMessage(text)]}
    try:
        answers = read_decisions(value, [one["ip"] for one in waiting], stages_of(waiting), names_of(waiting))
    except InvalidInputError as error:
        if text := spoken_text(value):
            return {"problem": "", "messages": [HumanMessage(text)]}
        return {"problem": str(error)}
    if refused := list(filter(None, (_refusal(q, answers[q["ip"]]) for q in waiting if q["ip"] in answers))):
        return {"problem": "\n".join(refused)}
    answered = [_answered(q, answers[q["ip"]]) for q in waiting if q["ip"] in answers]
    outcomes = settle(services, run_id, answered, acting(services))
    said = [AIMessage(str(outcome)) for outcome in outcomes if isinstance(outcome, ConfirmationError)]
    settled = [services.ledger.decision(run_id, each.subject, each.digest) for each in answered]
    decided = named([approval for approval in settled if approval])
    # 策略换了的，接着推的那一步先问要不要照现在的
    if not decided and not why_outdated(services.site(), services.state_of(run_id)):
        return {"problem": "\n".join(str(message.content) for message in said), "messages": said}
    settled_now = {"waiting": [], "problem": "", "phase": "rolling", "answered": False}
    return settled_now | ({"decided": decided} if decided else {}) | {"messages": said}


def _refusal(question: dict[str, Any], answer: Answer) -> str:
    """这个问题不能这样答的原因；能的为空串。"""
    allowed = question["allowed_decisions"]
    if answer.decision in allowed:
        return ""
    why = question["no_approve"] if answer.decision is Decision.APPROVE else tr("它没有可接着做的")
    return tr(
        "{ip} 不能 {decision}：{why}；请回答 {allowed}",
        ip=question["ip"],
        decision=answer.decision,
        why=why,
        allowed=tr(" 或 ").join(allowed),
    )


def _answered(question: dict[str, Any], answer: Answer) -> Answered:
    """对一台的回答：摘要是给人看的那一份的。"""
    given = (answer.decision, answer.operator, answer.note, answer.signature)
    return Answered(question["ip"], question["digest"], *given)
