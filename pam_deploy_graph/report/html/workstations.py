"""机群：把报告对象里的每台工作站连同它的起止时刻收成一行（纯函数）。"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pam_deploy_graph.constants import DECISIONS, IpStatus, RollbackStatus
from pam_deploy_graph.flows.service_state import version_text
from pam_deploy_graph.report.html.status_styles import LOOKS, Look, look_of

_BEGINS: Final = frozenset({"IP_START", *(row.event for row in DECISIONS.values() if row.resumes)})
_ENDS: Final = frozenset({"IP_DONE", "IP_SKIPPED", "CONFIRMATION_REQUIRED"})


@dataclass(slots=True)
class Times:
    """一台工作站最近一次推进的起止，Unix 毫秒；没有为 ``None``。"""

    began: int | None = None
    ended: int | None = None

    @property
    def took(self) -> int | None:
        """用了多少毫秒；不知道为 ``None``。"""
        return self.ended - self.began if self.began and self.ended else None


@dataclass(frozen=True, slots=True)
class Workstation:
    """页面上的一台工作站；版本都是真正读回来的，没有读到为空串。

    ``failed`` 是失败或结果未知（包括已回滚的），或者没有退回成。
    """

    ip: str
    look: Look
    failed: bool
    stage: str
    reason: str
    before: str
    after: str
    log_file: str
    times: Times
    name: str = ""


def fleet_of(report: Mapping[str, Any]) -> list[Workstation]:
    """返回全部工作站：目标与开了工的，以及要求了而不在线的。"""
    times, skipped = _read_events(report["events"])
    found = [_workstation(ip, row, times, skipped=ip in skipped) for ip, row in report["ips"].items()]
    missing = [ip for ip in report["missing_ips"] if ip not in report["ips"]]
    return found + [_offline(ip) for ip in missing]


def _read_events(events: list[dict[str, Any]]) -> tuple[dict[str, Times], set[str]]:
    """走一遍事件，取每台的起止与跳过的工作站。"""
    times: dict[str, Times] = {}
    skipped: set[str] = set()
    for event in events:
        ip, kind = event.get("ip"), event["type"]
        if ip is None or kind not in _BEGINS | _ENDS:
            continue
        if kind in _BEGINS:
            times[ip] = Times(event.get("at"))
        else:
            times.setdefault(ip, Times()).ended = event.get("at")
        if kind == "IP_SKIPPED":
            skipped.add(ip)
    return times, skipped


def _offline(ip: str) -> Workstation:
    """要求了而不在线的一台。"""
    return Workstation(
        ip, LOOKS["offline"], failed=False, stage="", reason="", before="", after="", log_file="", times=Times()
    )


def _shown(version: str | None) -> str:
    """读回的版本；没有读到为空串。"""
    return "" if version is None else version_text(version)


def _workstation(ip: str, row: Mapping[str, Any], times: Mapping[str, Times], *, skipped: bool) -> Workstation:
    """一台工作站的一行。"""
    return Workstation(
        ip=ip,
        look=look_of(row, skipped=skipped),
        failed=row["status"] in (IpStatus.FAILED, IpStatus.IN_DOUBT) or row["rollback"] == RollbackStatus.FAILED,
        stage=row["failed_stage"],
        reason=row["failure_reason"],
        before=_shown(row["version_before"]),
        after=_shown(row["version_after"]) + ("（已停止）" if row["running"] is False else ""),
        log_file=row["log_file"],
        times=times.get(ip, Times()),
        name=row.get("name", ""),
    )
