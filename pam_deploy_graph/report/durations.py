"""用时：每台工作站最近一次推进的起止，从事件里读出来（纯函数）。"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pam_deploy_graph.constants import DECISIONS

_BEGINS: Final = frozenset({"IP_START", *(row.event for row in DECISIONS.values() if row.resumes)})
_ENDS: Final = frozenset({"IP_DONE", "IP_SKIPPED", "CONFIRMATION_REQUIRED"})


@dataclass(frozen=True, slots=True)
class Expected:
    """预计用多久：每台的中位数与全部的毫秒数（不算等人的），由多少台算出。"""

    each_ms: int
    total_ms: int
    workstations: int


@dataclass(slots=True)
class Times:
    """一台工作站最近一次推进的起止，Unix 毫秒；没有为 ``None``。"""

    began: int | None = None
    ended: int | None = None
    skipped: bool = False
    done: bool = False

    @property
    def took(self) -> int | None:
        """用了多少毫秒；不知道、钟在途中拨回过的为 ``None``。"""
        return self.ended - self.began if self.began and self.ended and self.ended >= self.began else None


def times_of(events: Iterable[Mapping[str, Any]]) -> dict[str, Times]:
    """走一遍事件，取每台的起止；没有开工的不在其中。"""
    times: dict[str, Times] = {}
    for event in events:
        ip, kind = event.get("ip"), event["type"]
        if ip is None or kind not in _BEGINS | _ENDS:
            continue
        if kind in _BEGINS:
            times[ip] = Times(event.get("at"))
            continue
        known = times.setdefault(ip, Times())
        known.ended, known.done = event.get("at"), kind == "IP_DONE"
        known.skipped |= kind == "IP_SKIPPED"
    return times


def took_of(events: Iterable[Mapping[str, Any]]) -> list[int]:
    """做完的各台各用了多少毫秒；等人决定的时间不算。"""
    return [one.took for one in times_of(events).values() if one.done and one.took is not None]


@dataclass(frozen=True, slots=True)
class Behind:
    """一次推出走到了哪里：有了结果几台，放行到第几台为止的各批，灰度放行了没有；默认是还没有开始。"""

    settled: int = 0
    waves_done: int = 0
    canary_released: bool = False


def stops_ahead(count: int, control: Mapping[str, Any], behind: Behind) -> list[int]:
    """返回还要在做到第几台时停一停；灰度那一次不在内（次序同 ``flows.waves``）。"""
    start = max(behind.waves_done, control.get("canary") or 0)
    parallel: int = control.get("max_parallel") or 1
    if waves := control.get("waves"):
        return [mark for mark in waves if start < mark < count]
    return list(range(start + parallel, count, parallel)) if control.get("pause_between") else []


def pauses_ms(count: int, control: Mapping[str, Any], behind: Behind) -> int:
    """还没有过的停顿一共多少毫秒：灰度的观察，批与批之间的停。"""
    holding = not behind.canary_released and 0 < (control.get("canary") or 0) < count
    between = len(stops_ahead(count, control, behind)) * (control.get("pause_between") or 0)
    return (between + (control.get("hold") or 0) * holding) * 1000


def work_ms(each_ms: float, count: int, control: Mapping[str, Any], behind: Behind) -> int:
    """一共 ``count`` 台，做完其余的要多少毫秒：一轮同时几台，灰度与各批各算各的轮数，加上停顿；等人的时间不算。"""
    parallel: int = control.get("max_parallel") or 1
    marks = [control.get("canary") or 0, *stops_ahead(count, control, behind)]
    edges = sorted({behind.settled, count, *(mark for mark in marks if behind.settled < mark < count)})
    rounds = sum(-(-(after - before) // parallel) for before, after in pairwise(edges))
    return round(rounds * each_ms) + pauses_ms(count, control, behind)
