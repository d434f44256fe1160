"""握着租约的进程还算不算数：在本机看进程，在别的主机看租期。"""

import socket
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.system.shown_time import zoned_moment

_SERVER_NOW: Final = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
_DEAD: Final = ("Z", "X")
"""``/proc`` 里已死的进程的状态：父进程还没有收走它，但它再也做不了什么。"""


def database_now(connection: Connection) -> int:
    """返回租约比的那个时钟，Unix 毫秒：几台主机共用的数据库的；SQLite 只有一台主机在用，就是本机的。"""
    if connection.dialect.name != "postgresql":
        return now_ms()
    return int(connection.execute(_SERVER_NOW).scalar_one())


def alive(row: Any, now: int) -> bool:
    """持有者是否还算数：租约在 ``now``（数据库的时钟）未过期，且若在本机则进程仍在（并且是同一个进程）。"""
    if row["expires_at"] <= now:
        return False
    return elsewhere(row) or started(row["pid"]) == row["pid_started"]


def elsewhere(row: Any) -> bool:
    """持有者是不是在别的主机上：看不见它死活，只能等租期。"""
    return bool(row["host"] != socket.gethostname())


def describe(row: Any) -> str:
    """持有者的中文描述；在别的主机上的，连同租期何时到期。"""
    until = (
        tr("，租期到 {zoned_moment}，它若已死，过了这一刻就能接手", zoned_moment=zoned_moment(row["expires_at"]))
        if elsewhere(row)
        else ""
    )
    return tr(
        "主机 {host} 上的进程 {pid}（自 {zoned_moment}{until}）",
        host=row["host"],
        pid=row["pid"],
        zoned_moment=zoned_moment(row["since"]),
        until=until,
    )


def started(pid: int) -> int:
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
    import psutil

    try:
        return int(psutil.Process(pid).create_time() * 1000)
    except (psutil.Error, ValueError):
        return 0
