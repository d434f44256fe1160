"""再说一遍（在 ``ask-params`` 里问）：没有别的问题等着时说了有代价的事，先要人再说一遍（contract 第 4 节）。"""

from typing import Any

from langchain_core.messages import HumanMessage

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.answers import read_decisions, spoken_text
from pam_deploy_graph.graph.ask_person import ask_person
from pam_deploy_graph.graph.questions import ask_confirm
from pam_deploy_graph.graph.state import GraphState
from pam_deploy_graph.ledger import PLAN

_SAID = {Decision.APPROVE: "确认", Decision.REJECT: "不"}


def ask_again(state: GraphState) -> dict[str, Any]:
    """问；答应、不答应之外的一句话，当作另说的一句去听，看不懂的再问。"""
    value = ask_person(ask_confirm(state["run_id"], state["confirm"]))
    try:
        said = _SAID[read_decisions(value, [PLAN])[PLAN].decision]
    except (InvalidInputError, KeyError):
        said = spoken_text(value)
    return {"problem": "", "messages": [HumanMessage(said)] if said else []}
