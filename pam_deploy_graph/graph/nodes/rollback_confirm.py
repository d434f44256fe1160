"""节点 ``rollback-confirm``：每次回滚之前问人；答的是一句话就看是不是要改。"""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from pam_deploy_graph.constants import allowed_on_workstation
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
    over = services.ledger.get_run(run_id).exit_code is not None
    value = ask_person(ask_rollback(run_id, waiting, state["problem"], over=over))
    try:
        answers = read_decisions(value, [question["ip"] for question in waiting])
    except InvalidInputError as error:
        if text := spoken_text(value):
            return {"problem": "", "messages": [HumanMessage(text)]}
        return {"problem": str(error)}
    allowed = allowed_on_workstation(over=over)
    if refused := [answer.decision for answer in answers.values() if answer.decision not in allowed]:
        options = " 或 ".join(allowed)
        return {"problem": f"运行 {run_id} 已经结束，不能再 {refused[0]}；请回答 {options}，要重做就另开一次运行"}
    settled = [_record(services, run_id, q, answers[q["ip"]]) for q in waiting if q["ip"] in answers]
    said = [AIMessage(text) for _, text in settled if text]
    decided = named([approval for approval, _ in settled])
    settled_now = {"waiting": [], "problem": "", "phase": "rolling", "answered": False}
    return settled_now | {"decided": decided, "messages": said}


def _record(services: Services, run_id: str, question: dict[str, Any], answer: Answer) -> tuple[Approval, str]:
    """记下一台的决定；已有人先决定的以先决定的为准，连同要告诉这一位的话返回。"""
    operator = answer.operator or current_operator()
    approval = Approval(question["ip"], question["digest"], str(answer.decision), operator, answer.note, 0)
    try:
        return services.ledger.decide(run_id, approval), ""
    except AlreadyDecidedError as error:
        return services.ledger.decision(run_id, question["ip"], question["digest"]) or approval, str(error)
