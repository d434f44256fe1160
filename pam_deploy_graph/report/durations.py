"""用时：每台工作站最近一次推进的起止，从事件里读出来（纯函数）。"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
