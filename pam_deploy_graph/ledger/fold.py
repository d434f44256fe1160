"""折叠：把账本事件逐个应用到 ``AgentState``（纯函数，不做 I/O）。

报告、状态、进度和恢复读的都是这个折叠。事件类型就是 ``_HANDLERS`` 的键。
"""

import copy
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

from pam_deploy_graph.constants import Ask
from pam_deploy_graph.inputs.targeting import settle_scope
from pam_deploy_graph.ledger.fold_plan import PLAN_HANDLERS
from pam_deploy_graph.ledger.fold_workstation import (
    WORKSTATION_HANDLERS,
    about_to_act,
    rollback_done,
    rollback_failed,
    workstation_of,
    workstation_step_done,
)
from pam_deploy_graph.models import AgentState, Event, Values
from pam_deploy_graph.protocol.keys import idempotency_key, slot_of

_RESULT_FIELDS: Final = {"HASH_CODE": "hash_code", "NODE_URL": "node_url", "MCP_URL": "mcp_url", "IP": "online_ips"}
_INTERNAL: Final = frozenset({"INTENT", "LOG_SAVED", "RUN_REGISTERED", "RUN_REVISED", "DECISIONS_SEEN"})
"""只给恢复用、不进入 ``state.events`` 的事件。"""


Listener = Callable[[Event], None]


def unheard(_event: Event) -> None:
    """没有人要听。"""


def apply(state: AgentState, event: Event) -> None:
    """把一个事件应用到状态；不认识的类型只进入事件列表。"""
    state.last_at = event.get("at", state.last_at)
    if handler := _HANDLERS.get(event["type"]):
        handler(state, event)
    if state.keep_events and event["type"] not in _INTERNAL:
        state.events.append(event)


def _intent(state: AgentState, event: Event) -> None:
    """将要动手：记下未了的尝试；对一台工作站的，记下此前最近的键，此前读回的不再作数。"""
    slot = slot_of(event.get("ip"), event["stage"])
    if event.get("ip") is not None:
        workstation = workstation_of(state, event)
        if slot not in state.open_intents:
            workstation["before_attempt"] = workstation["last_key"]
        about_to_act(state, event)
    state.open_intents[slot] = state.issued[slot] = event["attempt"]


def _action_done(state: AgentState, event: Event) -> None:
    """动作成功：记下完成的步骤，取走应答里的事实。"""
    action, ip = event["stage"], event.get("ip")
    attempt = state.open_intents.pop(slot_of(ip, action), None)
    if ip is not None and attempt is not None:
        workstation = workstation_of(state, event)
        workstation["last_key"] = idempotency_key(state.run_id, state.nonce, ip, action, attempt)
        if any(slot.startswith(f"{ip}:") for slot in state.open_intents):  # 重做的：未了的那次从这里算起
            workstation["before_attempt"] = workstation["last_key"]
    if ip is None:
        _global_step_done(state, action, event.get("values", {}))
    elif action == Ask.ROLLBACK:
        rollback_done(state, event)
    else:
        workstation_step_done(state, event)


def _global_step_done(state: AgentState, action: str, values: Values) -> None:
    """一个全局步骤成功。"""
    state.last_success_step = action
    if action not in state.completed_global_steps:
        state.completed_global_steps.append(action)
    if state.last_failed_step == action:
        state.last_failed_step = ""
    for key, name in _RESULT_FIELDS.items():
        if key in values:
            setattr(state, name, values[key])
    if "IP" in values:
        settle_scope(state)


def _action_fail(state: AgentState, event: Event) -> None:
    """动作失败：明确的失败使下一次尝试加一；结果未知的保留未了的尝试。尽力而为的失败不算失败。"""
    ip, slot = event.get("ip"), slot_of(event.get("ip"), event["stage"])
    if event.get("best_effort"):
        return
    if ip is not None and event["stage"] == Ask.ROLLBACK:
        rollback_failed(state, event)
        return
    state.last_failed_step = event["stage"]
    if not event.get("in_doubt"):
        attempt = state.attempts.get(slot, 1)
        state.attempts[slot] = attempt + 1
        if state.open_intents.pop(slot, None) is not None and ip is not None:
            key = idempotency_key(state.run_id, state.nonce, ip, event["stage"], attempt)
            workstation_of(state, event)["failed_key"] = key


def _restarted(state: AgentState, _event: Event) -> None:
    """同名的演练从头重做：此前的进度一概不算，此前的决定也不算。"""
    seq, generation = state.ledger_seq, state.generation
    forget_progress(state)
    state.ledger_seq, state.generation = seq, generation + 1


def forget_progress(state: AgentState) -> None:
    """回到还没有任何事件的样子，等着从头折叠。"""
    blank = AgentState(run_id=state.run_id, params={}, execution_strategy="")
    for name in PROGRESS_FIELDS:
        setattr(state, name, getattr(blank, name))
    state.events.clear()
    state.ledger_seq, state.exit_code, state.end_reason, state.registration = 0, None, "", {}


def _registered(state: AgentState, event: Event) -> None:
    """登记了：记住输入的摘要、谁登记的、那一行的名字与时刻。"""
    state.input_digest = event["input"]
    state.registered_by = event.get("account", state.registered_by)
    state.registration = event.get("row", state.registration)


def _revised(state: AgentState, event: Event) -> None:
    """动手之前换了输入：换的人就是提出的人。"""
    _registered(state, event)
    state.requested_by = ""


def _decisions_seen(state: AgentState, event: Event) -> None:
    """写下这一行时决定的链到了哪里：从此删不掉末尾的决定而不露痕迹。"""
    state.decisions_seen = event["decisions"]


def _finished(state: AgentState, event: Event) -> None:
    """结束了。"""
    state.exit_code, state.end_reason = event["exit_code"], event["reason"]


def _paused(state: AgentState, event: Event) -> None:
    """有人要它停一停；由人继续之前不动手。"""
    state.paused_by = event["operator"]


def _continued(state: AgentState, _event: Event) -> None:
    """有人让它继续。"""
    state.paused_by = ""


def _adopted(state: AgentState, event: Event) -> None:
    """从检查点文件接过来的进度（账本里原本没有这次运行）。"""
    for name, value in copy.deepcopy(event["progress"]).items():
        setattr(state, name, value)
    state.pending_confirmation = state.pending_confirmation or ""  # 以前写成 null
    state.adopt_ip_states()


_GIVEN: Final = frozenset(
    {
        *("run_id", "params", "execution_strategy", "action_backends", "requested_ips", "control_params", "names"),
        *("script_entry", "script_base_dir", "config_path", "trace_file_path", "checkpoint_path"),
        *("nonce", "input_digest", "exit_code", "events", "ledger_seq", "keep_events", "registered_by", "last_at"),
        *("registration", "end_reason"),
    }
)
"""登记里的、宿主给的、账本自己管的；其余都由事件推进。"""
PROGRESS_FIELDS: Final = tuple(each.name for each in fields(AgentState) if each.name not in _GIVEN)
"""状态里由事件推进的字段。"""

_HANDLERS: Final[dict[str, Callable[[AgentState, Event], Any]]] = {
    **PLAN_HANDLERS,
    **WORKSTATION_HANDLERS,
    "INTENT": _intent,
    "ACTION_DONE": _action_done,
    "ACTION_FAIL": _action_fail,
    "RUN_REGISTERED": _registered,
    "RUN_REVISED": _revised,
    "DECISIONS_SEEN": _decisions_seen,
    "RUN_FINISHED": _finished,
    "RUN_PAUSED": _paused,
    "RUN_CONTINUED": _continued,
    "RUN_RESTARTED": _restarted,
    "RUN_ADOPTED": _adopted,
}
