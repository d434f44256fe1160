"""一行进度：做完几台、谁在途、多久了、还要多久；绑在一次运行的折叠上，随账本事件走，不随进程走。"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

# 文档页由它生成 JSON Schema；Python 3.11 的 typing.TypedDict 不行
from typing_extensions import TypedDict

from pam_deploy_graph.constants import GLOBAL_ACTION_SEQUENCE, IP_ACTION_SEQUENCE, Ask, IpStatus
from pam_deploy_graph.flows.service_state import running_now
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.shares import in_numbers
from pam_deploy_graph.inputs.time_limits import time_limit_of
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.report.durations import Behind, pauses_ms
from pam_deploy_graph.report.summary import targets_of

_FETCHING: Final = "download-log"
"""失败之后还在取日志；取得到取不到都算取过了（``best_effort``）。"""
_MS: Final = 1_000
_ENOUGH: Final = 2
"""这一程里做完了几台，才估得出还要多久。"""
_SETTLED: Final = ("succeeded", "recalled", "failed")


class Figures(TypedDict):
    """台数：成功了的（含之后退回的）、失败或结果未知的、一共要做的、模块此刻不在运行的。"""

    done: int
    failed: int
    targets: int
    out_of_service: int


class Progress:
    """此刻的进度；推出的线程写，任何线程都可以读。"""

    def __init__(self, *, by_ledger: bool = False) -> None:
        """还没有跟着任何运行；``by_ledger`` 为真时各步的时刻照账本（看着别的进程做），不说已用与约剩。"""
        self._by_ledger = by_ledger
        self._lock = threading.Lock()
        self._state: AgentState | None = None
        self._active = False
        self._worked = 0.0
        self._begun = self._heard = self._clock()
        self._settled_before = 0
        self._left_out = self._resting_since = 0.0
        self._tallies: dict[str, str] = {}
        self._count: Counter[str] = Counter()
        self._dark: set[str] = set()
        self._flying: dict[str, tuple[str, float]] = {}

    def _clock(self) -> float:
        """此刻；照账本的是墙上的钟。"""
        return time.time() if self._by_ledger else time.monotonic()

    @contextlib.contextmanager
    def following(self, state: AgentState) -> Iterator[Callable[[Event], None]]:
        """跟着一次运行的一段；给出听众，它听到的事件已经折进 ``state``。"""
        with self._lock:
            another = self._state is None or self._state.run_id != state.run_id
            self._begin(state)
            if another:
                self._worked, self._settled_before = 0.0, self._settled()
                self._left_out = self._resting_since = 0.0
        try:
            yield self._hear
        finally:
            with self._lock:
                self._active, self._flying = False, {}
                self._worked += self._clock() - self._begun

    @property
    def names(self) -> Mapping[str, str]:
        """各台的名称；没有跟着运行为空。"""
        return self._state.names if self._state else {}

    def in_flight(self) -> dict[str, str]:
        """返回进行中的各台正做着的动作。"""
        with self._lock:
            return {ip: step for ip, (step, _) in self._flying.items()}

    def line(self) -> str:
        """写成一行；没有在推出的为空串。"""
        with self._lock:
            state, now = self._state, self._clock()
            if state is None or not self._active or not (state.plan_approved or state.ip_states):
                return ""
            parts = [self._done_text(state), self._doing(state, now)]
            parts += [tr("失败 {failed}", failed=self._count["failed"]), tr("停用 {n}", n=len(self._dark))]
            if self._by_ledger:
                return " · ".join(parts)
            return " · ".join([*parts, *self._times(state, self._worked + now - self._begun)])

    def done_text(self) -> str:
        """做完几台、一共几台，写成 ``14/40``；没有跟着运行为空串。"""
        with self._lock:
            return self._done_text(self._state) if self._state else ""

    def figures(self) -> Figures:
        """此刻的台数。"""
        with self._lock:
            return self._figures(self._state)

    def _figures(self, state: AgentState | None) -> Figures:
        """同上。"""
        return Figures(
            done=self._count["succeeded"] + self._count["recalled"],
            failed=self._count["failed"],
            targets=len(targets_of(state) or state.planned_ips or state.ip_states) if state else 0,
            out_of_service=len(self._dark),
        )

    def _done_text(self, state: AgentState) -> str:
        """同上。"""
        figures = self._figures(state)
        return f"{figures['done']}/{figures['targets']}"

    def _begin(self, state: AgentState) -> None:
        """从头数一遍；此后随事件只改变了的那一台。"""
        self._state, self._active, self._flying = state, True, {}
        self._tallies, self._count, self._dark = {}, Counter(), set()
        self._begun = self._heard = self._clock()
        for ip in state.ip_states:
            self._recount(ip)

    def _settled(self) -> int:
        """有了结果的台数。"""
        return sum(self._count[name] for name in _SETTLED)

    def _hear(self, event: Event) -> None:
        """听到一个事件。"""
        with self._lock:
            self._heard = event["at"] / _MS if self._by_ledger else self._clock()
            if (ip := event.get("ip")) and self._state and ip in self._state.ip_states:
                self._recount(ip)
                self._follow_step(ip, event)
            self._follow_pace(event["type"])

    def _recount(self, ip: str) -> None:
        """重数一台。"""
        workstation = self._state.ip_states[ip] if self._state else None
        if workstation is None:
            return
        self._count[self._tallies.get(ip, "")] -= 1
        self._tallies[ip] = workstation.tally
        self._count[workstation.tally] += 1
        (self._dark.add if running_now(workstation) is False else self._dark.discard)(ip)

    def _follow_step(self, ip: str, event: Event) -> None:
        """这一台此刻在做哪一步；没有在做就不在途。"""
        step = self._step(ip, event)
        if not step:
            self._flying.pop(ip, None)
        elif self._flying.get(ip, ("", 0.0))[0] != step:
            self._flying[ip] = (step, self._heard)

    def _follow_pace(self, kind: str) -> None:
        """快慢从灰度放行之后算起：灰度同时做的少；一批与一批之间停着的时间不算。"""
        worked = self._worked + self._clock() - self._begun
        if kind == "CANARY_RELEASED":
            self._settled_before, self._left_out = self._settled(), worked
        elif kind == "WAVE_PAUSE":
            self._resting_since = worked
        elif kind == "WAVE_DONE" and self._resting_since:
            self._left_out, self._resting_since = self._left_out + worked - self._resting_since, 0.0

    def _step(self, ip: str, event: Event) -> str:
        """听到这个事件之后，这一台在做的动作；没有在做为空串。"""
        workstation = self._state.ip_states[ip] if self._state else {}
        if event["type"] == "INTENT":
            return str(event["stage"])
        if workstation["status"] == IpStatus.RUNNING:
            return next((step for step in IP_ACTION_SEQUENCE if step not in workstation["completed_steps"]), "")
        if workstation.get("approved"):
            return str(Ask.ROLLBACK)
        fetching = event["type"] == "CONFIRMATION_REQUIRED" and event["failed_stage"] != _FETCHING
        still = self._flying.get(ip, ("",))[0] == _FETCHING and not event.get("best_effort")
        return _FETCHING if fetching or still else ""

    def _doing(self, state: AgentState, now: float) -> str:
        """在做什么、多久了、最多多久。"""
        if self._flying:
            ip, (step, since) = min(self._flying.items(), key=lambda item: item[1][1])
            more = tr(" {n} 台，最久的是", n=len(self._flying)) if len(self._flying) > 1 else ""
            return tr(
                "进行中{more} {label} {timed}", more=more, label=state.label(ip), timed=_timed(state, step, now - since)
            )
        left = [step for step in GLOBAL_ACTION_SEQUENCE if step not in state.completed_global_steps]
        if left and not state.rollback_of:
            return tr("全局步骤 {timed}", timed=_timed(state, left[0], now - self._heard))
        return tr("等 PAM 答话 已 {now:.0f} 秒", now=now - self._heard)

    def _times(self, state: AgentState, worked: float) -> list[str]:
        """已用与约剩：其余的照这一程的快慢，加上还没有过的停顿；做完的还太少、灰度还没有放行、只剩进行中的就不估。"""
        done, scope = self._settled() - self._settled_before, len(targets_of(state))
        control, left = in_numbers(state.control_params, scope), scope - self._settled()
        used = tr("已用 {clock}", clock=_clock(worked))
        waiting = control.get("canary") and not state.canary_released
        if done < _ENOUGH or left <= len(self._flying) or waiting:
            return [used]
        rested = self._left_out + (worked - self._resting_since if self._resting_since else 0)
        ahead = pauses_ms(scope, control, Behind(self._settled(), state.waves_done, state.canary_released)) / _MS
        return [used, tr("约剩 {clock}", clock=_clock(left * (worked - rested) / done + ahead))]


def _timed(state: AgentState, step: str, seconds: float) -> str:
    """一个动作、多久了、时限。"""
    return tr(
        "{step} 已 {seconds:.0f} 秒（时限 {time_limit_of:.0f}）",
        step=step,
        seconds=seconds,
        time_limit_of=time_limit_of(step, state.params, None),
    )


def _clock(seconds: float) -> str:
    """写成 ``1:32`` 或 ``1:02:03``。"""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
