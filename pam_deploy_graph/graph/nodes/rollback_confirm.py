"""节点 ``rollback-confirm``：每次回滚之前问人；答的是一句话就看是不是要改。"""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import AlreadyDecidedError, InvalidInputError
from pam_deploy_graph.graph.answers import Answer, read_decisions, spoken_text
from pam_deploy_graph.graph.pause import ask_person
from pam_deploy_graph.graph.questions import ask_rollback
from pam_deploy_graph.graph.state import GraphState, named
from pam_deploy_graph.ledger import Approval
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.account import current_operator


def rollback_confirm_node(services: Services, state: GraphState) -> dict[str, Any]:
    """问等着的每一台，把决定记进账本；执行在 ``ip-flow``，没答到的随后再问。"""
    run_id, waiting = state["run_id"], state["waiting"]
    value = ask_person(ask_rollback(run_id, waiting, state["problem"], first_line=state.get("out_of_service", "")))
    try:
        answers = read_decisions(value, [question["ip"] for question in waiting])
    except InvalidInputError as error:
        if text := spoken_text(value):
            return {"problem": "", "messages": [HumanMessage(text)]}
        return {"problem": str(error)}
    if refused := list(filter(None, (_refusal(q, answers[q["ip"]]) for q in waiting if q["ip"] in answers))):
        return {"problem": "\n".join(refused)}
    settled = [_record(services, run_id, q, answers[q["ip"]]) for q in waiting if q["ip"] in answers]
    said = [AIMessage(text) for _, text in settled if text]
    decided = named([approval for approval, _ in settled])
    settled_now = {"waiting": [], "problem": "", "phase": "rolling", "answered": False}
    return settled_now | {"decided": decided, "messages": said}


def _refusal(question: dict[str, Any], answer: Answer) -> str:
    """这个问题不能这样答的原因；能的为空串。"""
    allowed = question["allowed_decisions"]
    if answer.decision in allowed:
        return ""
    why = question["no_approve"] if answer.decision is Decision.APPROVE else "它没有可接着做的"
    return f"{question['ip']} 不能 {answer.decision}：{why}；请回答 {' 或 '.join(allowed)}"


def _record(services: Services, run_id: str, question: dict[str, Any], answer: Answer) -> tuple[Approval, str]:
    """记下一台的决定；已有人先决定的以先决定的为准，连同要告诉这一位的话返回。"""
    operator = answer.operator or current_operator()
    approval = Approval(
        question["ip"], question["digest"], str(answer.decision), operator, answer.note, 0, channel=services.channel
    )
    try:
        return services.ledger.decide(run_id, approval), ""
    except AlreadyDecidedError as error:
        return services.ledger.decision(run_id, question["ip"], question["digest"]) or approval, str(error)
