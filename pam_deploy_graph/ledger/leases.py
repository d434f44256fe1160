"""租约：同一时刻只有一个进程推进一次运行；``fence`` 让过期的持有者什么也写不了。"""

import os
import socket
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from pam_deploy_graph.errors import RunHeldError
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.ledger.engine import reading, writing
from pam_deploy_graph.ledger.holders import alive, describe, started
from pam_deploy_graph.ledger.schema import leases
from pam_deploy_graph.ledger.writer import LEASE_MS


@dataclass(frozen=True, slots=True)
class Lease:
    """已取得的租约。"""

    run_no: int
    holder: str
    fence: int


def acquire(engine: Engine, run_no: int, run_id: str) -> Lease:
    """取得租约；原持有者若在本机且已死，或已过期，立即接管。

    Raises:
        RunHeldError: 原持有者仍然活着；消息说明是谁、从何时起。

    """
    holder = uuid.uuid4().hex
    try:
        with writing(engine) as connection:
            return Lease(run_no, holder, _take(connection, run_no, run_id, holder))
    except IntegrityError:
        raise RunHeldError(f"运行 {run_id} 刚刚被另一个进程取得，请用 status {run_id} 查看") from None


def release(engine: Engine, lease: Lease) -> None:
    """交还租约；已被接管则什么也不做。``fence`` 保留，下一个持有者从它加一。"""
    with writing(engine) as connection:
        connection.execute(
            update(leases)
            .where(leases.c.run_no == lease.run_no, leases.c.fence == lease.fence)
            .values(expires_at=0, pid=0)
        )


def holder_of(engine: Engine, run_no: int) -> str | None:
    """返回存活持有者的中文描述；没有人持有时为 ``None``。"""
    with reading(engine) as connection:
        row = connection.execute(select(leases).where(leases.c.run_no == run_no)).mappings().first()
    return describe(row) if row is not None and alive(row) else None


def _take(connection: Connection, run_no: int, run_id: str, holder: str) -> int:
    """在写事务里判断并写下新的持有者，返回新的 ``fence``。"""
    query = select(leases).where(leases.c.run_no == run_no).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is not None and alive(row):
        raise RunHeldError(f"运行 {run_id} 正由{describe(row)}执行；等它停下，或先结束它再继续")
    now = now_ms()
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
