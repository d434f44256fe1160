"""变化：每台此刻是什么、要变成什么，同样的并成一组（纯函数；像 Terraform 那样说差在哪里）。

没有读到的自成一组，不当作哪一版。
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from pam_deploy_graph.flows.service_state import running_of
from pam_deploy_graph.i18n import Worded, msgid, tr
from pam_deploy_graph.inputs.addresses import compress_ips, show_ips
from pam_deploy_graph.models import Values
from pam_deploy_graph.system.safe_text import markdown_safe


class Change(StrEnum):
    """一组工作站的变化属于哪一种；次序就是列出来的次序。"""

    VERSION = "version"
    INSTALL = "install"
    STOPPED = "stopped"
    SAME = "same"
    UNREAD = "unread"
    UNREACHABLE = "unreachable"
    OFFLINE = "offline"


_WORK: Final = frozenset({Change.VERSION, Change.INSTALL, Change.STOPPED, Change.UNREAD})
"""要动手的几种；原已是目标版本的，重做时也算。"""
_TEXTS: Final = Worded(
    {
        Change.VERSION: "{before} → {to}",
        Change.INSTALL: "未安装 → {to}",
        Change.STOPPED: "停用着 {before} → {to}，装完启动",
        Change.SAME: "已是 {to}，验证通过就跳过",
        Change.UNREAD: "没有读到 → {to}，轮到时先读",
        Change.UNREACHABLE: "刚才离线，轮到时还离线就不动手",
        Change.OFFLINE: "离线，这次不做",
    }
)
_AGAIN: Final = msgid("已是 {to}，照样重做")


@dataclass(slots=True)
class VersionGroup:
    """同样变化的几台；``before`` 没有读到为 ``None``，没有安装为空串；``running`` 不知道为 ``None``。"""

    change: Change
    before: str | None
    to: str
    running: bool | None
    work: bool
    ips: list[str]

    def text(self) -> str:
        """写成一行，外来的版本号只是文字。"""
        template = tr(_AGAIN) if self.work and self.change is Change.SAME else _TEXTS[self.change]
        said = template.format(before=self.before, to=self.to)
        unknown = tr("（在不在运行没有读到）") if self.change is Change.VERSION and self.running is None else ""
        return markdown_safe(f"{said}{unknown}")

    def data(self) -> dict[str, Any]:
        """写进问题里的样子：台数与地址的短写法，不是长长的清单。"""
        return asdict(self) | {"change": str(self.change), "ips": compress_ips(self.ips), "count": len(self.ips)}


def changes_of(
    targets: Iterable[str], offline: Sequence[str], found: Mapping[str, Values], *, wanted: str, force: bool
) -> list[VersionGroup]:
    """把要动的工作站按变化分组，每台恰好在一组里。

    Args:
        targets: 要动的工作站。
        offline: 要求了而不在线的。
        found: 看到的样子（``query-ip`` 的应答）；没有看、问不到的不在其中。
        wanted: 要装的版本。
        force: 已在目标版本上的要不要重做。

    Returns:
        各组；按种类排，同一种里台数多的在前。

    """
    groups: dict[tuple[Change, str | None, bool | None], list[str]] = {}
    for ip in targets:
        groups.setdefault(_kind(found.get(ip), wanted), []).append(ip)
    if offline:
        groups[Change.OFFLINE, None, None] = list(offline)
    made = [
        VersionGroup(kind, before, wanted, running, kind in _WORK or (force and kind is Change.SAME), ips)
        for (kind, before, running), ips in groups.items()
    ]
    order = list(Change)
    return sorted(made, key=lambda group: (order.index(group.change), -len(group.ips)))


def to_do(groups: Iterable[VersionGroup]) -> int:
    """要动手的有几台。"""
    return sum(len(group.ips) for group in groups if group.work)


def change_lines(groups: Iterable[VersionGroup], names: Mapping[str, str]) -> list[str]:
    """一组一行，连同是哪几台、叫什么。"""
    return [
        tr("{text}: {n} 台：{show_ips}", text=group.text(), n=len(group.ips), show_ips=show_ips(group.ips, names))
        for group in groups
    ]


def _kind(values: Values | None, wanted: str) -> tuple[Change, str | None, bool | None]:
    """一台属于哪一种变化，连同它此刻的版本与在不在运行。"""
    if values is None:
        return Change.UNREAD, None, None
    if str(values["ONLINE"]).lower() != "true":
        return Change.UNREACHABLE, None, None
    version, running = str(values["VERSION"]), running_of(str(values["RUNNING"]))
    if not version:
        return Change.INSTALL, version, running
    if running is False:
        return Change.STOPPED, version, running
    same = version == wanted and running is True
    return (Change.SAME if same else Change.VERSION), version, running
