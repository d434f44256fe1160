"""总览：停用的在最前，然后是等人的、停在半路的、正在推的、刚结束的（console 的第一页）。"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pam_deploy_graph.errors import LedgerDamagedError
from pam_deploy_graph.i18n import language, tr
from pam_deploy_graph.ledger import RunRecord
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.policy import Policy
from pam_deploy_graph.runs.dark_counters import Dark, dark_counters, speaks_for
from pam_deploy_graph.runs.run_table import row_of

if TYPE_CHECKING:
    from pam_deploy_graph.console.room import Room

_UNFINISHED: Final = 200
_RECENT: Final = 40
_COUNT_MS: Final = 5_000
"""进行中的，做完几台隔这么久数一遍；一万台数一遍要十几毫秒。"""
_QUIET_MS: Final = 120_000
"""有进程握着而这么久没有事件，也算停着不动。"""
_UNMARKED: Final = frozenset({"took_ms", "quiet_ms"})


@dataclass(slots=True)
class Board:
    """此刻的总览。"""

    at: int
    dark: list[Dark] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    stuck: list[dict[str, Any]] = field(default_factory=list)
    rolling: list[dict[str, Any]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)
    mark: str = ""
    """内容的摘要：变了页面才换。"""

    @property
    def waiting_count(self) -> int:
        """等人的有几件。"""
        return len(self.waiting)

    @property
    def dark_count(self) -> int:
        """停用的有几台。"""
        return sum(len(one.ips) for one in self.dark)

    @property
    def unknown_count(self) -> int:
        """不知道在不在运行的有几台。"""
        return sum(len(one.unknown) for one in self.dark)

    def dark_title(self) -> str:
        """停用的、状态未知的各几台，没有的不说。"""
        counts = (self.dark_count, self.unknown_count)
        words = (tr("停用中 {n} 台", n=counts[0]), tr("状态未知 {n} 台", n=counts[1]))
        return tr("，").join(word for word, count in zip(words, counts, strict=True) if count)

    def rows(self) -> Iterator[dict[str, Any]]:
        """全部的行。"""
        for group in (self.waiting, self.stuck, self.rolling, self.ended):
            yield from group


def board_of(room: "Room") -> Board:
    """看一遍账本；只在管账本的线程里用。"""
    ledger = room.services.ledger
    found = {run.run_no: run for run in ledger.list_runs(_UNFINISHED, unfinished=True)}
    found |= {run.run_no: run for run in ledger.list_runs(_RECENT)}
    policy = room.services.policy
    rows = [_row(room, policy, found[number]) for number in sorted(found, reverse=True)]
    board = Board(now_ms())
    board.dark = list(dark_counters(rows, partial(_touched, room)))
    for row in rows:
        _group(board, row).append(row)
    board.waiting.sort(key=lambda row: row["waiting"]["since"] or 0)
    told = [
        [{k: v for k, v in row.items() if k not in _UNMARKED} for row in rows],
        [[one.ips, one.unknown] for one in board.dark],
    ]
    board.mark = hashlib.blake2s(json.dumps(told, default=str).encode(), digest_size=8).hexdigest()
    return board


def _group(board: Board, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """一行属于哪一段。"""
    if row["exit_code"] is not None:
        return board.ended
    if row["waiting"]:
        return board.waiting
    moving = row["phase"] == "running" and row["quiet_ms"] < _QUIET_MS
    return board.rolling if moving else board.stuck


def _row(room: "Room", policy: Policy, run: RunRecord) -> dict[str, Any]:
    """一行；没有变的不重算，只是又做完几台的隔几秒才算。"""
    live, now = None, now_ms()
    if run.exit_code is None:
        with contextlib.suppress(LedgerDamagedError):
            live = room.live(run.run_id)
    mark = (run.exit_code, run.reason, run.cancelled_by, policy, live and live.mark)
    count = (live.seq, now // _COUNT_MS) if live else (0, 0)
    was, counted, row = room.rows.get((run.run_id, language()), ((), (0, 0), {}))
    if was != mark or (counted[0] != count[0] and counted[1] != count[1]):
        row = row_of(room.services.ledger, policy, run, lambda run_id: room.live(run_id).state)
        row |= {"quiet_ms": 0, "paused_by": "", "keeper": "", "looks": {}}
        room.rows[run.run_id, language()] = mark, count, row
    if live is None:
        return row
    row = row | {"quiet_ms": now - (live.state.last_at or run.created_at), "took_ms": now - run.created_at}
    row |= {"paused_by": live.state.paused_by, "looks": dict(live.counts)}
    return row | {"keeper": "web" if run.run_id in room.driven() else ""}


def _touched(room: "Room", row: Mapping[str, Any]) -> frozenset[str]:
    """一次运行动过哪几台；结束了的只读一次。"""
    run_id = row["run_id"]
    if row["exit_code"] is None:
        return speaks_for(room.known(run_id).state) if row["phase"] else frozenset()
    if run_id not in room.ended_ips:
        try:
            state = room.services.ledger.load_state(run_id, keep_events=False)
        except LedgerDamagedError:
            return frozenset()
        room.ended_ips[run_id] = speaks_for(state)
    return room.ended_ips[run_id]
