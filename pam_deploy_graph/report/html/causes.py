"""原因：同样的失败并成一组，带上结局与日志片段（纯函数）。"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from markupsafe import escape

from pam_deploy_graph.flows.diagnosis import cause_of, without_ip
from pam_deploy_graph.report.html.networks import in_order, ranges
from pam_deploy_graph.report.html.shown_text import clean, shorten
from pam_deploy_graph.report.html.status_styles import LOOKS, Look
from pam_deploy_graph.report.html.workstations import Workstation

_REASON: Final = 400
"""一条原因至多显示几个字符。"""
_LOGS_EACH: Final = 4
"""一个原因最多附几台的日志。"""
_LOG: Final = 4_000
"""一台的日志至多几个字符。"""
_LOGS_TOTAL: Final = 200_000
"""整页日志转义之后至多几个字符，免得页面过大。"""
_BRIEF: Final = 120
"""列在末尾的原因至多显示几个字符。"""
MOST_CAUSES: Final = 40
"""详细列出几种原因；再多的简短地列在末尾。"""
_BAD_LINE: Final = re.compile(r"\b(?:ERROR|FATAL|CRITICAL|Traceback|Exception)\b|错误|失败|不通过", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LogExcerpt:
    """一台的日志片段；每行带着「是不是出错的行」。"""

    ip: str
    lines: list[tuple[str, bool]]


@dataclass(slots=True)
class Cause:
    """一个原因：停在哪一步、为什么、哪些工作站、后来怎样。全局步骤的原因没有工作站。"""

    anchor: str
    stage: str
    reason: str
    ips: list[str] = field(default_factory=list)
    outcomes: list[tuple[Look, int]] = field(default_factory=list)
    logs: list[LogExcerpt] = field(default_factory=list)
    without_log: int = 0
    alike: bool = False
    """这一组里的原因是否只差数字。"""

    @property
    def where(self) -> list[str]:
        """哪些工作站，连号合并。"""
        return ranges(self.ips)

    @property
    def brief(self) -> str:
        """简短的原因。"""
        return shorten(self.reason, _BRIEF)


def causes_of(report: Mapping[str, Any], fleet: Sequence[Workstation], logs: Mapping[str, str]) -> list[Cause]:
    """把失败按原因分组，全局步骤在前，其余台数多的在前；只差自己的地址与数字的算同一个原因。

    Args:
        report: 报告对象。
        fleet: 全部工作站。
        logs: 工作站地址到日志文字；没有的就不附。

    """
    groups: dict[str, list[Workstation]] = {}
    for workstation in (one for one in fleet if one.failed):
        known = {"failed_stage": workstation.stage, "failure_reason": workstation.reason}
        groups.setdefault(cause_of(workstation.ip, known), []).append(workstation)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    stopped = [Cause(f"g{n}", *step) for n, step in enumerate(_global_failures(report["events"]), 1)]
    found = stopped + [_cause(f"c{n}", members) for n, (_, members) in enumerate(ordered, 1)]
    _attach_logs(found[:MOST_CAUSES], logs)
    return found


def _cause(anchor: str, members: Sequence[Workstation]) -> Cause:
    """一组工作站的原因；只有一台时原话照录。"""
    texts = {without_ip(one.reason, one.ip): None for one in members}
    counted = Counter(one.look.key for one in members)
    return Cause(
        anchor=anchor,
        stage=members[0].stage,
        reason=shorten(members[0].reason if len(members) == 1 else next(iter(texts)), _REASON),
        ips=in_order(one.ip for one in members),
        outcomes=[(LOOKS[key], counted[key]) for key in LOOKS if counted[key]],
        alike=len(texts) > 1,
    )


def _global_failures(events: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """至今没有补上的全局步骤失败：步骤与原因。"""
    failed: dict[str, str] = {}
    for event in events:
        if event.get("ip") is None and event["type"] in ("ACTION_DONE", "ACTION_FAIL"):
            failed.pop(event["stage"], None)
            if event["type"] == "ACTION_FAIL":
                failed[event["stage"]] = shorten(str(event.get("message", "")), _REASON)
    return list(failed.items())


def _attach_logs(causes: Sequence[Cause], logs: Mapping[str, str]) -> None:
    """每个原因附上前几台的日志；总量有上限。"""
    left = _LOGS_TOTAL
    for cause in causes:
        with_log = [ip for ip in cause.ips if logs.get(ip)]
        for ip in with_log[:_LOGS_EACH]:
            text = clean(logs[ip])[-_LOG:]
            left -= len(escape(text))
            if left < 0:
                break
            cause.logs.append(LogExcerpt(ip, [(line, bool(_BAD_LINE.search(line))) for line in text.splitlines()]))
        cause.without_log = len(cause.ips) - len(cause.logs)
