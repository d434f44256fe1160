"""机群：把报告对象里的每台工作站连同它的起止时刻收成一行（纯函数）。"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pam_deploy_graph.constants import IpStatus, RollbackStatus
from pam_deploy_graph.flows.service_state import version_text
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.report.durations import Times, times_of
from pam_deploy_graph.report.html.status_styles import LOOKS, Look, look_of


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
    times = times_of(report["events"])
    found = [workstation_of(ip, row, times.get(ip, Times())) for ip, row in report["ips"].items()]
    missing = [ip for ip in report["missing_ips"] if ip not in report["ips"]]
    return found + [_offline(ip) for ip in missing]


def _offline(ip: str) -> Workstation:
    """要求了而不在线的一台。"""
    return Workstation(
        ip, LOOKS["offline"], failed=False, stage="", reason="", before="", after="", log_file="", times=Times()
    )


def _shown(version: str | None) -> str:
    """读回的版本；没有读到为空串。"""
    return "" if version is None else version_text(version)


def workstation_of(ip: str, row: Mapping[str, Any], times: Times) -> Workstation:
    """一台工作站的一行。"""
    return Workstation(
        ip=ip,
        look=look_of(row, skipped=times.skipped),
        failed=row["status"] in (IpStatus.FAILED, IpStatus.IN_DOUBT) or row["rollback"] == RollbackStatus.FAILED,
        stage=row["failed_stage"],
        reason=row["failure_reason"],
        before=_shown(row["version_before"]),
        after=_shown(row["version_after"]) + (tr("（已停止）") if row["running"] is False else ""),
        log_file=row["log_file"],
        times=times,
        name=row.get("name", ""),
    )
