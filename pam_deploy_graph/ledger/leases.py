"""租约：同一时刻只有一个进程推进一次运行；``fence`` 让过期的持有者什么也写不了。"""

import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from pam_deploy_graph.errors import RunHeldError
from pam_deploy_graph.ledger.clock import now_ms, shown_time
from pam_deploy_graph.ledger.engine import reading, writing
from pam_deploy_graph.ledger.schema import leases
from pam_deploy_graph.ledger.writer import LEASE_MS

_DEAD: Final = ("Z", "X")
"""``/proc`` 里已死的进程的状态：父进程还没有收走它，但它再也做不了什么。"""


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
    return _describe(row) if row is not None and _alive(row) else None


def _take(connection: Connection, run_no: int, run_id: str, holder: str) -> int:
    """在写事务里判断并写下新的持有者，返回新的 ``fence``。"""
    query = select(leases).where(leases.c.run_no == run_no).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is not None and _alive(row):
        raise RunHeldError(f"运行 {run_id} 正由{_describe(row)}执行；等它停下，或先结束它再继续")
    now = now_ms()
    values = {
        "holder": holder,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "pid_started": _started(os.getpid()),
        "fence": 1 if row is None else row["fence"] + 1,
        "since": now,
        "expires_at": now + LEASE_MS,
    }
    if row is None:
        connection.execute(insert(leases).values(run_no=run_no, **values))
    else:
        connection.execute(update(leases).where(leases.c.run_no == run_no).values(**values))
    return int(values["fence"])


def _alive(row: Any) -> bool:
    """持有者是否还算数：租约未过期，且若在本机则进程仍在（并且是同一个进程）。"""
    if row["expires_at"] <= now_ms():
        return False
    elsewhere: bool = row["host"] != socket.gethostname()
    return elsewhere or _started(row["pid"]) == row["pid_started"]


def _started(pid: int) -> int:
    """进程的启动时刻；进程不在，或已死而还没有被收走时为 0。用它识破被重用的 pid。

    取自 ``/proc``，是开机以来的时钟滴答：不随系统校时挪动。没有 ``/proc`` 的系统退用 psutil。
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0 if Path("/proc/self").exists() else _started_by_clock(pid)
    return 0 if stat[0] in _DEAD else int(stat[19])


def _started_by_clock(pid: int) -> int:
    """进程的启动时刻（Unix 毫秒）；进程不在时为 0。"""
    try:
        return int(psutil.Process(pid).create_time() * 1000)
    except (psutil.Error, ValueError):
        return 0


def _describe(row: Any) -> str:
    """持有者的中文描述。"""
    return f"主机 {row['host']} 上的进程 {row['pid']}（自 {shown_time(row['since'])}）"
