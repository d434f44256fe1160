"""租约：同一时刻只有一个进程推进一次运行；``fence`` 让过期的持有者什么也写不了。"""

import os
import socket
import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, Integer, RowMapping, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from pam_deploy_graph.errors import RunHeldError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger.engine import reading, writing
from pam_deploy_graph.ledger.holders import alive, database_now, describe, elsewhere, started
from pam_deploy_graph.ledger.outlast import execute, outlasting
from pam_deploy_graph.ledger.schema import decisions, events, leases
from pam_deploy_graph.ledger.writer import LEASE_MS, giving_back

_RUN: Final = bindparam("run_no", type_=Integer)
_LEASE: Final = select(leases).where(leases.c.run_no == _RUN)
_TAKEN: Final = _LEASE.with_for_update()
_ENDS: Final = select(
    select(func.coalesce(func.max(events.c.seq), 0)).where(events.c.run_no == _RUN).scalar_subquery(),
    select(func.coalesce(func.max(decisions.c.number), 0)).where(decisions.c.run_no == _RUN).scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class Lease:
    """已取得的租约。"""

    run_no: int
    holder: str
    fence: int


@dataclass(frozen=True, slots=True)
class Holder:
    """正握着租约的：怎么称呼；在不在别的主机上，在的只能看租期；``pulse`` 变了就是续过租，活着。"""

    who: str
    elsewhere: bool
    pulse: tuple[int, int]


def acquire(engine: Engine, run_no: int, run_id: str) -> Lease:
    """取得租约；原持有者若在本机且已死，或已过期，立即接管。

    Raises:
        RunHeldError: 原持有者仍然活着；消息说明是谁、从何时起。

    """
    return _acquire(engine, run_no, run_id, uuid.uuid4().hex)


@outlasting
def _acquire(engine: Engine, run_no: int, run_id: str, holder: str) -> Lease:
    """取得租约；断线之后再来一遍时，``holder`` 认得出已经是自己的。"""
    try:
        with writing(engine) as connection:
            return Lease(run_no, holder, _take(connection, run_no, run_id, holder))
    except IntegrityError:
        raise RunHeldError(tr("运行 {run_id} 刚刚被另一个进程取得，请用 status {run_id} 查看", run_id=run_id)) from None


def release(engine: Engine, lease: Lease) -> None:
    """交还租约，见 ``giving_back``。"""
    execute(engine, [giving_back(lease.run_no, lease.fence)])


@outlasting
def holder_of(engine: Engine, run_no: int) -> Holder | None:
    """返回存活的持有者；没有人持有时为 ``None``。"""
    with reading(engine) as connection:
        row = _living(connection, run_no)
    return Holder(describe(row), elsewhere(row), (row["fence"], row["expires_at"])) if row else None


def _living(connection: Connection, run_no: int) -> RowMapping | None:
    """存活的持有者的租约。"""
    row = connection.execute(_LEASE, {"run_no": run_no}).mappings().first()
    return None if row is None or not alive(row, database_now(connection)) else row


@outlasting
def pulse_of(engine: Engine, run_no: int) -> tuple[int, int, RowMapping | None]:
    """一次运行动没动：事件写到第几行、决定写到第几个、存活的持有者的租约；便宜，每一眼都先看它。"""
    with reading(engine) as connection:
        seq, number = connection.execute(_ENDS, {"run_no": run_no}).one()
        return seq, number, _living(connection, run_no)


def _take(connection: Connection, run_no: int, run_id: str, holder: str) -> int:
    """在写事务里判断并写下新的持有者，返回新的 ``fence``。"""
    row = connection.execute(_TAKEN, {"run_no": run_no}).mappings().first()
    if row is not None and row["holder"] == holder:
        return int(row["fence"])
    now = database_now(connection)
    if row is not None and alive(row, now):
        raise RunHeldError(
            tr("运行 {run_id} 正由{describe}执行；等它停下，或先结束它再继续", run_id=run_id, describe=describe(row))
        )
    values = {
        "holder": holder,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "pid_started": started(os.getpid()),
        "fence": 1 if row is None else row["fence"] + 1,
        "since": now,
        "expires_at": now + LEASE_MS,
    }
    if row is None:
        connection.execute(insert(leases).values(run_no=run_no, **values))
    else:
        connection.execute(update(leases).where(leases.c.run_no == run_no).values(**values))
    return int(values["fence"])
