"""折叠：把账本事件逐个应用到 ``AgentState``（纯函数，不做 I/O）。

报告、状态、进度和恢复读的都是这个折叠。事件类型就是 ``_HANDLERS`` 的键。
"""

import copy
from collections.abc import Callable
from typing import Any, Final

from pam_deploy_graph.constants import Ask, Decision, IpStatus, RollbackStatus
from pam_deploy_graph.inputs.targeting import settle_scope
from pam_deploy_graph.ledger.fold_plan import PLAN_HANDLERS
from pam_deploy_graph.models import AgentState, Event, IpState
from pam_deploy_graph.protocol.keys import slot_of

_RESULT_FIELDS: Final = {"HASH_CODE": "hash_code", "NODE_URL": "node_url", "MCP_URL": "mcp_url", "IP": "online_ips"}
_INTERNAL: Final = frozenset({"INTENT", "LOG_SAVED"})
"""只给恢复用、不进入 ``state.events`` 的事件。"""


def pending_rollback(ip: str) -> str:
    """返回等人决定一台的回滚时的 ``pending_confirmation``（contract 第 6 节）。"""
    return f"{Ask.ROLLBACK}:{ip}"


def apply(state: AgentState, event: Event) -> None:
    """把一个事件应用到状态；不认识的类型只进入事件列表。"""
    if handler := _HANDLERS.get(event["type"]):
        handler(state, event)
    if state.keep_events and event["type"] not in _INTERNAL:
        state.events.append(event)


def _ip(state: AgentState, event: Event) -> IpState:
    """取事件所说的工作站的状态，没有就新建。"""
    ip = event["ip"]
    found = state.ip_states.get(ip)
    if found is None:
        found = state.ip_states[ip] = IpState()
    return found


def _intent(state: AgentState, event: Event) -> None:
    """将要动手：记下未了的尝试。"""
    state.open_intents[slot_of(event.get("ip"), event["stage"])] = event["attempt"]


def _action_done(state: AgentState, event: Event) -> None:
    """动作成功：步骤完成，取走应答里的事实。"""
    action, ip, values = event["stage"], event.get("ip"), event.get("values", {})
    state.open_intents.pop(slot_of(ip, action), None)
    state.last_success_step = action
    if ip is None:
        if action not in state.completed_global_steps:
            state.completed_global_steps.append(action)
        if state.last_failed_step == action:
            state.last_failed_step = ""
        for key, name in _RESULT_FIELDS.items():
            if key in values:
                setattr(state, name, values[key])
        if "IP" in values:
            settle_scope(state)
        return
    workstation = _ip(state, event)
    workstation["completed_steps"].append(action)
    workstation["log_file"] = values.get("LOG_FILE", workstation["log_file"])
    workstation["version_after"] = values.get("VERSION", workstation["version_after"])


def _action_fail(state: AgentState, event: Event) -> None:
    """动作失败：明确的失败使下一次尝试加一；结果未知的保留未了的尝试。"""
    slot = slot_of(event.get("ip"), event["stage"])
    state.last_failed_step = event["stage"]
    if not event.get("in_doubt"):
        state.attempts[slot] = state.attempts.get(slot, 1) + 1
        state.open_intents.pop(slot, None)


def _ip_start(state: AgentState, event: Event) -> None:
    """工作站开工。"""
    workstation = _ip(state, event)
    workstation["version_before"] = event.get("version_before", "")


def _ip_done(state: AgentState, event: Event) -> None:
    """工作站完工。"""
    _ip(state, event)["status"] = str(IpStatus.SUCCESS)


def _ip_skipped(state: AgentState, event: Event) -> None:
    """工作站本来就在目标版本上。"""
    _ip(state, event).update(
        status=str(IpStatus.SUCCESS), version_before=event["version"], version_after=event["version"]
    )


def _confirmation_required(state: AgentState, event: Event) -> None:
    """工作站失败或结果未知，等人决定。"""
    failed = IpStatus.IN_DOUBT if event.get("in_doubt") else IpStatus.FAILED
    workstation = _ip(state, event)
    workstation["asked"] += 1
    workstation.update(
        status=str(failed),
        failed_stage=event["failed_stage"],
        failure_reason=event["failure_reason"],
        rollback_status=str(RollbackStatus.PENDING),
        rollback_stop_first=event["rollback_stop_first"],
    )
    state.last_failed_step = event["failed_stage"]
    if not state.pending_confirmation:
        state.pending_confirmation = pending_rollback(event["ip"])


def _rollback_requested(state: AgentState, event: Event) -> None:
    """操作员要把一台退回原来的版本：等人确认；它此前成没成功不变。"""
    workstation = _ip(state, event)
    workstation["asked"] += 1
    workstation.update(
        failure_reason=event["reason"], rollback_status=str(RollbackStatus.PENDING), rollback_stop_first=True
    )


def _decided(status: str) -> Callable[[AgentState, Event], None]:
    """生成「决定了，不再等」的处理。"""

    def handle(state: AgentState, event: Event) -> None:
        """写下回滚状态与此刻的版本，清掉等待。"""
        workstation = _ip(state, event)
        workstation["rollback_status"] = status
        workstation["version_after"] = event.get("values", {}).get("VERSION", workstation["version_after"])
        _clear_pending(state, event["ip"])

    return handle


def _rollback_done(state: AgentState, event: Event) -> None:
    """回滚成功：清掉等待与这台的未了尝试。"""
    workstation = _ip(state, event)
    workstation["rollback_status"] = str(RollbackStatus.DONE)
    workstation.pop("rollback_failure", None)
    workstation["version_after"] = event.get("values", {}).get("VERSION", "")
    state.last_failed_step = ""
    _clear_pending(state, event["ip"])
    for slot in [s for s in state.open_intents if s.startswith(f"{event['ip']}:")]:
        del state.open_intents[slot]


def _rollback_failed(state: AgentState, event: Event) -> None:
    """回滚失败：仍然等着，可以再试；再问就是一个新问题。"""
    workstation = _ip(state, event)
    workstation["asked"] += 1
    workstation["rollback_status"] = str(RollbackStatus.FAILED)
    workstation["rollback_failure"] = event.get("message", "")
    slot = slot_of(event["ip"], event["stage"])
    state.attempts.setdefault(slot, 1)
    if not event.get("in_doubt"):
        state.attempts[slot] += 1
        state.open_intents.pop(slot, None)


def _retry(state: AgentState, event: Event) -> None:
    """人要求查清真相后继续：工作站回到进行中。"""
    _ip(state, event).update(
        status=str(IpStatus.RUNNING),
        failed_stage="",
        failure_reason="",
        rollback_status=str(RollbackStatus.NOT_RUN),
        rollback_stop_first=False,
    )
    _clear_pending(state, event["ip"])


def _clear_pending(state: AgentState, ip: str) -> None:
    """若正等着这台的决定，则不再等。"""
    if state.pending_confirmation == pending_rollback(ip):
        state.pending_confirmation = None


def _log_saved(state: AgentState, event: Event) -> None:
    """失败之后取回的日志。"""
    _ip(state, event)["log_file"] = event["log_file"]


def _restarted(state: AgentState, _event: Event) -> None:
    """同名的演练从头再来：此前的进度一概不算，此前的决定也不算。"""
    seq, generation = state.ledger_seq, state.generation
    forget_progress(state)
    state.ledger_seq, state.generation = seq, generation + 1


def forget_progress(state: AgentState) -> None:
    """回到还没有任何事件的样子，等着从头折叠。"""
    blank = AgentState(run_id=state.run_id, params={}, execution_strategy="")
    for name in PROGRESS_FIELDS:
        setattr(state, name, getattr(blank, name))
    state.events.clear()
    state.ledger_seq = 0


def _adopted(state: AgentState, event: Event) -> None:
    """从检查点文件接过来的进度（账本里原本没有这次运行）。"""
    for name, value in copy.deepcopy(event["progress"]).items():
        setattr(state, name, value)
    state.adopt_ip_states()


PROGRESS_FIELDS: Final = (
    "hash_code",
    "node_url",
    "mcp_url",
    "online_ips",
    "target_ips",
    "missing_ips",
    "settled_ips",
    "completed_global_steps",
    "ip_states",
    "pending_confirmation",
    "last_success_step",
    "last_failed_step",
    "attempts",
    "open_intents",
    "canary_released",
    "same_cause",
    "generation",
    "plan_digest",
    "plan_stage",
    "plan_text",
    "planned_ips",
    "amendment",
)
"""状态里由事件推进的字段。"""

_HANDLERS: Final[dict[str, Callable[[AgentState, Event], Any]]] = {
    **PLAN_HANDLERS,
    "INTENT": _intent,
    "ACTION_DONE": _action_done,
    "ACTION_FAIL": _action_fail,
    "IP_START": _ip_start,
    "IP_DONE": _ip_done,
    "IP_SKIPPED": _ip_skipped,
    "LOG_SAVED": _log_saved,
    "CONFIRMATION_REQUIRED": _confirmation_required,
    "ROLLBACK_REQUESTED": _rollback_requested,
    "CONFIRMATION_REJECTED": _decided(str(RollbackStatus.REJECTED)),
    "RETRY_REQUESTED": _retry,
    "ROLLBACK_DONE": _rollback_done,
    "ROLLBACK_FAILED": _rollback_failed,
    "RUN_RESTARTED": _restarted,
    "RUN_ADOPTED": _adopted,
}
DECISION_EVENTS: Final = {
    Decision.APPROVE: "CONFIRMATION_APPROVED",
    Decision.REJECT: "CONFIRMATION_REJECTED",
    Decision.RETRY: "RETRY_REQUESTED",
}
