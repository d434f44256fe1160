"""节点 ``intent``：听懂要做什么；给了现成参数的就是部署，还有问题等着的时候先看是不是在说它。"""

import contextlib
from typing import Any, Final, cast

from pam_deploy_graph.constants import REQUIRED_PARAMS, Ask
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.answers import read_decisions, speaks_of_it
from pam_deploy_graph.graph.job_limit import is_next_job
from pam_deploy_graph.graph.previewing import goes_on
from pam_deploy_graph.graph.questions import sure_text
from pam_deploy_graph.graph.standing import standing_now, told
from pam_deploy_graph.graph.state import (
    PREVIEWED,
    UNREAD,
    GraphState,
    Question,
    open_question,
    unheard,
    words_of,
)
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.llm import GUESSED, asks_again_for_failed, validate_intent_result
from pam_deploy_graph.runs.open_questions import goes_on_bare, is_refused, is_sure
from pam_deploy_graph.runs.registration import has_begun
from pam_deploy_graph.runs.replies import MAYBE_ASKED, kinds_asked
from pam_deploy_graph.runs.rerun import failed_again
from pam_deploy_graph.runs.services import Services

_CLOSED: Final = "finished"
_ASKS: Final = {"ask-params": Ask.PARAMS, "approve-plan": Ask.PLAN, "rollback-confirm": Ask.ROLLBACK}
_ASIDE: Final = frozenset({"status", "preview", "cancel", "pause"})
"""不管问着什么都可以说的。"""
_COSTS: Final = msgid("接着做中断的这次运行：没有开工的会继续开工。")


def intent_node(services: Services, state: GraphState) -> dict[str, Any]:
    """先问账本走到哪里，再判断意图；人要停着的运行继续，就记下是谁；没看懂的回答回到问题上。"""
    if state.get("intent") == UNREAD and not unheard(state):
        return {"intent": "deploy"}
    here, update = _now(services, state)
    run_id = here.get("run_id", "")
    if here.get("phase") == "rolling" and update["intent"] not in _ASIDE and services.wait_out(run_id):
        here, update = _now(services, state)
    if update["intent"] != "resume" or here.get("phase") != "stopped":
        return update
    if services.ledger.exists(run_id):
        if is_next_job() and services.state_of(run_id).paused_by:  # 停着的，只有人能让它继续
            return update | {"intent": "unknown", "problem": told(services, run_id)}
        services.go_on(run_id, acting(services))
    heard = {"heard": len(words_of(state))}
    approved = (here.get("plan") or {}).get("digest") in here.get("decided", {})
    return update | {"phase": "approved"} | heard if approved else update | {"phase": "params"}


def _now(services: Services, state: GraphState) -> tuple[GraphState, dict[str, Any]]:
    """照账本对过的状态，与听懂的。"""
    found = standing_now(services, state)
    here = cast("GraphState", {**state, **found})
    return here, found | _understood(services, here)


def _understood(services: Services, state: GraphState) -> dict[str, Any]:
    """状态已照账本对过：听懂这一次说的，或给的；要部署而上一件事已了结时，从一张白纸开始。"""
    said, pending = words_of(state), open_question(state)
    update: dict[str, Any] = {"answered": False}
    if is_next_job() and not unheard(state):
        return update | {"intent": "resume"}
    if state.get("phase") == "rolling" and not unheard(state):
        return update | {"intent": "unknown", "problem": told(services, state["run_id"])}
    if not unheard(state):
        renewed = {"run_id": "", "plan": {}} if state.get("phase") == _CLOSED else {}
        busy = pending == "rollback-confirm"
        return update | ({"intent": "unknown"} if busy else {"intent": "deploy", **_deploying(), **renewed})
    if asked := state.get("confirm"):
        settled = _confirmed(asked, said[-1], pending)
        update |= settled
        if "intent" in settled:
            return update
    if not pending and asks_again_for_failed(said[-1]):
        return _again(services, state)
    return update | _heard(services, state, said[-1])


def _confirmed(asked: dict[str, str], text: str, pending: Question | None) -> dict[str, Any]:
    """要人再说一遍的那件事：确认了的去做，说不的作罢；说的是别的，当作没有要求过，接着听。"""
    if is_sure(text):
        given = {**asked, "given": "yes"} if asked["intent"] == "cancel" else {}
        return {"confirm": given, "intent": asked["intent"], "problem": ""}
    if not pending and is_refused(text):
        return {"confirm": {}, "intent": "unknown", "problem": tr("好，没有照做；什么也没有改变。")}
    return {"confirm": {}}


def _heard(services: Services, state: GraphState, text: str) -> dict[str, Any]:
    """听一句话：要做什么；有代价的先要人确认。"""
    pending = open_question(state)
    if goes_on(state, text):
        return {"intent": "deploy", "heard": len(words_of(state)), **_deploying()}
    intent = _intent_of(services, state, text)
    if intent == "resume" and state.get("phase") == "stopped" and not goes_on_bare(text):
        told = sure_text(tr(_COSTS))
        return {"intent": "unknown", "problem": told, "confirm": {"intent": "resume", "costs": tr(_COSTS)}}
    if intent not in _ASIDE and (standing := _standing(services, state, intent)):
        return {"intent": "unknown", "problem": standing}
    update: dict[str, Any] = {"intent": intent}
    if intent != "deploy":
        return update | ({} if pending else {"problem": ""})
    if pending in ("rollback-confirm", "approve-plan"):
        return update | {"phase": "amending", "problem": ""}
    return update | _deploying() | (_blank() if _is_another(services, state, text) else {})


def _is_another(services: Services, state: GraphState, text: str) -> bool:
    """与先前说的是不是两件事：上一件已经了结，或看过预演之后另点了机场、应用、模块的名。"""
    if state.get("phase") != PREVIEWED:
        return state.get("phase") == _CLOSED
    named = services.llm_client.extract_params(text, {}).extracted_params
    return any(name in named for name in REQUIRED_PARAMS[:-1])


def _standing(services: Services, state: GraphState, intent: str) -> str:
    """不能照做的时候说什么：别处正推着，或已中断而没有听懂要做什么；别的为空串。"""
    run_id, phase = state.get("run_id", ""), state.get("phase")
    lost = phase == "stopped" and intent == "unknown" and services.ledger.exists(run_id)
    return told(services, run_id) if phase == "rolling" or (lost and has_begun(services.state_of(run_id))) else ""


def _intent_of(services: Services, state: GraphState, text: str) -> str:
    """一句话的意图；还有问题等着的先看是不是在说它。"""
    pending = open_question(state)
    understood = validate_intent_result(services.llm_client.understand_request(text))
    intent = str(understood.intent)
    if intent in MAYBE_ASKED and kinds_asked(services, text):
        return "status"
    guessed = pending == "ask-params" and understood.confidence <= GUESSED  # 「版本 1.2.3」就猜成过回滚
    if guessed or (pending == "approve-plan" and intent == "rollback" and _names_version(services, state, text)):
        intent = "deploy"
    elif pending and speaks_of_it(_ASKS[pending], intent, text, amends=_changes(services, state, text)):
        intent = "deploy" if pending == "approve-plan" else "unknown"
    elif pending:
        intent = _about(pending, intent, text)
    elif intent == "unknown" and _mends(services, state, text):
        intent = "deploy"
    return intent


def _changes(services: Services, state: GraphState, text: str) -> bool:
    """话里有没有说到节奏、范围的改动。"""
    return bool(services.llm_client.extract_params(text, state.get("params", {})).control_params)


def _about(pending: Question, intent: str, text: str) -> str:
    """还问着问题时的一句话：当作答问题的话；但只有在问题上作的决定才算数，聊天框里的不算。"""
    if intent in _ASIDE:
        return intent
    if intent == "rollback":
        return intent if pending == "rollback-confirm" else "unknown"
    if pending != "ask-params":
        with contextlib.suppress(InvalidInputError):
            read_decisions(text, ["-"])
            return "unknown"
    return "deploy"


def _names_version(services: Services, state: GraphState, text: str) -> bool:
    """「版本改回 1.2.2」：计划还等着批准时说的是要装哪一版；回滚只退回上一版，不挑版本。"""
    return "VERSION_NUMBER" in services.llm_client.extract_params(text, state["params"]).extracted_params


def _mends(services: Services, state: GraphState, text: str) -> bool:
    """已中断、看过预演之后说的是不是要改的参数，如 ``PAM_HOME_URL=…``：单独一句听不出要做什么。"""
    if state.get("phase") not in ("stopped", PREVIEWED):
        return False
    found = services.llm_client.extract_params(text, state["params"])
    return bool(found.extracted_params or found.control_params)


def _deploying() -> dict[str, Any]:
    """去摘参数。"""
    return {"phase": "params", "problem": ""}


def _again(services: Services, state: GraphState) -> dict[str, Any]:
    """把没有成功的再做一遍：另开一次运行，照样先给计划；不行就说明为什么。"""
    ledger, mine, heard = services.ledger, state.get("run_id", ""), {"heard": len(words_of(state))}
    try:
        found = failed_again(ledger, mine if ledger.exists(mine) else "")
    except InvalidInputError as error:
        return {"intent": "unknown", "problem": str(error), "answered": False}
    control = found.control | {"execution_strategy": found.strategy}
    update = _blank() | _deploying() | {"params": found.params, "control": control, "answered": False}
    return update | heard | {"intent": "deploy", "run_id": "" if ledger.exists(mine) else mine}


def _blank() -> dict[str, Any]:
    """新的一件事开始时要清掉的键。"""
    return {"run_id": "", "params": {}, "control": {}, "plan": {}, "waiting": [], "counters": {}, "notes": []}
