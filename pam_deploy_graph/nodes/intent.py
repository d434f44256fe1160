"""节点 ``intent``：听懂要做什么；给了现成参数的就是部署。"""

from typing import Any, Final

from pam_deploy_graph.graph_state import GraphState, words_of
from pam_deploy_graph.llm import validate_intent_result
from pam_deploy_graph.services import Services

_CLOSED: Final = "finished"


def intent_node(services: Services, state: GraphState) -> dict[str, Any]:
    """判断意图；要部署而上一件事已了结时，从一张白纸开始。"""
    said = words_of(state)
    if len(said) <= state.get("heard", 0):
        renewed = {"run_id": "", "plan": {}} if state.get("phase") == _CLOSED else {}
        return {"intent": "deploy", "phase": "params", "problem": "", "answered": False, **renewed}
    result = validate_intent_result(services.llm_client.understand_request(said[-1]))
    update: dict[str, Any] = {"intent": result.intent, "problem": "", "answered": False}
    if result.intent == "deploy":
        update |= {"phase": "params"} | (_blank() if state.get("phase") == _CLOSED else {})
    return update


def _blank() -> dict[str, Any]:
    """新的一件事开始时要清掉的键。"""
    return {"run_id": "", "params": {}, "control": {}, "plan": {}, "waiting": [], "counters": {}, "notes": []}
