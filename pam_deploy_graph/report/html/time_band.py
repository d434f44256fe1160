"""时间带：把整段时间压成一条窄带，一眼看出在做、在等、在回滚各占多少（纯函数）。"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pam_deploy_graph.i18n import Worded
from pam_deploy_graph.report.html.timeline import Entry

WIDTH: Final = 480
"""时间带分成几格；段数因此有上限，与台数无关。"""
_KINDS: Final = Worded({"steps": "全局步骤", "wave": "推出", "rollback": "回滚", "pause": "等人决定"})
"""画出来的种类，后面的盖住前面的。"""
_MARKS: Final = frozenset({"approval", "decision"})


@dataclass(frozen=True, slots=True)
class Segment:
    """一段：种类、起点、宽度，单位是格。"""

    kind: str
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Strip:
    """时间带：各段、决定所在的格、图例、起止的 Unix 毫秒。"""

    segments: list[Segment]
    marks: list[int]
    legend: list[tuple[str, str]]
    began: int
    ended: int


def strip_of(entries: Sequence[Entry]) -> Strip | None:
    """画出时间带；没有跨度时为 ``None``。"""
    began = min((entry.at for entry in entries), default=0)
    ended = max((entry.until or entry.at for entry in entries), default=0)
    if ended <= began:
        return None
    scale = (WIDTH - 1) / (ended - began)
    slots = [""] * WIDTH
    for kind in _KINDS:
        for entry in (one for one in entries if one.kind == kind):
            first, last = (int((at - began) * scale) for at in (entry.at, entry.until or entry.at))
            slots[first : last + 1] = [kind] * (last - first + 1)
    marks = {int((entry.at - began) * scale) for entry in entries if entry.kind in _MARKS}
    return Strip(list(_segments(slots)), sorted(marks), [(k, w) for k, w in _KINDS.items() if k in slots], began, ended)


def _segments(slots: Iterable[str]) -> Iterable[Segment]:
    """把相同的邻格并成段。"""
    start = 0
    for kind, run in groupby(slots):
        width = len(list(run))
        if kind:
            yield Segment(kind, start, width)
        start += width
