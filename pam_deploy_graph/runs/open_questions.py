"""一次运行正等着什么，以及把回答记进账本。"""

from collections.abc import Sequence
from typing import Any

from pam_deploy_graph.constants import DECISIONS, PLAN_DECISIONS, Ask, Decision, ExitCode
from pam_deploy_graph.errors import AlreadyDecidedError, ConfirmationError
from pam_deploy_graph.flows.rollback_question import waiting_questions
from pam_deploy_graph.flows.wave import unfinished_ips
from pam_deploy_graph.inputs.addresses import same_ip
from pam_deploy_graph.ledger import PLAN, Approval, Ledger
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.past_failures import with_cautions
from pam_deploy_graph.runs.registration import has_begun
from pam_deploy_graph.runs.services import Services


def open_questions(ledger: Ledger, state: AgentState) -> list[dict[str, Any]]:
    """返回还没有人回答的问题。"""
    return [q for q in asked_questions(ledger, state) if _decision(ledger, state.run_id, q) is None]


def asked_questions(ledger: Ledger, state: AgentState) -> list[dict[str, Any]]:
    """返回问着的问题（含已有决定而还没有执行的）：计划，或各台工作站；各有 ``subject`` 与 ``digest``。"""
    untouched = not has_begun(state)
    if state.plan_digest and (untouched or state.plan_stage):
        plan = {"subject": PLAN, "digest": state.plan_digest, "type": str(Ask.PLAN), "text": state.plan_text}
        if untouched or _decision(ledger, state.run_id, plan) is None:
            return [plan]
    return with_cautions(ledger, state, _workstation_questions(state))


def owed_ips(ledger: Ledger, state: AgentState) -> list[str]:
    """返回取消之后还欠着的工作站：停在半路的，以及有了决定而还没有执行的。"""
    decided = [q["ip"] for q in _workstation_questions(state) if _decision(ledger, state.run_id, q)]
    return unfinished_ips(state) + decided


def _workstation_questions(state: AgentState) -> list[dict[str, Any]]:
    """返回各台工作站的问题，``subject`` 是它的地址。"""
    return [question | {"subject": question["ip"]} for question in waiting_questions(state)]


def _decision(ledger: Ledger, run_id: str, question: dict[str, Any]) -> Approval | None:
    """一个问题的决定。"""
    return ledger.decision(run_id, question["subject"], question["digest"])


def cancel_run(services: Services, run_id: str, operator: str) -> dict[str, Any]:
    """记下取消；没有进程正做着、也不欠什么的，就此结束。

    Returns:
        ``holder`` 是正做着它的进程，``exit_code`` 是就此结束的退出码，没有都为 ``None``；``owed`` 是还要做完的工作站。

    Raises:
        ConfirmationError: 运行已经结束。

    """
    ledger = services.ledger
    record = ledger.get_run(run_id)
    if record.exit_code is not None:
        raise ConfirmationError(f"运行 {run_id} 已经结束（退出码 {record.exit_code}），没有可取消的")
    ledger.cancel(run_id, operator, channel=services.channel)
    owed, holder = owed_ips(ledger, services.state_of(run_id)), ledger.holder(run_id)
    over = not owed and not holder
    if over:
        services.finish(run_id, ExitCode.STOPPED, f"{operator} 取消了这次运行")
    said = {"run_id": run_id, "cancelled_by": operator, "holder": holder, "owed": owed}
    return said | {"exit_code": int(ExitCode.STOPPED) if over else None}


def record_decisions(
    ledger: Ledger, run_id: str, decision: Decision, ips: Sequence[str], note: str, operator: str
) -> list[str]:
    """对等着的（或其中指定的几台）记下同一个决定。

    Returns:
        记下了决定的对象。

    Raises:
        ConfirmationError: 没有在等的、指定的不在等，或这个问题不能这样答。
        AlreadyDecidedError: 别人已先决定。

    """
    if ledger.get_run(run_id).exit_code is not None:
        raise ConfirmationError(f"运行 {run_id} 已经结束，当前没有待确认事项")
    questions = asked_questions(ledger, ledger.load_state(run_id, keep_events=False))
    if not questions:
        raise ConfirmationError(f"运行 {run_id} 当前没有待确认事项")
    waiting = {question["subject"]: question["digest"] for question in questions}
    ips = [same_ip(ip) for ip in ips]
    if strangers := [ip for ip in ips if ip not in waiting]:
        raise ConfirmationError(f"{'、'.join(strangers)} 不在等决定；正等着的是 {'、'.join(waiting)}")
    if PLAN in waiting and not DECISIONS[decision].on_plan:
        raise ConfirmationError(f"计划只能批准或否决，不能 --{decision}")
    undecided = [q["subject"] for q in questions if _decision(ledger, run_id, q) is None]
    chosen = list(ips) or undecided or list(waiting)
    for subject in chosen:
        _refuse_unoffered(next(q for q in questions if q["subject"] == subject), decision)
    asked = [Approval(one, waiting[one], str(decision), operator, note, 0, channel="cli") for one in chosen]
    refused = [one for one in ledger.decide_all(run_id, asked) if isinstance(one, AlreadyDecidedError)]
    if refused:
        raise refused[0]
    return chosen


def _refuse_unoffered(question: dict[str, Any], decision: Decision) -> None:
    """问题没有给出的回答不收。"""
    allowed = question.get("allowed_decisions", list(PLAN_DECISIONS))
    if decision not in allowed:
        why = question["no_approve"] if decision is Decision.APPROVE else "它没有可接着做的"
        raise ConfirmationError(f"{question['subject']} 不能 --{decision}：{why}；可以用 --{' 或 --'.join(allowed)}")
