"""一次运行的活的折叠：网格（格子守住位置）、各处境几台、快慢，以及从哪一行起变了哪几格。

页面画在第 N 行，流从第 N 行接着：给出 ``after``，就给出那之后变了的格子此刻的样子，不缺也不重。
"""

import hashlib
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import RowMapping

from pam_deploy_graph.constants import NOT_STARTED
from pam_deploy_graph.flows.service_state import running_now
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.ledger.holders import describe
from pam_deploy_graph.ledger.leases import pulse_of
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.report.html.networks import in_order
from pam_deploy_graph.report.html.status_styles import LOOKS, look_of
from pam_deploy_graph.report.summary import targets_of

_WINDOW_MS: Final = 60_000
"""快慢照最近这么久算。"""
_ENOUGH: Final = 2
_SETTLED: Final = frozenset({"IP_DONE", "IP_SKIPPED", "CONFIRMATION_REQUIRED"})
_STEPWISE: Final = frozenset({"INTENT", "READ_BACK", "RESEND_WAIT", "DECISIONS_SEEN"})
_RESHAPES: Final = frozenset(
    {
        *("PLAN_PROPOSED", "PLAN_WITHDRAWN", "AMENDMENT_SETTLED", "TARGET_SCOPE_CHANGED"),
        *("RUN_RESTARTED", "RUN_ADOPTED", "RUN_REVISED", "ROLLBACK_REQUESTED"),
    }
)
"""可能换了有哪些格子的事件。"""
_STEADY: Final = frozenset({"IP_START", *_SETTLED}) - {"CONFIRMATION_REQUIRED"}
"""只动一格、不动旁边的清单的事件。"""


class Live:
    """一次运行；只在管账本的那个线程里用。"""

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        """从头折叠到此刻。

        Raises:
            RunNotFoundError: 没有这次运行。
            LedgerDamagedError: 账本坏了。

        """
        self._ledger = ledger
        self.milestones: list[Event] = []
        """时间线要的事件：各台的各步不在内。"""
        self.side = 0
        """旁边的清单（原因、停用、时间线）变过几次。"""
        self._skipped: set[str] = set()
        self._settled: deque[int] = deque()
        self._dirty: set[str] = set()
        self._reshape = True
        self.ips: list[str] = []
        self.looks: list[str] = []
        self.counts: Counter[str] = Counter()
        self._index: dict[str, int] = {}
        self._missing: frozenset[str] = frozenset()
        self._changed: list[int] = []
        self.grid = ""
        self._known: tuple[Any, ...] = ()
        self._lease: RowMapping | None = None
        self._dark: set[str] = set()
        self._run_no = ledger.get_run(run_id).run_no
        self.state: AgentState = ledger.load_state(run_id, keep_events=False, heard=self._hear)
        self.base = self.state.ledger_seq
        """折叠是从这一行起逐格记着的；比它还早的要整张给。"""
        _, decisions, lease = pulse_of(ledger.engine, self._run_no)
        self._take_in(decisions, lease)

    @property
    def seq(self) -> int:
        """折叠到第几行。"""
        return self.state.ledger_seq

    def catch_up(self) -> None:
        """追上账本；没有新的行就不读。"""
        seq, decisions, lease = pulse_of(self._ledger.engine, self._run_no)
        if seq != self.seq:
            self._ledger.catch_up(self.state, self._hear)
        self._take_in(decisions, lease)

    def delta(self, after: int) -> dict[str, list[int]]:
        """第 ``after`` 行之后变了的格子：处境 -> 各格的序号（第一个是序号，其余是与前一个的差）。"""
        since = after if after >= self.base else -1
        found: dict[str, list[int]] = {}
        last: dict[str, int] = {}
        for place, seq in enumerate(self._changed):
            if seq > since:
                key = self.looks[place]
                found.setdefault(key, []).append(place - last.get(key, 0))
                last[key] = place
        return found

    def rate(self, now: int) -> float:
        """最近一分钟每秒有结果的台数；还看不出为 0。"""
        while self._settled and self._settled[0] < now - _WINDOW_MS:
            self._settled.popleft()
        if len(self._settled) < _ENOUGH:
            return 0.0
        return len(self._settled) * 1000 / max(now - self._settled[0], 1000)

    def done(self) -> int:
        """有了结果的台数。"""
        return len(self.ips) - sum(self.counts[name] for name in ("idle", "running", "offline"))

    def _hear(self, event: Event) -> None:
        """听到一个事件，它已经折进状态。"""
        kind, ip = event["type"], event.get("ip")
        if ip is not None:
            self._dirty.add(ip)
        if kind in _RESHAPES or (ip is None and "values" in event):
            self._reshape = True
        if kind == "IP_SKIPPED":
            self._skipped.add(ip or "")
        elif kind == "RUN_RESTARTED":
            self._skipped.clear()
        if kind in _SETTLED:
            self._settled.append(event.get("at", 0))
        if kind not in _STEPWISE and not (ip is not None and kind.startswith("ACTION_")):
            self.milestones.append(event)
            self.side += kind not in _STEADY

    def _take_in(self, decisions: int, lease: RowMapping | None) -> None:
        """把听到的变化收进网格；租约、决定、停用的变了，旁边的清单也要换。"""
        if self._reshape or not self._dirty <= self._index.keys():
            self._lay_out()
        for ip in self._dirty:
            place, look = self._index[ip], self._look(ip)
            stopped = ip in self.state.ip_states and running_now(self.state.ip_states[ip]) is False
            (self._dark.add if stopped else self._dark.discard)(ip)
            if look != self.looks[place]:
                self.counts[self.looks[place]] -= 1
                self.counts[look] += 1
                self.looks[place], self._changed[place] = look, self.seq
        self._dirty = set()
        self._lease = lease
        known = (decisions, lease and lease["holder"], sorted(self._dark, key=self._index.__getitem__))
        self.side += known != self._known
        self._known = known

    @property
    def holder(self) -> str:
        """正推着它的进程；没有为空串。"""
        return describe(self._lease) if self._lease else ""

    @property
    def dark(self) -> Sequence[str]:
        """停用的工作站。"""
        found: Sequence[str] = self._known[2]
        return found

    @property
    def mark(self) -> tuple[Any, ...]:
        """等着的、停用的、谁在推、几个决定：哪一样变了它就变；只是又做完几台的不变。"""
        return self.side, *self._known[:2]

    def _lay_out(self) -> None:
        """重排网格；有哪些格子没有变的，位置与变过的行都留着。"""
        self._reshape, self._missing = False, frozenset(self.state.missing_ips)
        everyone = in_order(
            {*(targets_of(self.state) or self.state.planned_ips or ()), *self.state.ip_states, *self._missing}
        )
        if everyone != self.ips:
            self.ips = everyone
            self._index = {ip: place for place, ip in enumerate(everyone)}
            self._dark &= self._index.keys()
            self.grid = hashlib.blake2s("\n".join(everyone).encode(), digest_size=6).hexdigest()
            self.looks, self._changed = [""] * len(everyone), [self.seq] * len(everyone)
            self.counts = Counter({"": len(everyone)})
        self._dirty.update(self.ips)

    def _look(self, ip: str) -> str:
        """一台的处境。"""
        known = self.state.ip_states.get(ip)
        if known is None:
            return "offline" if ip in self._missing else "idle"
        told = {"status": known["status"] or NOT_STARTED, "rollback": known["rollback_status"]}
        return look_of(told, skipped=ip in self._skipped).key


KEYS: Final = tuple(LOOKS)
"""处境的次序，帧里的台数照它排。"""
