"""一台工作站在一次运行里的经过：每一步何时、第几次、答了什么，读回了什么，谁决定了什么，日志在哪里。"""

from collections.abc import Mapping
from typing import Any, Final

from pam_deploy_graph.constants import DECISIONS, NOT_STARTED, OFFLINE, Ask
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.flows.service_state import running_of, running_text, service_line, truth_of, version_text
from pam_deploy_graph.i18n import Worded, msgid, tr
from pam_deploy_graph.inventory import Inventory
from pam_deploy_graph.ledger import REFUSED, Approval, Ledger
from pam_deploy_graph.models import Event, IpState
from pam_deploy_graph.report.code_words import exit_text, with_word
from pam_deploy_graph.report.decision_words import label_of
from pam_deploy_graph.report.text_table import aligned
from pam_deploy_graph.system.safe_text import printable
from pam_deploy_graph.system.shown_time import moment, span, zone, zoned_clock, zoned_moment

_QUERY: Final = "query-ip"
_HEAD: Final = tuple(map(msgid, ("步骤", "第几次", "结果", "用时", "说明")))
_NOTED: Final = Worded(
    {
        "IP_START": "开工",
        "IP_DONE": "做完",
        "IP_SKIPPED": "已在目标版本，跳过",
        "CONFIRMATION_REQUIRED": "停下，等人决定",
        "ROLLBACK_REQUESTED": "要求退回，等人决定",
        "APPROVAL_VOID": "情形变了，同意的作废，再问",
        "RESEND_WAIT": "等一会儿再送",
        "ROLLBACK_DONE": "回滚完成",
        "ROLLBACK_FAILED": "回滚没有成功",
    }
)
_DECIDED: Final = {row.event: row.on_workstation.label for row in DECISIONS.values()}
"""不是一次动作的事件，各叫什么。"""
_PLAIN: Final = frozenset({"IP_START", "IP_DONE", "CONFIRMATION_REQUIRED"})
"""名字已经说完了的。"""


class _Steps:
    """听着一次运行的事件，记下一台的各步。"""

    def __init__(self, ip: str) -> None:
        """还没有听到。"""
        self.found: list[dict[str, Any]] = []
        self._ip, self._before = ip, 0
        self._sent: dict[str, tuple[int, int]] = {}

    def hear(self, event: Event) -> None:
        """听到一个事件；别的工作站的不管。"""
        if event.get("ip") != self._ip:
            return
        kind, at = event["type"], event.get("at", 0)
        if kind == "INTENT":
            self._sent[event["stage"]] = (event["attempt"], at)
        elif kind in ("ACTION_DONE", "ACTION_FAIL"):
            self._answered(event, at)
        elif kind == "READ_BACK":
            self._add(at, _QUERY, tr("读回") if event["values"] else tr("没有读到"), _read_text(event["values"]))
        elif label := _NOTED.get(kind) or self._decided(kind):
            self._add(at, "", label, "" if kind in _PLAIN else str(event.get("note") or event.get("message") or ""))
        self._before = at

    @staticmethod
    def _decided(kind: str) -> str:
        """执行一个决定的说法；不是执行决定的为空串。"""
        return tr("执行决定：{label}", label=tr(_DECIDED[kind])) if kind in _DECIDED else ""

    def _answered(self, event: Event, at: int) -> None:
        """一次动作有了应答。"""
        attempt, sent = self._sent.pop(event["stage"], (0, self._before))
        result = (
            tr("完成") if event["type"] == "ACTION_DONE" else tr("结果未知") if event.get("in_doubt") else tr("失败")
        )
        code = event.get("exit_code", 0)
        told = tr("；").join(filter(None, [str(event["message"]), exit_text(code) if code else ""]))
        self._add(at, event["stage"], result, told, attempt=attempt or None, took_ms=at - sent if sent else None)

    def _add(self, at: int, step: str, result: str, message: str, **more: Any) -> None:
        """记一条。"""
        blank = {"attempt": None, "took_ms": None}
        self.found.append({"at": at, "step": step, "result": result, "message": message, **blank, **more})


def story_of(ledger: Ledger, run_id: str, said: str, inventory: Inventory) -> dict[str, Any]:
    """返回一台工作站的经过。

    Args:
        ledger: 账本。
        run_id: 运行名；空串是最近一次。
        said: 地址或名称。
        inventory: 名称清单。

    Raises:
        RunNotFoundError: 没有这次运行。
        InvalidInputError: 这次运行里没有这一台。

    """
    run_id = run_id or next((run.run_id for run in ledger.list_runs(1)), "")
    ip = inventory.address_of(said)
    steps = _Steps(ip)
    state = inventory.lend_names(ledger.load_state(run_id, keep_events=False, heard=steps.hear))
    if ip not in {*state.ip_states, *state.target_ips, *(state.planned_ips or ()), *state.missing_ips}:
        raise InvalidInputError(
            tr("运行 {run_id} 里没有工作站 {said}；用 status {run_id} 看有哪些", run_id=run_id, said=said)
        )
    known = state.ip_states.get(ip) or IpState()
    status = known["status"] if ip in state.ip_states else OFFLINE if ip in state.missing_ips else NOT_STARTED
    return {
        "first_line": service_line(state),
        "run_id": run_id,
        "ip": ip,
        "name": state.names.get(ip, ""),
        "params": state.params,
        "exit_code": state.exit_code,
        "status": status,
        "rollback_status": known["rollback_status"],
        "failed_stage": known["failed_stage"],
        "failure_reason": known["failure_reason"],
        **truth_of(known),
        "steps": steps.found,
        "decisions": [_decided(one) for one in ledger.decisions(run_id) if _about(one, ip)],
        "log_file": known["log_file"],
    }


def _about(one: Approval, ip: str) -> bool:
    """一个决定是不是关于这一台的；策略不许的也算。"""
    return one.subject.removeprefix(f"{REFUSED}:") == ip


def _decided(one: Approval) -> dict[str, Any]:
    """一个决定：谁、从哪里、怎样、为什么、何时。"""
    refused = one.subject.startswith(f"{REFUSED}:")
    names = ("decision", "operator", "account", "channel", "note", "decided_at")
    return {name: getattr(one, name) for name in names} | {"refused": refused}


def _read_text(values: Mapping[str, Any]) -> str:
    """一次读回写成字。"""
    if not values:
        return ""
    if str(values.get("ONLINE", "true")).lower() != "true":
        return tr("不在线：版本、在不在运行都不知道")
    running = running_of(str(values.get("RUNNING", "")))
    return tr(
        "{version_text}，{running_text}",
        version_text=version_text(str(values.get("VERSION", ""))),
        running_text=running_text(running, "").strip(),
    )


def render_story(told: Mapping[str, Any]) -> str:
    """写成几行：停用的柜台在最前，此刻怎样，然后是各步、决定与日志。"""
    params = told["params"]
    what = f"{params['AIRPORT_CODE']} {params['APP_NAME']} {params['MODULE_NAME']} {params['VERSION_NUMBER']}"
    lines = [told["first_line"]] if told["first_line"] else []
    lines.append(
        f"{told['ip']} {told['name']}".rstrip() + tr("（运行 {run_id}，{what}）", run_id=told["run_id"], what=what)
    )
    decided = with_word(told["rollback_status"], over=told["exit_code"] is not None)
    lines.append(tr("此刻: {with_word}；{decided}", with_word=with_word(told["status"]), decided=decided))
    lines.append(_truth(told, params["MODULE_NAME"]))
    if told["failure_reason"]:
        lines.append(
            tr(
                "停在 {failed_stage}: {failure_reason}",
                failed_stage=told["failed_stage"] or Ask.ROLLBACK,
                failure_reason=told["failure_reason"],
            )
        )
    if told["steps"]:
        zones = zone(*(step["at"] for step in told["steps"]))
        lines += ["", *aligned([(tr("时刻（{zones}）", zones=zones), *map(tr, _HEAD)), *map(_step, told["steps"])])]
    lines += ["", tr("决定:"), *map(_decision, told["decisions"])] if told["decisions"] else []
    lines += ["", tr("日志: {log_file}", log_file=told["log_file"] or tr("没有取到"))]
    lines += [f"  {line}" for line in told.get("log_tail", [])]
    lines += [tr("轨迹:"), *(f"  {line}" for line in told["trace"])] if told.get("trace") else []
    return "\n".join(printable(line) for text in lines for line in text.split("\n"))


def _truth(told: Mapping[str, Any], module: str) -> str:
    """版本与在不在运行，何时读回的。"""
    before, now = (version_text(told[name]) for name in ("version_before", "version_now"))
    read = tr("（{zoned_clock} 读回）", zoned_clock=zoned_clock(told["read_at"])) if told["read_at"] else ""
    return tr(
        "版本: 开工前 {before}，此刻 {now}；{running_text}{read}",
        before=before,
        now=now,
        running_text=running_text(told["running"], module),
        read=read,
    )


def _step(step: Mapping[str, Any]) -> tuple[str, ...]:
    """一步的格子。"""
    took = "" if step["took_ms"] is None else span(step["took_ms"])
    attempt = tr("第 {attempt} 次", attempt=step["attempt"]) if step["attempt"] else ""
    return (moment(step["at"]), step["step"], attempt, step["result"], took, " ".join(step["message"].split()))


def _decision(one: Mapping[str, Any]) -> str:
    """一个决定写成一行。"""
    label = label_of(one["decision"], refused=one["refused"])
    who = tr("，").join(filter(None, [one["operator"], one["account"], one["channel"]]))
    why = tr("：{note}", note=one["note"]) if one["note"] else ""
    return tr("  {at} {label} —— {who}{why}", at=zoned_moment(one["decided_at"]), label=label, who=who, why=why)
