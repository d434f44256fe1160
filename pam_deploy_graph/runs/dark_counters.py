"""几次运行合起来看，此刻停用的、不知道的柜台：同一个模块的同一台，最近动过它的那次运行说了算（contract 第 8 节）。"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pam_deploy_graph.errors import LedgerDamagedError
from pam_deploy_graph.flows.service_state import listed
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Ledger, touched
from pam_deploy_graph.models import AgentState

_WHAT: Final = ("airport", "application", "module")
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Dark:
    """一次运行留下的：``row`` 是它在 ``runs`` 里的一行，``ips`` 停用的，``unknown`` 动过手而不知道在不在运行的。"""

    row: Mapping[str, Any]
    ips: Sequence[str]
    unknown: Sequence[str]

    def said(self, names: Mapping[str, str]) -> str:
        """写成一句，停用的在前；``names`` 是地址 -> 名称。"""
        stopped, unknown = self.ips, self.unknown
        parts = [
            tr("停用 {n} 台：{listed}", n=len(stopped), listed=named(stopped, names)) if stopped else "",
            tr("状态未知 {n} 台：{listed}", n=len(unknown), listed=named(unknown, names)) if unknown else "",
        ]
        where = "/".join(_what(self.row))
        told = tr("；").join(filter(None, parts))
        return tr("{told}（{where}，运行 {run_id}）", told=told, where=where, run_id=self.row["run_id"])


def dark_counters(
    rows: Sequence[Mapping[str, Any]], spoken_for: Callable[[Mapping[str, Any]], Collection[str]]
) -> Iterator[Dark]:
    """逐次给出还停用、还不知道的，新的在前；都没有的不给。

    Args:
        rows: ``run_table.row_of`` 的各行，新的在前。
        spoken_for: 一次运行知道、或动过哪几台，见 ``speaks_for``；只问与停用的同一个模块的。

    """
    seen: dict[tuple[Any, ...], set[str]] = {}
    oldest = {_what(row): place for place, row in enumerate(rows) if row["out_of_service"] or row["state_unknown"]}
    for place, row in enumerate(rows):
        what = _what(row)
        if place > oldest.get(what, -1):
            continue
        newer = seen.setdefault(what, set())
        ips, unknown = ([ip for ip in row[key] or () if ip not in newer] for key in ("out_of_service", "state_unknown"))
        if ips or unknown:
            yield Dark(row, ips, unknown)
        if place < oldest[what]:
            newer.update(spoken_for(row))


def speaks_for(state: AgentState) -> frozenset[str]:
    """一次运行说了算的几台：读回过，或动过手；开了工而什么也没有读到、没有动的，还照从前的说。"""
    return frozenset(ip for ip, workstation in state.ip_states.items() if workstation["read_at"] or touched(state, ip))


def spoken_for_in(ledger: Ledger) -> Callable[[Mapping[str, Any]], frozenset[str]]:
    """照账本说一次运行说了算的是哪几台；记录坏了的一台也不算，它自己另有一行。"""

    def told(row: Mapping[str, Any]) -> frozenset[str]:
        """从全部事件折叠。"""
        try:
            return speaks_for(ledger.load_state(row["run_id"], keep_events=False))
        except LedgerDamagedError:
            return frozenset()

    return told


def first_line(rows: Sequence[Mapping[str, Any]]) -> str:
    """几次运行的第一行，照 ``list_runs`` 给各行写好的；没有停用的、不知道的为空串。"""
    return tr("；").join(filter(None, (row["first_line"] for row in rows)))


def named(ips: Sequence[str], names: Mapping[str, str]) -> str:
    """点名，``names`` 是地址 -> 名称；多了就只列前几台。"""
    return listed([f"{ip} {names[ip]}" if ip in names else ip for ip in ips], _MOST_NAMED)


def _what(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """哪座机场的哪个应用、模块。"""
    return tuple(row[name] for name in _WHAT)
