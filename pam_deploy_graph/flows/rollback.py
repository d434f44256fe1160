"""回滚：问题、决定与执行；任何回滚之前都有人的决定（contract 第 5、6 节）。"""

from typing import Any

from pam_deploy_graph.constants import DECISION_EVENTS, REVIEW_DECISIONS, Ask, Decision
from pam_deploy_graph.flows.context import RunContext, waiting_ips
from pam_deploy_graph.flows.exactly_once import perform, result_event
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.flows.read_back import read_back
from pam_deploy_graph.ledger import Approval, digest_of
from pam_deploy_graph.models import AgentState, Event, IpState


def question_of(state: AgentState, ip: str) -> dict[str, Any]:
    """返回一台工作站要人决定的事，键与 ``build_confirmation_request`` 相同。"""
    workstation = state.ip_states.get(ip) or IpState()
    return {
        "type": str(Ask.ROLLBACK),
        "ip": ip,
        "failed_stage": workstation["failed_stage"],
        "failure_reason": workstation["failure_reason"],
        "rollback_stop_first": workstation["rollback_stop_first"],
        "allowed_decisions": list(REVIEW_DECISIONS),
    }


def question_digest(state: AgentState, ip: str) -> str:
    """返回问题的摘要；工作站又失败一次就是新的问题。"""
    workstation = state.ip_states[ip]
    more = {name: workstation[name] for name in ("asked", "status")}
    more |= {"run_id": state.run_id, "generation": state.generation}
    return digest_of(question_of(state, ip) | more)


async def carry_out(ctx: RunContext, ip: str, approval: Approval) -> bool:
    """执行一个决定：同意则回滚，否则记下。

    Args:
        ctx: 流程上下文。
        ip: 工作站地址。
        approval: 已记进账本的决定。

    Returns:
        回滚失败为假；其余为真。

    """
    decision = Decision(approval.decision)
    who = {"ip": ip, "operator": approval.operator, "note": approval.note}
    outbox = Outbox(ctx.session)
    if decision is Decision.REJECT and ctx.rules.self_healing:
        await read_back(ctx, outbox, ip)
    outbox.tell({"type": DECISION_EVENTS[decision], **who, **_told(decision, approval.note)})
    done = await _roll_back(ctx, outbox, ip) if decision is Decision.APPROVE else True
    await outbox.commit()
    return done


def _told(decision: Decision, note: str) -> Event:
    """不回滚的事件另有的键：哪一步、为什么。"""
    if decision is not Decision.REJECT:
        return {}
    return {"stage": str(Ask.ROLLBACK), "message": note or "rollback rejected by operator"}


async def _roll_back(ctx: RunContext, outbox: Outbox, ip: str) -> bool:
    """回滚一台并记下结果：读回真相判过的叫 ``ROLLBACK_*``，只凭应答的（自己掌舵）就是那个动作的结果。"""
    stop_first = ctx.state.ip_states[ip]["rollback_stop_first"]
    result = await perform(ctx, outbox, str(Ask.ROLLBACK), ip, stop_first=stop_first)
    event = result_event(result, ip)
    if result.ok:
        told = {key: result.values[key] for key in ("VERSION", "RUNNING") if key in result.values}
        outbox.tell(event | ({"type": "ROLLBACK_DONE"} if ctx.rules.self_healing else {}) | {"values": told})
    else:
        outbox.tell(event | ({"type": "ROLLBACK_FAILED"} if ctx.rules.self_healing else {}))
    return result.ok


def waiting_questions(state: AgentState) -> list[dict[str, Any]]:
    """返回正等人决定的所有问题，各带摘要与状态。"""
    shown = ("status", "rollback_status", "rollback_failure", "log_file")
    return [
        question_of(state, ip)
        | {"digest": question_digest(state, ip)}
        | {name: state.ip_states[ip].get(name, "") for name in shown}
        for ip in waiting_ips(state)
    ]
