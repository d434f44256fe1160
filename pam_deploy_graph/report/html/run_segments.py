"""走一遍事件，把它们收成一段段：全局步骤、波、暂停、回滚、结束（纯函数）。"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pam_deploy_graph.constants import DECISION_EVENTS, Ask, ExitCode
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.report.html.shown_text import shorten

Fields = dict[str, Any]
_VALUE: Final = 64
"""一个应答值至多几个字符。"""
_MESSAGE: Final = 300
"""一条消息至多几个字符。"""
_ASKING: Final = frozenset(
    {"PLAN_PROPOSED", "CONFIRMATION_REQUIRED", "ROLLBACK_REQUESTED", "APPROVAL_VOID", "ROLLBACK_FAILED"}
)
"""问出一个问题的事件。"""


@dataclass(slots=True)
class _Wave:
    """两次停顿之间的一波。"""

    order: int
    at: int
    until: int
    canary: bool
    started: list[str] = field(default_factory=list)
    done: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)


class Walk:
    """按次序接受事件，最后给出时间线条目的各个字段；先后看账本（``order`` 是第几个事件），钟可能拨过。"""

    def __init__(self, canary: int, decisions: Iterable[Mapping[str, Any]]) -> None:
        """``canary`` 是灰度台数，没有为 0；``decisions`` 按编号，用来算每次暂停等到何时。"""
        self._canary = canary
        self._decided = list(decisions)
        self._asked: dict[str, int] = {}
        self._carried_out: dict[int, tuple[int, int]] = {}
        self._latest: list[int] = []
        self._found: list[Fields] = []
        self._wave: _Wave | None = None
        self._started = 0
        self._waves = 0
        self._unasked: dict[str, int] = {}
        self._now = 0
        self._handlers = self._table()

    def take(self, event: Mapping[str, Any]) -> None:
        """接受一个事件；不认识的跳过。"""
        self._latest.append(max(event.get("at", self._now), self._latest[-1] if self._latest else 0))
        if handler := self._handlers.get(event["type"]):
            handler(event)
            self._now = event.get("at", self._now)
        subject = str(event.get("ip", PLAN))
        if number := event.get("decision_number"):
            self._carried_out[number] = (self._asked.get(subject, -1) + 1, self._order)
        if event["type"] in _ASKING:
            self._asked[subject] = self._order

    def finish(self) -> list[Fields]:
        """收尾：还开着的波与还在等的决定也写上。"""
        self._close_wave()
        self._pause(None)
        return self._found

    def order_of(self, decision: Mapping[str, Any]) -> float:
        """一个决定排在哪里：照时刻，但总在问它的事件之后、执行它的事件之前。"""
        first, last = self._carried_out.get(decision.get("number", 0), (0, len(self._latest)))
        return min(max(bisect_right(self._latest, decision["decided_at"]), first), last) - 0.5

    @property
    def _order(self) -> int:
        """此刻是第几个事件，从 0 数。"""
        return len(self._latest) - 1

    def _table(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """哪种事件由谁处理。"""
        return {
            "PLAN_PROPOSED": self._plan,
            "ACTION_DONE": self._action,
            "ACTION_FAIL": self._action,
            "TARGET_SCOPE_CHANGED": self._scope,
            "IP_START": self._start,
            "IP_SKIPPED": self._start,
            "IP_DONE": self._done,
            "CONFIRMATION_REQUIRED": self._failed,
            **dict.fromkeys(DECISION_EVENTS.values(), self._decided_on),
            "ROLLBACK_DONE": self._rollback,
            "ROLLBACK_FAILED": self._rollback,
            "RUN_FINISHED": self._end,
            "RUN_RESTARTED": self._plain,
            "RUN_ADOPTED": self._plain,
        }

    def _add(self, event: Mapping[str, Any], kind: str, label: str, **more: Any) -> None:
        """加一条。"""
        at = event.get("at", self._now)
        self._found.append({"kind": kind, "label": label, "at": at, "order": self._order, **more})

    def _plan(self, event: Mapping[str, Any]) -> None:
        """提出计划。"""
        count = len(event.get("target_ips", ()))
        self._add(
            event,
            "plan",
            tr("提出计划：{count} 台", count=count),
            lines=[tr("摘要 {digest}", digest=event["digest"][:12])],
        )

    def _action(self, event: Mapping[str, Any]) -> None:
        """全局步骤接在一起；单台的动作算进这一波，自己掌舵时的回滚另记。"""
        if event.get("ip") is not None and event["stage"] == Ask.ROLLBACK:
            self._rollback(event)
            return
        if event.get("ip") is not None:
            self._in_wave(event)
            return
        last = self._found[-1] if self._found else None
        if last is None or last["kind"] != "steps" or last["tone"] == "failed":
            self._add(event, "steps", tr("全局步骤"), tone="", lines=[])
            last = self._found[-1]
        last["until"] = event.get("at")
        last["lines"].append(_step(event))
        if event["type"] == "ACTION_FAIL":
            last.update(tone="failed", label=tr("全局步骤停在 {stage}", stage=event["stage"]))

    def _scope(self, event: Mapping[str, Any]) -> None:
        """目标范围有变。"""
        missing = event["missing_ips"]
        self._add(event, "scope", tr("{n} 台不在线，不部署", n=len(missing)), tone="offline", ips=missing)

    def _in_wave(self, event: Mapping[str, Any]) -> _Wave:
        """事件归入当前这一波；没有就开一波。"""
        at = event.get("at", self._now)
        if self._wave is None:
            self._wave = _Wave(self._order, at, at, canary=self._started < self._canary)
        self._wave.until = at
        return self._wave

    def _start(self, event: Mapping[str, Any]) -> None:
        """开工；灰度做满就另起一波。"""
        if self._wave and self._wave.canary and self._started >= self._canary:
            self._close_wave()
        wave = self._in_wave(event)
        wave.started.append(event["ip"])
        wave.skipped += event["type"] == "IP_SKIPPED"
        self._started += 1

    def _done(self, event: Mapping[str, Any]) -> None:
        """完工。"""
        self._in_wave(event).done += 1

    def _failed(self, event: Mapping[str, Any]) -> None:
        """失败，要问人。"""
        self._in_wave(event).failed.append(event["ip"])
        self._unasked[event["ip"]] = self._order

    def _decided_on(self, event: Mapping[str, Any]) -> None:
        """执行一个决定：这一波到此为止，等的就是它。"""
        self._close_wave()
        if event["ip"] in self._unasked:
            self._pause(event.get("at", self._now))

    def _rollback(self, event: Mapping[str, Any]) -> None:
        """回滚的结果。"""
        ok = event["type"] in ("ROLLBACK_DONE", "ACTION_DONE")
        lines = [shorten(str(event.get("message", "")), _MESSAGE)]
        label, tone = (tr("回滚完成"), "rolled") if ok else (tr("回滚失败"), "stuck")
        self._add(event, "rollback", label, tone=tone, ips=[event["ip"]], lines=lines)
        if not ok:
            self._unasked[event["ip"]] = self._order

    def _end(self, event: Mapping[str, Any]) -> None:
        """结束。"""
        self._close_wave()
        self._pause(None)
        code = event["exit_code"]
        tone = "done" if code == ExitCode.DONE else "failed"
        self._add(
            event,
            "end",
            tr("结束：{reason}", reason=event["reason"]),
            tone=tone,
            lines=[tr("退出码 {code}", code=code)],
        )

    def _plain(self, event: Mapping[str, Any]) -> None:
        """只有一句话的事件。"""
        label = tr("从头重做") if event["type"] == "RUN_RESTARTED" else tr("接过此前的进度")
        self._add(event, "plan", label)

    def _close_wave(self) -> None:
        """把当前这一波写成一条。"""
        if (wave := self._wave) is None:
            return
        self._wave = None
        self._waves += not wave.canary
        label = tr("灰度") if wave.canary else tr("第 {waves} 批", waves=self._waves)
        tone = "failed" if wave.failed else "done"
        found: Fields = {"kind": "wave", "label": label, "order": wave.order, "at": wave.at, "until": wave.until}
        self._found.append(found | {"tone": tone, "ips": wave.started, "lines": _wave_lines(wave)})

    def _pause(self, over: int | None) -> None:
        """停下来等人；``over`` 是最迟等到何时，``None`` 表示还没有等到。"""
        if not (ips := self._unasked):
            return
        self._unasked = {}
        later = (one for one in self._decided if one.get("number", 0) > max(self._carried_out, default=0))
        until = next((one["decided_at"] for one in later if one["subject"] in ips), None)
        label = tr("暂停，等人决定") if over else tr("已有决定，还没有执行") if until else tr("仍在等人决定")
        pause = {"kind": "pause", "label": label, "at": self._now, "until": (until or over) if over else None}
        self._found.append(pause | {"tone": "waiting", "ips": list(ips), "order": max(ips.values()) + 0.25})


def _step(event: Mapping[str, Any]) -> str:
    """一个全局步骤的一行。"""
    words = [event["stage"], tr("完成") if event["type"] == "ACTION_DONE" else tr("失败"), event.get("backend", "")]
    words += [f"{key} {_value(value)}" for key, value in event.get("values", {}).items()]
    words.append(shorten(str(event.get("message", "")), _MESSAGE))
    return " · ".join(filter(None, words))


def _value(value: object) -> str:
    """一个应答值；清单只说个数。"""
    return tr("{n} 个", n=len(value)) if isinstance(value, list) else shorten(str(value), _VALUE)


def _wave_lines(wave: _Wave) -> list[str]:
    """一波的几个数。"""
    counted = {
        tr("开工"): len(wave.started),
        tr("完成"): wave.done,
        tr("已是这个版本"): wave.skipped,
        tr("失败"): len(wave.failed),
    }
    return [
        " · ".join(tr("{word} {number} 台", word=word, number=number) for word, number in counted.items() if number)
    ]
