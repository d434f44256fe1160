"""折叠里关于一台工作站的一半：开工、完工、等人决定、决定、回滚，以及最后一次读回的真相（纯函数）。

真相有四项：``version_now``、``running``（``"true"``、``"false"``，空串是不知道）、``last_key``、``read_at``（毫秒）。
动手之前的一次读回另存为 ``version_before``、``running_before``、``key_before``，回滚要回到的就是它。
动手之后、再读回之前，版本与在不在运行都是不知道；只有「已停止」留着，直到读回它又在运行（contract 第 8 节）。
"""

from collections.abc import Callable
from typing import Any, Final

from pam_deploy_graph.constants import ACTIONS, DECISION_EVENTS, DECISIONS, Ask, Decision, IpStatus, RollbackStatus
from pam_deploy_graph.models import AgentState, Event, IpState, Values
from pam_deploy_graph.protocol.keys import slot_of

_EFFECTS: Final = tuple(spec.name for spec in ACTIONS.values() if spec.per_ip and spec.changes)
_FAILURE: Final = ("status", "failed_stage", "failure_reason", "rollback_status", "rollback_stop_first")
_STOPPED: Final = "false"


def pending_rollback(ip: str) -> str:
    """返回等人决定一台的回滚时的 ``pending_confirmation``（contract 第 6 节）。"""
    return f"{Ask.ROLLBACK}:{ip}"


def workstation_of(state: AgentState, event: Event) -> IpState:
    """取事件所说的工作站的状态，没有就新建。"""
    ip = event["ip"]
    found = state.ip_states.get(ip)
    if found is None:
        found = state.ip_states[ip] = IpState()
    return found


def touched(state: AgentState, ip: str) -> bool:
    """这次运行对这台动过手没有（要求过就算，不论结果）。"""
    known = state.ip_states.get(ip)
    slots = [slot_of(ip, action) for action in _EFFECTS]
    done = known is not None and any(action in known["completed_steps"] for action in _EFFECTS)
    return done or any(slot in state.open_intents or slot in state.attempts for slot in slots)


def _tells_key(values: Values) -> bool:
    """这一次读回说没说最近的键：没有读到的没有说，不在线而没有键的，节点可能什么也不知道。"""
    online = bool(values) and str(values.get("ONLINE", "true")).lower() == "true"
    return online or bool(values.get("LAST_KEY"))


def read_from(workstation: IpState, values: Values, at: int) -> None:
    """收下一次读回；``values`` 为空是没有读到，工作站不在线的也不知道。"""
    online = str(values.get("ONLINE", "true")).lower() == "true" and bool(values)
    running = str(values.get("RUNNING", "")).lower() if online else ""
    if not running and workstation["running"] == _STOPPED:
        running = _STOPPED
    workstation["running"] = running
    workstation["version_now"] = str(values.get("VERSION", "")) if online else ""
    workstation["read_at"] = at if online else 0
    if _tells_key(values):
        workstation["last_key"] = str(values.get("LAST_KEY", workstation["last_key"]))


def about_to_act(state: AgentState, event: Event) -> None:
    """要对一台动手了：此前读回的不再作数。"""
    workstation = workstation_of(state, event)
    workstation.update(version_now="", read_at=0)
    workstation.pop("retrying", None)
    if workstation["running"] != _STOPPED:
        workstation["running"] = ""


def _read_back(state: AgentState, event: Event) -> None:
    """向工作站查证的结果；还没有动过手的，这就是「开工之前」。"""
    untouched = not touched(state, event["ip"])
    workstation = workstation_of(state, event)
    workstation.pop("reading", None)
    read_from(workstation, event["values"], event.get("at", 0))
    if _tells_key(event["values"]):
        state.seen_keys.pop(event["ip"], None)
    if untouched:
        workstation["version_before"] = workstation["version_now"]
        if not workstation.get("owner"):
            workstation["to_version"] = workstation["version_now"]
        workstation["running_before"], workstation["key_before"] = workstation["running"], workstation["last_key"]


def workstation_step_done(state: AgentState, event: Event) -> None:
    """一台的一步成功；尽力而为的（失败之后取日志）不算一步。"""
    workstation, values = workstation_of(state, event), event.get("values", {})
    workstation["log_file"] = values.get("LOG_FILE", workstation["log_file"])
    if event.get("best_effort"):
        return
    workstation["completed_steps"].append(event["stage"])
    if "VERSION" in values:  # 验证问的是它的健康探测：通过就是在运行
        read_from(workstation, values | {"RUNNING": values.get("RUNNING", "true")}, event.get("at", 0))


def _ip_start(state: AgentState, event: Event) -> None:
    """工作站开工。"""
    workstation = workstation_of(state, event)
    workstation["began"] = event.get("at", 0)
    if before := event.get("version_before"):  # 以前的账本把开工之前的版本记在这里
        workstation["version_before"] = workstation["to_version"] = before


def _ip_done(state: AgentState, event: Event) -> None:
    """工作站完工。"""
    workstation = workstation_of(state, event)
    workstation["status"] = str(IpStatus.SUCCESS)


def _ip_skipped(state: AgentState, event: Event) -> None:
    """工作站本来就在目标版本上。"""
    workstation = workstation_of(state, event)
    workstation.update(status=str(IpStatus.SUCCESS), version_before=event["version"])


def _ask(workstation: IpState, event: Event) -> None:
    """要问人了：又是一个新的问题，从这时问起。"""
    workstation["asked"] += 1
    workstation["asked_at"] = event.get("at", 0)


def _confirmation_required(state: AgentState, event: Event) -> None:
    """工作站失败或结果未知，等人决定。"""
    failed = IpStatus.IN_DOUBT if event.get("in_doubt") else IpStatus.FAILED
    workstation = workstation_of(state, event)
    _ask(workstation, event)
    if event.get("reading"):  # 就要读回它的实情，读到了再问
        workstation["reading"] = True
    workstation.update(
        status=str(failed),
        failed_stage=event["failed_stage"],
        failure_reason=event["failure_reason"],
        rollback_status=str(RollbackStatus.PENDING),
        rollback_stop_first=event["rollback_stop_first"],
        unauthorised=bool(event.get("unauthorised")),
    )
    state.last_failed_step = event["failed_stage"]
    if not state.pending_confirmation:
        state.pending_confirmation = pending_rollback(event["ip"])


def _rollback_requested(state: AgentState, event: Event) -> None:
    """操作员要把一台退回原来的版本：等人确认；它此前成没成功不变。``owner`` 是那次已经结束的运行的键的主人。"""
    workstation = workstation_of(state, event)
    if owner := event.get("owner"):
        state.rollback_of = event["of_run"]
        workstation.update(owner=owner, to_version=event["to_version"], status=str(IpStatus.SUCCESS))
    _ask(workstation, event)
    workstation.update(
        failure_reason=event["reason"], rollback_status=str(RollbackStatus.PENDING), rollback_stop_first=True
    )


def _decided(status: str) -> Callable[[AgentState, Event], None]:
    """生成「决定了，不再等」的处理。"""

    def handle(state: AgentState, event: Event) -> None:
        """写下回滚状态与此刻的版本，清掉等待。"""
        workstation = workstation_of(state, event)
        workstation["rollback_status"] = status
        workstation.pop("changed", None)
        if values := event.get("values"):  # 以前的账本把此刻的版本记在这里
            read_from(workstation, values, event.get("at", 0))
        _clear_pending(state, event["ip"])

    return handle


def _approved(state: AgentState, event: Event) -> None:
    """同意了回滚，正在执行：一个新的决定就是一次新的尝试，绝不用上一次的键。"""
    workstation = workstation_of(state, event)
    workstation["approved"] = event.get("digest", "")
    workstation.pop("changed", None)
    slot = slot_of(event["ip"], Ask.ROLLBACK)
    if (left := state.open_intents.pop(slot, None)) is not None:
        state.attempts[slot] = left + 1


def _approval_void(state: AgentState, event: Event) -> None:
    """同意的是另一个样子的：作废，再问就是一个新问题。"""
    workstation = workstation_of(state, event)
    _ask(workstation, event)
    workstation.update(changed=event["message"], unauthorised=bool(event.get("unauthorised")))


def _rollback_settled(state: AgentState, event: Event) -> IpState:
    """回滚有了结果：这一次执行完了，下一次尝试用新的键（结果未知的等下一个决定再换）。"""
    workstation, slot = workstation_of(state, event), slot_of(event["ip"], Ask.ROLLBACK)
    workstation["approved"] = ""
    if not event.get("in_doubt"):
        state.attempts[slot] = state.attempts.get(slot, 1) + 1
        state.open_intents.pop(slot, None)
    return workstation


def rollback_done(state: AgentState, event: Event) -> None:
    """回滚成功：清掉等待与这台的未了尝试。"""
    workstation = _rollback_settled(state, event)
    workstation["rollback_status"] = str(RollbackStatus.DONE)
    workstation.pop("rollback_failure", None)
    read_from(workstation, event.get("values", {}), event.get("at", 0))
    state.last_success_step, state.last_failed_step = str(Ask.ROLLBACK), ""
    _clear_pending(state, event["ip"])
    for slot in [s for s in state.open_intents if s.startswith(f"{event['ip']}:")]:
        del state.open_intents[slot]


def rollback_failed(state: AgentState, event: Event) -> None:
    """回滚失败：仍然等着，可以重试；再问就是一个新问题。"""
    workstation = _rollback_settled(state, event)
    _ask(workstation, event)
    workstation["rollback_status"] = str(RollbackStatus.FAILED)
    workstation.update(rollback_failure=event.get("message", ""), unauthorised=bool(event.get("unauthorised")))
    state.last_failed_step = str(Ask.ROLLBACK)


def _retry(state: AgentState, event: Event) -> None:
    """人要求查清实情后继续：工作站回到进行中；``redo`` 是读回来看已经不作数的步骤，用新的键重做。

    ``over`` 是在这之间动过它的别的运行：人知道了还要做，未了的那次就从它的键算起，同一个键再送。
    ``retrying`` 是原来的失败，动手之前留着：说好了重试而还没有做的，停下时不做，取消了就还是原来的失败。
    """
    workstation = workstation_of(state, event)
    if over := event.get("over"):
        workstation.update(over=over, before_attempt=workstation["last_key"])
    for action in event.get("redo", ()):
        workstation["completed_steps"].remove(action)
        slot = slot_of(event["ip"], action)
        state.attempts[slot] = state.attempts.get(slot, 1) + 1
    workstation["retrying"] = {name: workstation[name] for name in _FAILURE}
    workstation.update(
        status=str(IpStatus.RUNNING),
        failed_stage="",
        failure_reason="",
        rollback_status=str(RollbackStatus.NOT_RUN),
        rollback_stop_first=False,
    )
    _clear_pending(state, event["ip"])


def _retry_withdrawn(state: AgentState, event: Event) -> None:
    """说好了重试，还没有做就取消了：还是原来的失败。"""
    workstation = workstation_of(state, event)
    workstation.update(workstation.pop("retrying"))


def _clear_pending(state: AgentState, ip: str) -> None:
    """若正等着这台的决定，则不再等。"""
    if state.pending_confirmation == pending_rollback(ip):
        state.pending_confirmation = ""


def _log_saved(state: AgentState, event: Event) -> None:
    """失败之后取回的日志（以前的账本；现在是尽力而为的 ``ACTION_DONE``）。"""
    workstation_of(state, event)["log_file"] = event["log_file"]


WORKSTATION_HANDLERS: Final[dict[str, Callable[[AgentState, Event], Any]]] = {
    "READ_BACK": _read_back,
    "IP_START": _ip_start,
    "IP_DONE": _ip_done,
    "IP_SKIPPED": _ip_skipped,
    "LOG_SAVED": _log_saved,
    "CONFIRMATION_REQUIRED": _confirmation_required,
    "ROLLBACK_REQUESTED": _rollback_requested,
    DECISION_EVENTS[Decision.APPROVE]: _approved,
    "APPROVAL_VOID": _approval_void,
    **{row.event: _decided(str(row.leaves)) for row in DECISIONS.values() if row.leaves},
    DECISION_EVENTS[Decision.RETRY]: _retry,
    "RETRY_WITHDRAWN": _retry_withdrawn,
    "ROLLBACK_DONE": rollback_done,
    "ROLLBACK_FAILED": rollback_failed,
}
