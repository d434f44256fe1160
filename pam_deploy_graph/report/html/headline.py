"""结论：页首的一句话、比例带与几个数（纯函数）。"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.flows.rollout import not_reached_text
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.report.html.status_styles import LOOKS, Look
from pam_deploy_graph.report.html.timeline import Entry, waited
from pam_deploy_graph.report.html.workstations import Workstation
from pam_deploy_graph.system.shown_time import moment, span, zone

_VERDICTS: Final = {
    ExitCode.DONE: (msgid("全部完成"), "done"),
    ExitCode.FINISHED_WITH_FAILURES: (msgid("有失败"), "failed"),
    ExitCode.STOPPED: (msgid("已停止"), "failed"),
}
_GOOD: Final = ("done", "same")


@dataclass(frozen=True, slots=True)
class Share:
    """比例带上的一段：处境、台数、起点与宽度（占千分之几）。"""

    look: Look
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Summary:
    """页首：处境、颜色、一句话、补充、比例带、几个数、时区。"""

    verdict: str
    tone: str
    headline: str
    reason: str
    shares: list[Share]
    facts: list[tuple[str, str]]
    zone: str


def summary_of(report: Mapping[str, Any], fleet: Sequence[Workstation], entries: Sequence[Entry]) -> Summary:
    """写出结论。"""
    verdict, tone, reason = _verdict(report)
    return Summary(
        verdict=verdict,
        tone=tone,
        headline=_headline(report, fleet),
        reason=reason,
        shares=_shares(fleet),
        facts=_facts(report, fleet, entries),
        zone=zone(*(at for entry in entries for at in (entry.at, entry.until))),
    )


def _verdict(report: Mapping[str, Any]) -> tuple[str, str, str]:
    """处境、颜色与原因；结束过的以最后一次为准。"""
    ends = [event for event in report["events"] if event["type"] == "RUN_FINISHED"]
    if ends:
        said, tone = _VERDICTS.get(ends[-1]["exit_code"], (msgid("已结束"), "failed"))
        recalled = report["counts"]["recalled"]
        after = (
            tr("{recalled} 台成功之后退回了原来的版本", recalled=recalled)
            if recalled and not report["rollback_of"]
            else ""
        )
        return tr(said), tone, tr("；").join(filter(None, ("" if tone == "done" else ends[-1]["reason"], after)))
    if pending := report["counts"]["pending"]:
        return tr("等人决定"), "waiting", tr("{pending} 台在等决定；用 confirm 回答，再用 resume 继续", pending=pending)
    return tr("还没有结束"), "running", ""


def _headline(report: Mapping[str, Any], fleet: Sequence[Workstation]) -> str:
    """一句话：几台里几台在目标版本上。"""
    version, missed = report["params"].get("VERSION_NUMBER", ""), report["not_reached"]
    total = report["counts"]["targets"] + len(missed)
    good = sum(one.look.key in _GOOD for one in fleet)
    if of_run := report["rollback_of"]:
        return tr(
            "{total} 台中 {recalled} 台退回到运行 {of_run} 之前",
            total=total,
            recalled=report["counts"]["recalled"],
            of_run=of_run,
        )
    if report["counts"]["targets"] == 0:
        return tr("还没有确定目标") if not report["missing_ips"] else tr("没有一台可以部署")
    if good == total:
        return tr("{total} 台全部部署 {version}", total=total, version=version)
    return tr("{total} 台中 {good} 台已部署 {version}", total=total, good=good, version=version) + (
        tr("，{not_reached_text}", not_reached_text=not_reached_text(missed)) if missed else ""
    )


def _shares(fleet: Sequence[Workstation]) -> list[Share]:
    """按处境的比例，成功的在最前。"""
    counted = Counter(one.look.key for one in fleet)
    shares, start = [], 0.0
    for key in reversed(LOOKS):
        if count := counted[key]:
            width = count * 1000 / len(fleet)
            shares.append(Share(LOOKS[key], count, round(start, 2), round(width, 2)))
            start += width
    return shares


def _facts(report: Mapping[str, Any], fleet: Sequence[Workstation], entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """几个数；不知道的不写。"""
    began = min((entry.at for entry in entries), default=None)
    ended = max((entry.until or entry.at for entry in entries), default=None)
    took = [one.times.took for one in fleet if one.times.took]
    found = {
        tr("开始"): moment(began),
        tr("用时"): span(ended - began) if began and ended else "",
        tr("其中等人决定"): span(waited(entries)) if waited(entries) else "",
        tr("每台用时中位数"): span(median(took)) if took else "",
        tr("当时在线"): tr("{online} 台", online=report["counts"]["online"]),
        tr("执行策略"): report["execution_strategy"],
    }
    return [(name, value) for name, value in found.items() if value]
