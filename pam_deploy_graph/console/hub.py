"""给各个浏览器的流：有人看才去看账本，几个人看同一次运行只看一遍。

一个浏览器一条流（``static/stream.js`` 在它的各个标签页之间分），里面有几次运行与总览。一秒没有别的可说就说一声「在」。
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from pam_deploy_graph.console.board import Board, board_of
from pam_deploy_graph.console.frames import phase_word, run_frame, wire
from pam_deploy_graph.console.live import Live
from pam_deploy_graph.console.room import Room
from pam_deploy_graph.errors import PamError
from pam_deploy_graph.i18n import language, speaking
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.system.shown_time import clock

_TICK: Final = 0.5
_BEAT: Final = 1.0
_BOARD_EVERY: Final = 2.0
_MOST_WATCHED: Final = 16
"""一条流至多看几次运行。"""


@dataclass(slots=True)
class Watch:
    """看着的一次运行：页面画到第几行，画的是哪张网格。"""

    run_id: str
    after: int
    grid: str
    told: tuple[Any, ...] = ()
    """最近一次对它说的是什么样子。"""


@dataclass(slots=True)
class _Latest:
    """一次运行最近一次看到的。"""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    at: float = 0.0
    live: Live | None = None
    told: tuple[Any, ...] = ()
    """那时是什么样子。"""
    frames: dict[tuple[int, str, str], tuple[bytes, int]] = field(default_factory=dict)
    """照「从哪一行起、哪张网格、哪种语言」写好的帧，与它说到第几行：几个人看只写一次。"""


def read_watches(texts: list[str]) -> list[Watch]:
    """读地址里的 ``运行:行号:网格``；看不懂的不要。"""
    found = []
    for text in texts[:_MOST_WATCHED]:
        run_id, _, rest = text.partition(":")
        after, _, grid = rest.partition(":")
        if run_id and after.isdigit():
            found.append(Watch(run_id, int(after[:12]), grid[:32]))
    return found


class Hub:
    """一个进程一个。"""

    def __init__(self, room: Room) -> None:
        """还没有人看。"""
        self._room = room
        self._latest: dict[str, _Latest] = {}
        self._boards: dict[str, tuple[Board, float]] = {}
        """各种语言的总览，与何时看的。"""
        self._board_lock = asyncio.Lock()
        self.open = True

    async def board(self, older_than: float = 0.3) -> Board:
        """总览；不比 ``older_than`` 秒更旧。"""
        async with self._board_lock:
            board, at = self._boards.get(language(), (None, 0.0))
            if board is None or time.monotonic() - at > older_than:
                board = await self._room.ask(board_of, self._room)
                self._boards[language()] = board, time.monotonic()
            return board

    async def stream(self, watches: list[Watch], spoken: str) -> AsyncIterator[bytes]:
        """一条流，直到对方走开；``spoken`` 是看的人的语言。"""
        spoke, told = 0.0, ""
        while self.open:
            with speaking(spoken):
                parts = [part for watch in watches if (part := await self._news(watch))]
                board = await self.board(_BOARD_EVERY)
            if board.mark != told:
                told = board.mark
                parts.append(wire({"run": "", "mark": told, "waiting": board.waiting_count, "dark": board.dark_count}))
            now = time.monotonic()
            if parts or now - spoke >= _BEAT:
                spoke = now
                yield b"".join([*parts, wire({"beat": clock(now_ms())})])
            await asyncio.sleep(_TICK - now % _TICK)  # 大家同时醒，看一遍就够

    async def _news(self, watch: Watch) -> bytes:
        """一次运行在 ``watch.after`` 之后有什么新的；没有为空。"""
        known = self._latest.setdefault(watch.run_id, _Latest())
        async with known.lock:
            if time.monotonic() - known.at >= _TICK * 0.9:
                try:
                    await self._room.ask(self._look, known, watch.run_id)
                except PamError:
                    return b""
            live = known.live
            if live is None or watch.told == known.told:
                return b""
            key = (watch.after, watch.grid, language())
            if key not in known.frames:
                known.frames[key] = await self._room.ask(_frame, live, watch)
            watch.told = known.told
            part, watch.after = known.frames[key]
            return part

    def _look(self, known: _Latest, run_id: str) -> None:
        """追上账本，写好的帧都不要了。"""
        known.live = live = self._room.live(run_id)
        known.told = (live.seq, live.side, live.grid, phase_word(live))
        known.at = time.monotonic()
        known.frames.clear()


def _frame(live: Live, watch: Watch) -> tuple[bytes, int]:
    """写一帧，连同它说到第几行；在管账本的线程里做，写的当中折叠不会变。"""
    return wire(run_frame(live, watch.after, watch.grid, now_ms())), live.seq
