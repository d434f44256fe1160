"""只看的账本：不新建、不迁移、不修补；目录不能写、留着没有并回的 WAL、属于旧版本的，也照样看得了。"""

import contextlib
import os
import shutil
import sqlite3
import tempfile
import weakref
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Engine, QueuePool, create_engine
from sqlalchemy.exc import OperationalError

from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import migrations
from pam_deploy_graph.ledger.engine import SQLITE, connect, existing_engine, naming_failures, open_engine, sqlite_path

_COPIES: Final = 5
"""抄来的是两个时刻的，最多抄几遍。"""


def look_engine(url: str) -> tuple[Engine, str]:
    """打开已有的账本，只读。

    Args:
        url: ``sqlite:///路径`` 或 ``postgresql://...``。

    Returns:
        ``(引擎, 账本的身份)``。

    Raises:
        LedgerError: 打不开，或属于更新的版本。

    """
    with naming_failures(url):
        if not url.startswith(SQLITE):
            return existing_engine(url, connect(url))
        path = sqlite_path(url)
        if not path.is_file():
            raise LedgerError(
                tr(
                    "账本 {path} 打不开：{what}",
                    path=path,
                    what=tr("那里是一个目录") if path.is_dir() else tr("文件不在"),
                )
            )
        if not migrations.can_migrate(_version_of(path)) and _readable_in_place(path):
            with contextlib.suppress(OperationalError):  # 就地打不开，副本也许行
                return existing_engine(url, _read_only(path))
        return _copied(path)


def _readable_in_place(path: Path) -> bool:
    """能不能就地看：没有 WAL 的当作不变的文件看；有 WAL 的要连它的共享内存一起，目录还得写得了。"""
    shared = Path(f"{path}-shm")
    return not Path(f"{path}-wal").exists() or (shared.exists() and os.access(shared, os.W_OK))


def _read_only(path: Path) -> Engine:
    """只读的引擎。"""
    return create_engine("sqlite://", creator=lambda: _open(path), poolclass=QueuePool)


def _open(path: Path) -> sqlite3.Connection:
    """只读地连上。"""
    how = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    return sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=15, check_same_thread=False)


def _version_of(path: Path) -> int | None:
    """文件里账本的版本；看不出的为 ``None``，由打开的人去说。"""
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True)
        try:
            return int(connection.execute("SELECT version FROM ledger_meta").fetchone()[0])
        finally:
            connection.close()
    except (sqlite3.Error, TypeError, ValueError):
        return None


def _stamps(path: Path) -> list[tuple[int, int]]:
    """文件与它的 WAL 此刻的大小与修改时刻。"""
    files = [found for found in (path, Path(f"{path}-wal")) if found.exists()]
    return [(found.stat().st_size, found.stat().st_mtime_ns) for found in files]


def _copied(path: Path) -> tuple[Engine, str]:
    """把文件连同 WAL 抄到临时目录里看（旧版本的在副本上迁移）；引擎没有人用了就删掉。"""
    folder = tempfile.TemporaryDirectory(prefix="pam-look-")
    copy = Path(folder.name) / path.name
    for _ in range(_COPIES):  # 抄的当中别的进程写了，抄来的是两个时刻的，再抄
        before = _stamps(path)
        shutil.copyfile(path, copy)
        Path(f"{copy}-wal").unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{path}-wal", f"{copy}-wal")
        if _stamps(path) == before:
            break
    try:
        engine, ledger_id = open_engine(f"{SQLITE}{copy}")
    except BaseException:
        folder.cleanup()
        raise
    weakref.finalize(engine, folder.cleanup)
    return engine, ledger_id
