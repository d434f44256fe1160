"""时间线：计划、全局步骤、一波波推出、暂停、决定、回滚、结束（纯函数）。

波与暂停从事件推出来；谁在何时决定，以账本的决定为准。
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from pam_deploy_graph.constants import DECISIONS
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import CANCEL, FIRST_OF_TWO, PLAN, REFUSED
from pam_deploy_graph.report.decision_words import decision_label
from pam_deploy_graph.report.html.networks import ranges
from pam_deploy_graph.report.html.run_segments import Walk
from pam_deploy_graph.report.html.shown_text import shorten

_NOTE: Final = 500
"""一条备注至多几个字符。"""
_LINES: Final = 8
"""合并的条目至多留几行细节。"""
_MERGED: Final = frozenset({"decision", "rollback"})


@dataclass(slots=True)
class Entry:
    """时间线上的一条；时刻是 Unix 毫秒，``tone`` 借用处境的颜色。"""

    kind: str
    label: str
    at: int
    order: float
    until: int | None = None
    tone: str = ""
    ips: list[str] = field(default_factory=list)
    who: str = ""
    note: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def where(self) -> list[str]:
        """哪些工作站，连号合并。"""
        return ranges(self.ips)

    @property
    def took(self) -> int:
        """用时毫秒；一瞬间的事为 0。"""
        return max(0, self.until - self.at) if self.until else 0


def timeline_of(report: Mapping[str, Any]) -> list[Entry]:
    """返回按账本先后的条目；相邻而相同的决定与回滚合并成一条。"""
    decisions = report["decisions"]
    walk = Walk(report["control_params"].get("canary") or 0, decisions)
    for event in report["events"]:
        walk.take(event)
    entries = [Entry(**fields) for fields in walk.finish()] + [_decision(one, walk.order_of(one)) for one in decisions]
    entries.sort(key=lambda entry: entry.order)
    return list(_merged(entries))


def waited(entries: Iterable[Entry]) -> int:
    """返回停下来等人决定回滚的总毫秒数。"""
    return sum(entry.took for entry in entries if entry.kind == "pause")


def _decision(decision: Mapping[str, Any], order: float) -> Entry:
    """一条决定：谁、凭哪个账号、从哪里来的、为什么。"""
    subject = decision["subject"].removeprefix(f"{REFUSED}:")
    refused, about_plan = subject != decision["subject"], subject in (PLAN, FIRST_OF_TWO)
    row = DECISIONS.get(decision["decision"])
    whence = tr("，").join(filter(None, [decision.get("account"), decision.get("channel")]))
    return Entry(
        kind="approval" if about_plan else "decision",
        label=decision_label(decision),
        at=decision["decided_at"],
        order=order,
        tone=row.meaning(plan=about_plan).tone if row and not refused else "",
        ips=[] if about_plan or subject == CANCEL else [subject],
        who=decision["operator"] + (tr("（{whence}）", whence=whence) if whence else ""),
        note=shorten(decision["note"], _NOTE),
    )


def _merged(entries: Iterable[Entry]) -> Iterable[Entry]:
    """把挨在一起的决定（或回滚）里相同的合并成一条。"""
    for kind, block in groupby(entries, key=lambda entry: entry.kind):
        if kind not in _MERGED:
            yield from block
            continue
        same: dict[tuple[str, str, str], Entry] = {}
        for entry in block:
            first = same.setdefault((entry.label, entry.who, entry.note), entry)
            if first is not entry:
                _absorb(first, entry)
        yield from same.values()


def _absorb(first: Entry, other: Entry) -> None:
    """把相同的一条并进前一条；细节不重复，也不无限地长。"""
    first.until = other.at
    first.ips += other.ips
    fresh = [line for line in other.lines if line not in first.lines]
    first.lines = (first.lines + fresh)[:_LINES]
