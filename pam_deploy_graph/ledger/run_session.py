"""会话：握着租约的一段时间，事件只能经由它写进账本。"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from anyio import CancelScope
from sqlalchemy import Engine, Executable

from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import chain, leases
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.ledger.fold import apply
from pam_deploy_graph.ledger.writer import BEAT_MS, LedgerWriter, Row
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.system import event_loop
from pam_deploy_graph.system.masking import masked

Listener = Callable[[Event], None]
_LOGGER: Final = logging.getLogger(__name__)


class RunSession:
    """一次运行的写会话；``state`` 随事件推进。用 ``async with session.alive()`` 保持租约。"""

    def __init__(
        self,
        engine: Engine,
        writer: LedgerWriter,
        lease: leases.Lease,
        state: AgentState,
        link: bytes,
        made: Mapping[str, Any],
    ) -> None:
        """由 ``Ledger.open_session`` 创建；``made`` 是决定的链此刻到了哪里。"""
        self._made = made
        self._engine = engine
        self._writer = writer
        self._lease = lease
        self._link = link
        self._last: asyncio.Future[None] | None = None
        self._entered = False
        self.state = state
        self.listeners: list[Listener] = []

    def append(self, *events: Event, also: Sequence[Executable] = ()) -> asyncio.Future[None]:
        """应用并写下同时发生的事件（合成一行）；等于 ``note`` 各个事件再 ``write``。"""
        for event in events:
            self.note(event)
        return self.write(events, also)

    def note(self, event: Event) -> None:
        """遮过秘密，应用到状态并告诉听众；写进账本要另外 ``write``。听众各得一份抄本，它出错不牵连推出。"""
        event.update(masked(event), at=now_ms())
        apply(self.state, event)
        for listener in self.listeners:
            try:
                listener(dict(event))
            except Exception:  # 听众是宿主写的，什么都可能抛出
                _LOGGER.exception(tr("听众 %r 在事件 %s 上出错；推出照常"), listener, event["type"])

    def write(self, events: Sequence[Event], also: Sequence[Executable] = ()) -> asyncio.Future[None]:
        """把已应用的事件写成一行；``also`` 是同一个事务里的其他语句。

        Returns:
            落盘后得到结果的 future；需要「先落盘再动手」的地方必须等它。

        Raises:
            LedgerError: 之前的写入已经失败（经由 future 给出，或在这里直接抛出）。

        """
        self._check()
        if self._made["decisions"] not in (0, self.state.decisions_seen):
            seen = {"decisions": self._made["decisions"], "decision_link": self._made["decision_link"]}
            event: Event = {"type": "DECISIONS_SEEN", **seen, "at": now_ms()}
            apply(self.state, event)
            events = [event, *events]
        at, seq = now_ms(), self.state.ledger_seq + 1
        body = chain.encode(events, at)
        self._link = chain.link_of(self._link, seq, at, body)
        self.state.ledger_seq = seq
        return self._submit(seq, at, body, also)

    async def flush(self) -> None:
        """等到此前写下的事件全部落盘。"""
        if self._last is not None:
            await asyncio.shield(self._last)

    def drive(self, work: Callable[["RunSession"], Awaitable[None]]) -> None:
        """在自己的事件循环里握着租约做完 ``work``；没有轮到它做就被打断的，也交还租约。"""

        async def held() -> None:
            """握着做。"""
            async with self.alive():
                await work(self)

        try:
            event_loop.call(held)
        finally:
            if not self._entered:
                self.release()

    @asynccontextmanager
    async def alive(self) -> AsyncIterator["RunSession"]:
        """保持租约；离开时写完并交还。交不还会过期，但本进程下一段就进不来，所以也算写不进账本。

        Raises:
            LedgerError: 写不进去，或交不还。

        """
        self._entered = True
        overlooked: tuple[type[LedgerError], ...] = (LedgerError,)
        heart = asyncio.create_task(self._beat())
        try:
            yield self
            await self.flush()
            overlooked = ()
        except LedgerError:
            # 内存已经走在账本前面：下次推进时从头折叠
            self.state.ledger_seq = -1
            raise
        except BaseException:
            # 被打断的也把已记下的写完：内存已经这样往前走了
            with CancelScope(shield=True), contextlib.suppress(LedgerError):
                await self.flush()
            raise
        finally:
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heart
            with CancelScope(shield=True), contextlib.suppress(*overlooked):  # 已经有错误要说的，不用它盖掉
                await self._touch(last=True)

    def release(self) -> None:
        """没有用 ``alive`` 的，交还租约。"""
        leases.release(self._engine, self._lease)

    def _check(self) -> None:
        """之前的写入若已失败，不再接受新的事件。"""
        if self._last is not None and self._last.done() and (error := self._last.exception()):
            raise error

    def _submit(self, seq: int, at: int, body: str, also: Sequence[Executable]) -> asyncio.Future[None]:
        """交给写手；先前的一行没有被等待时，不让它的异常无声消失（下一行会再报）。

        等的人被取消，不等于这一行不写了：给出去的是另一个 future，``flush`` 仍等得到写手的结果。
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_observe)
        self._writer.submit(Row(self._lease.run_no, self._lease.fence, seq, at, body, self._link, future, also))
        self._last = future
        waited = asyncio.shield(future)
        waited.add_done_callback(_observe)
        return waited

    async def _beat(self) -> None:
        """每隔一会儿续租一次。"""
        while True:
            await asyncio.sleep(BEAT_MS / 1000)
            self._touch(last=False)

    def _touch(self, *, last: bool) -> asyncio.Future[None]:
        """不写事件，只续租，或交还；排在先前交出的写之后，所以交还之后不会又被续上。"""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_observe)
        self._writer.submit(Row(self._lease.run_no, self._lease.fence, 0, 0, "", b"", future, last=last))
        return future


def _observe(future: asyncio.Future[None]) -> None:
    """取走结果，免得事件循环抱怨无人查看；真正的处理在 ``_check`` 与等待者那里。"""
    if not future.cancelled():
        future.exception()
