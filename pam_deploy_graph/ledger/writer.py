"""账本的唯一写手：一个线程，把等着的写入合成一个事务（组提交）。

每批在同一事务里先核对围栏号，租约已失的写入一行也不落盘；
数据库断了一下，在租约之内等它回来再写同一批，主键与围栏号管着不会写两遍；
一行写失败之后，同一会话后面的行也不再写，行号因此不会有缺口。
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, Executable, Update, bindparam, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from pam_deploy_graph.errors import LedgerError, StaleFenceError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import rows
from pam_deploy_graph.ledger.engine import write_failure
from pam_deploy_graph.ledger.holders import database_now
from pam_deploy_graph.ledger.outlast import Outage
from pam_deploy_graph.ledger.schema import events, leases

LEASE_MS: Final = 30_000
BEAT_MS: Final = LEASE_MS // 6
"""隔这么久续一次：误了四次也还没有过期。"""
_LAST_WORDS_SECONDS: Final = 30.0
_INSERT: Final = insert(events)
# PostgreSQL 上要锁住这一行，接管者才不会插进核对与写入之间；SQLite 的写事务本来就是独占的
_FENCE: Final = select(leases.c.fence).where(leases.c.run_no == bindparam("no")).with_for_update()
_RENEW: Final = update(leases).where(leases.c.run_no == bindparam("no")).values(expires_at=bindparam("until"))


@dataclass(slots=True)
class Row:
    """一次持久写入；``body`` 为空串表示只续租不写行。"""

    run_no: int
    fence: int
    seq: int
    at: int
    body: str
    link: bytes
    future: asyncio.Future[None]
    also: Sequence[Executable] = ()
    """与这一行同一个事务的其他语句。"""
    last: bool = False
    """会话的最后一次：交还租约；前面的写没写成都要交。"""

    @property
    def lease(self) -> tuple[int, int]:
        """哪一份租约。"""
        return self.run_no, self.fence


class LedgerWriter:
    """组提交的写手线程；``submit`` 可从任一事件循环调用，按提交次序落盘。"""

    def __init__(self, engine: Engine) -> None:
        """记下引擎；线程在第一次提交时才启动。"""
        self._engine = engine
        self._queue: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._broken: dict[tuple[int, int], Exception] = {}
        self._renewed: dict[tuple[int, int], float] = {}

    def start_over(self) -> None:
        """``fork`` 之后在子进程里调用：写手线程留在了父进程，从头来过。"""
        self._queue, self._thread, self._lock = queue.SimpleQueue(), None, threading.Lock()
        self._broken, self._renewed = {}, {}

    def submit(self, row: Row) -> None:
        """交出一行；落盘（或失败）后 ``row.future`` 在它自己的事件循环里得到结果。"""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="pam-ledger", daemon=True)
                self._thread.start()
        self._queue.put(row)

    def close(self) -> None:
        """写完已交出的行，然后停下线程；数据库冻住的，等够了就不再等，进程照样退得出去。"""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(_LAST_WORDS_SECONDS)

    def let_go(self) -> None:
        """账本没有人要了：线程写完已交出的行就走，不等它；正有人在启动它的，就算了。"""
        if self._lock.acquire(blocking=False):
            try:
                if self._thread is not None:
                    self._thread = None
                    self._queue.put(None)
            finally:
                self._lock.release()

    def _serve(self) -> None:
        """线程主体：取一行，再把已排队的全部取来，作为一批提交；连不上数据库的那一批算写失败，线程照旧。"""
        own = _OwnConnection(self._engine)
        with contextlib.closing(own):
            while (first := self._queue.get()) is not None:
                batch, last = self._drain(first)
                self._commit(own, batch)
                if last:
                    return

    def _drain(self, first: Row) -> tuple[list[Row], bool]:
        """取出此刻已排队的所有行；第二个值表示收到了停止信号。"""
        batch = [first]
        while True:
            try:
                row = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
            if row is None:
                return batch, True
            batch.append(row)

    def _commit(self, own: "_OwnConnection", batch: list[Row]) -> None:
        """把一批写进一个事务并通知等待者；数据库断了，租约还在就等它回来再写同一批。"""
        failure = self._try_for_long(own, batch)
        self._broken |= {row.lease: failure for row in batch if failure}
        told = [(row.future, failure if row.last else self._broken.get(row.lease)) for row in batch]
        for row in batch:
            if row.last:
                self._broken.pop(row.lease, None)
                self._renewed.pop(row.lease, None)
        _notify(told)

    def _try_for_long(self, own: "_OwnConnection", batch: list[Row]) -> LedgerError | None:
        """写到写成，返回 ``None``；租约之内写不成，返回错误。"""
        again = False
        with Outage(self._engine, self._lease_left(batch)) as outage:
            while True:
                try:
                    self._write(own.get(), batch, again=again)
                except SQLAlchemyError as error:
                    own.close()
                    if again := outage.wait(error):
                        continue
                    return write_failure(error, self._engine, outage.waited())
                except LedgerError as error:  # 租约那一行读不懂
                    return error
                else:
                    return None

    def _lease_left(self, batch: list[Row]) -> float:
        """批中的租约最早的一个还剩几秒；还没有续过的是刚取得的。"""
        now = time.monotonic()
        return min(self._renewed.get(row.lease, now) for row in batch) + LEASE_MS / 1000 - now

    def _write(self, connection: Connection, batch: list[Row], *, again: bool) -> None:
        """一个事务；``again`` 是断线之后再来，上一次也许其实写成了，写成的不再写。"""
        with connection.begin():
            renewed = self._check_leases(connection, batch)
            rows = [row for row in batch if row.body and row.lease not in self._broken]
            if again:
                rows = [row for row in rows if not _written(connection, row)]
            if rows:
                connection.execute(_INSERT, [_columns(row) for row in rows])
            for statement in (also for row in rows for also in row.also):
                connection.execute(statement)
            for row in batch:
                if row.last:
                    connection.execute(giving_back(*row.lease))
        self._renewed |= renewed

    def _check_leases(self, connection: Connection, batch: list[Row]) -> dict[tuple[int, int], float]:
        """在同一事务里核对批中每个运行的围栏号；来续租的都续，返回续了哪些、何时。"""
        renewed, beating = {}, {row.lease for row in batch if not row.body}
        for run_no, fence in {row.lease for row in batch}:
            if connection.execute(_FENCE, {"no": run_no}).scalar() != fence:
                self._broken[run_no, fence] = StaleFenceError(tr("这次运行已被另一个进程接管，本进程不再动手"))
            elif (run_no, fence) in beating:
                connection.execute(_RENEW, {"no": run_no, "until": database_now(connection) + LEASE_MS})
                renewed[run_no, fence] = time.monotonic()
        return renewed


class _OwnConnection:
    """写手自己的连接：连上一次就一直用，断了再连；用完就关，不还给连接池。"""

    def __init__(self, engine: Engine) -> None:
        """记下引擎，还没有连。"""
        self._engine = engine
        self._connection: Connection | None = None

    def get(self) -> Connection:
        """返回连着的；没有就连。"""
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(pam_write=True)
            self._connection.detach()
        return self._connection

    def close(self) -> None:
        """关掉；已经断了的，关不成也就算了。"""
        with contextlib.suppress(SQLAlchemyError):
            if self._connection is not None:
                self._connection.close()
        self._connection = None


def giving_back(run_no: int, fence: int) -> Update:
    """返回交还租约的语句；已被接管则什么也不做。``fence`` 保留，下一个持有者从它加一。"""
    mine = (leases.c.run_no == run_no) & (leases.c.fence == fence)
    return update(leases).where(mine).values(expires_at=0, pid=0)


def _written(connection: Connection, row: Row) -> bool:
    """这一行已经在账本里；链接相同，内容与之前的一切就相同。"""
    return rows.stored_link(connection, row.run_no, row.seq) == row.link


def _columns(row: Row) -> dict[str, object]:
    """一行的列值。"""
    return {"run_no": row.run_no, "seq": row.seq, "at": row.at, "body": row.body, "link": row.link}


def _notify(outcomes: Iterable[tuple[asyncio.Future[None], Exception | None]]) -> None:
    """按事件循环分组，一次唤醒一个循环。"""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[None], Exception | None]]] = defaultdict(list)
    for future, error in outcomes:
        by_loop[future.get_loop()].append((future, error))
    for loop, group in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, group)


def _resolve(group: list[tuple[asyncio.Future[None], Exception | None]]) -> None:
    """在事件循环里给出结果；已取消的等待者跳过。"""
    for future, error in group:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
