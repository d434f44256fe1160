"""网格：工作站按处境分组，组内按网络排开；一格一台，越轻越好（纯函数）。"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.report.html.networks import networks, split
from pam_deploy_graph.report.html.shown_text import shorten
from pam_deploy_graph.report.html.status_styles import LOOKS, Look
from pam_deploy_graph.report.html.workstations import Workstation
from pam_deploy_graph.system.shown_time import clock, span

_VERSION: Final = 40
"""一格的说明里版本号至多几个字符。"""
_NARROW: Final = 4
"""末段不超过几个字符时用窄格。"""


@dataclass(frozen=True, slots=True)
class Cell:
    """一格：网络部分、末段、说明，失败的还有原因的锚。"""

    head: str
    tail: str
    detail: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Network:
    """同一个网络的格子；``wide`` 表示地址太长，用宽格。"""

    head: str
    cells: list[Cell]
    wide: bool


@dataclass(frozen=True, slots=True)
class Group:
    """同一种处境的工作站。"""

    look: Look
    count: int
    networks: list[Network]


def grid_of(fleet: Sequence[Workstation], anchors: Mapping[str, str]) -> list[Group]:
    """排出网格。

    Args:
        fleet: 全部工作站。
        anchors: 失败的工作站指向页面上哪一个原因。

    """
    by_look: dict[str, dict[str, Workstation]] = {key: {} for key in LOOKS}
    for workstation in fleet:
        by_look[workstation.look.key][workstation.ip] = workstation
    return [Group(LOOKS[key], len(found), _networks(found, anchors)) for key, found in by_look.items() if found]


def _networks(found: Mapping[str, Workstation], anchors: Mapping[str, str]) -> list[Network]:
    """一组工作站按网络排开。"""
    rows = []
    for head, ips in networks(found):
        cells = [_cell(found[ip], anchors.get(ip, "")) for ip in ips]
        rows.append(Network(head, cells, any(len(cell.tail) > _NARROW for cell in cells)))
    return rows


def _cell(workstation: Workstation, anchor: str) -> Cell:
    """一格。"""
    head, tail = split(workstation.ip)
    return Cell(head, tail, _detail(workstation), anchor)


def _detail(workstation: Workstation) -> str:
    """一格的说明：名称、版本、停在哪一步、用时、何时。"""
    before, after = (shorten(text, _VERSION) or tr("未读到") for text in (workstation.before, workstation.after))
    parts = [workstation.name] if workstation.name else []
    parts += [f"{before} → {after}"] if workstation.before or workstation.after else []
    parts += [tr("停在 {stage}", stage=workstation.stage)] if workstation.stage else []
    parts += [tr("用时 {span}", span=span(took))] if (took := workstation.times.took) is not None else []
    parts += [clock(workstation.times.ended)] if workstation.times.ended else []
    return " · ".join(parts)
