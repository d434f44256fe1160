"""版本：每台开工前后真正读回来的版本，合并成几行（纯函数）。"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pam_deploy_graph.report.html.networks import ranges
from pam_deploy_graph.report.html.status_styles import LOOKS, Look
from pam_deploy_graph.report.html.workstations import Workstation


@dataclass(frozen=True, slots=True)
class VersionRow:
    """一种前后版本与处境；没有读到的版本为空串。"""

    before: str
    after: str
    reached: bool
    look: Look
    count: int
    where: list[str]


def versions_of(report: Mapping[str, Any], fleet: Sequence[Workstation]) -> list[VersionRow]:
    """按前后版本与处境合并，台数多的在前；不在线和没开工的没有版本可读，不列。"""
    wanted = report["params"].get("VERSION_NUMBER", "")
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in fleet:
        if one.look.key not in ("offline", "idle"):
            groups.setdefault((one.before, one.after, one.look.key), []).append(one.ip)
    rows = [
        VersionRow(before, after, bool(after) and after == wanted, LOOKS[key], len(ips), ranges(ips))
        for (before, after, key), ips in groups.items()
    ]
    return sorted(rows, key=lambda row: -row.count)
