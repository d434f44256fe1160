"""节点 ``ask-params``：缺参数或有不合规则的值时问人。"""

from typing import Any

from langchain_core.messages import HumanMessage

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.answers import read_params
from pam_deploy_graph.graph.ask_person import ask_person
from pam_deploy_graph.graph.once_more import ask_again
from pam_deploy_graph.graph.questions import ask_params
from pam_deploy_graph.graph.state import UNREAD, GraphState, asks_again
from pam_deploy_graph.runs.services import Services


def ask_params_node(_services: Services, state: GraphState) -> dict[str, Any]:
    """问还缺的参数；答键值就并入，答一句话就当作新的原话；要人再说一遍的也在这里问。"""
    if asks_again(state):
        return ask_again(state)
    value = ask_person(ask_params(state["missing"], state["params"], state["notes"], state["problem"]))
    try:
        answer = read_params(value)
    except InvalidInputError as error:
        return {"problem": str(error), "intent": UNREAD}
    if isinstance(answer, str):
        return {"messages": [HumanMessage(answer)]}
    params = {name: item for name, item in answer.items() if name.isupper()}
    control = {name: item for name, item in answer.items() if name not in params}
    return {"problem": "", "params": state["params"] | params, "control": state["control"] | control}
