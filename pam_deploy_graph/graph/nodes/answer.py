"""节点 ``answer``：只说话、不动手的意图：预演、状态、取消、听不懂。"""

from collections.abc import Callable
from typing import Any, Final

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import PLAN_DECISIONS, WORDS, offered
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.previewing import preview
from pam_deploy_graph.graph.questions import sure_text
from pam_deploy_graph.graph.standing import told
from pam_deploy_graph.graph.state import GraphState, Question, open_question, words_of
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.report.summary import render_report
from pam_deploy_graph.runs.abilities import cannot
from pam_deploy_graph.runs.open_questions import cancel_costs
from pam_deploy_graph.runs.replies import kinds_asked, reply
from pam_deploy_graph.runs.services import Services


def _open(asked: Question) -> str:
    """一个问题还等着，另说的一句不算。"""
    return {
        "ask-params": tr("还等着补充参数：请直接补充；要另做别的事，先说「取消」。"),
        "approve-plan": tr(
            "计划还等着批准，另说一句不算：请在问题上回答 {offered}；要改就说改什么，或说「取消」。",
            offered=offered(PLAN_DECISIONS),
        ),
        "rollback-confirm": tr(
            "还有工作站等着决定，另说一句不算：请在问题上回答 {offered}；要改就说改什么。", offered=offered(WORDS)
        ),
    }[asked]


def answer_node(services: Services, state: GraphState) -> dict[str, Any]:
    """按意图回答；要求说的写错了就说明错在哪里；还有问题等着的，回答完回去再问。"""
    answerer = _REPLIES.get(state["intent"], _unknown)
    update: dict[str, Any] = {"answered": True, "heard": len(words_of(state))}
    if costs := costs_of(services, state):
        text = sure_text(costs)
        update |= {"confirm": {"intent": state["intent"], "costs": costs}, "problem": text}
        return update | {"answer": text, "messages": [AIMessage(text)]}
    if (state.get("confirm") or {}).get("given"):
        update["confirm"] = {}
    try:
        if state["intent"] == "preview":
            update |= preview(services, state)
            return update | {"messages": [AIMessage(update["answer"])]}
        text = answerer(services, state)
    except InvalidInputError as error:
        text = str(error)
    if state["intent"] == "cancel" and (open_question(state) or _at_rest(services, state)):
        update |= _settled(services, state)
    if open_question(state):
        update |= {"problem": text} if answerer is _unknown else {}
    return update | {"answer": text, "messages": [AIMessage(text)]}


def costs_of(services: Services, state: GraphState) -> str:
    """取消一次还有工作站没有做的运行要付什么代价；不必再确认、或已经确认过的为空串（contract 第 4 节）。"""
    run_id = state.get("run_id", "")
    if state["intent"] != "cancel" or (state.get("confirm") or {}).get("given") or not services.ledger.exists(run_id):
        return ""
    over = services.ledger.get_run(run_id).exit_code is not None
    return "" if over else cancel_costs(services.state_of(run_id))


def _at_rest(services: Services, state: GraphState) -> bool:
    """已中断，也没有别的进程在做它。"""
    run_id = state.get("run_id", "")
    return state.get("phase") == "stopped" and services.ledger.exists(run_id) and not services.ledger.holder(run_id)


def _settled(services: Services, state: GraphState) -> dict[str, Any]:
    """问题等着、或中断的时候取消：计划当作拒绝，别的去收尾，还在问参数的取消本次部署。"""
    if not services.ledger.exists(state["run_id"]):
        return {"phase": "finished"}
    if services.cancelled(state["run_id"]):
        untouched = state["phase"] == "planned" and not state["plan"].get("stage")
        return {"phase": "rejected" if untouched else "closing", "problem": tr("会话里取消了这次运行")}
    return {}


def _status(services: Services, state: GraphState) -> str:
    """答问话；只问进度的，说出这个会话里的运行、或最近一次运行走到哪里。"""
    said = words_of(state)[-1]
    if kinds_asked(services, said):
        return reply(services, said, state.get("run_id", ""))
    run_id = state.get("run_id", "")
    if not run_id or not services.ledger.exists(run_id):
        run_id = next((run.run_id for run in services.ledger.list_runs(1)), "")
    if not run_id:
        return tr("还没有任何运行。")
    if state.get("phase") in ("stopped", "rolling") and services.ledger.get_run(run_id).exit_code is None:
        return told(services, run_id)
    return render_report(services.state_of(run_id), brief=True)


def _cancel(services: Services, state: GraphState) -> str:
    """记下取消；没有可取消的就直说。"""
    run_id = state.get("run_id", "")
    if open_question(state) == "ask-params" and not services.ledger.exists(run_id):
        return tr("好，不做了；什么也没有改变。")
    if not run_id or not services.ledger.exists(run_id) or services.ledger.get_run(run_id).exit_code is not None:
        return tr("这个会话里没有正在进行的运行；用 cancel 加运行名取消别处的运行。")
    actor = acting(services)
    services.ledger.cancel(run_id, actor.name, channel=actor.channel, account=actor.account)
    services.anchor(run_id)
    return tr("已要求取消运行 {run_id}：不再开新的工作站，进行中的做完为止。", run_id=run_id)


def _pause(services: Services, state: GraphState) -> str:
    """停在这里：只有人说继续才往下做。"""
    run_id = state.get("run_id", "")
    if open_question(state):
        return tr("好，停在这里：不回答这个问题就不会往下做，什么时候答都行。")
    if run_id and services.ledger.exists(run_id) and services.ledger.get_run(run_id).exit_code is None:
        if services.ledger.holder(run_id):
            services.signs.pausing[run_id] = acting(services)
        else:
            services.pause(run_id, acting(services))
        return tr("已要求运行 {run_id} 暂停：不再开新的，进行中的做完；说「继续」接着做。", run_id=run_id)
    return tr("这个会话里没有正在进行的运行。")


def _resume(_services: Services, _state: GraphState) -> str:
    """说明怎样继续。"""
    return tr("这个会话里没有停着的运行；用 runs 查看，再用 resume 加运行名继续。")


def _unknown(_services: Services, state: GraphState) -> str:
    """听不懂时说明能做什么；还有问题等着的，说明该在哪里答。"""
    asked = open_question(state)
    return _open(asked) if asked else state.get("problem") or cannot(words_of(state)[-1])


_REPLIES: Final[dict[str, Callable[[Services, GraphState], str]]] = {
    "status": _status,
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
}
