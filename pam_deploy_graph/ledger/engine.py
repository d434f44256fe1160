"""打开账本数据库：连接参数、文件权限、版本检查。"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, insert, make_url, select
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.ledger.schema import SCHEMA_VERSION, ledger_meta, metadata
from pam_deploy_graph.system.private_files import private_database

_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "foreign_keys=ON")
_SETUP_LOCK = 0x70616D
"""PostgreSQL 上建表时占的咨询锁：几个进程同时头一次打开，一个一个来。"""


def open_engine(url: str) -> Engine:
    """打开（必要时新建）账本数据库。

    Args:
        url: ``sqlite:///路径`` 或 ``postgresql://...``。

    Returns:
        已建好表、核对过版本的 SQLAlchemy 引擎。

    Raises:
        LedgerError: 打不开、建不了表，或文件属于别的版本。

    """
    try:
        return _prepare(url)
    except ImportError as error:
        raise LedgerError(f"账本 {_shown(url)} 打不开：缺少 {error.name}；请安装 pam-deploy-graph[postgres]") from error
    except ArgumentError as error:
        shape = "应写成 sqlite:///路径 或 postgresql://用户:口令@主机/库"
        raise LedgerError(f"PAM_STORE_URL 不是数据库的地址：{shape}") from error
    except (SQLAlchemyError, OSError) as error:
        reason = getattr(error, "orig", None) or error
        advice = "目录权限与磁盘空间" if url.startswith("sqlite") else "地址、口令与数据库服务"
        raise LedgerError(f"账本 {_shown(url)} 打不开：{reason}；请检查{advice}") from error


def _prepare(url: str) -> Engine:
    """建目录、建引擎、建表、核对版本。"""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        private_database(Path(parsed.database or ""))
    elif parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    # 数据库在别的机器上时，闲置的连接会被网络或服务悄悄断开，用之前先看一眼
    engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        _set_up(engine, url)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _set_up(engine: Engine, url: str) -> None:
    """建表，核对版本。"""
    with engine.execution_options(pam_write=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_SETUP_LOCK)))
        metadata.create_all(connection)
        _check_version(connection, url)


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """开一个写事务（SQLite 上是 BEGIN IMMEDIATE）。

    Raises:
        IntegrityError: 撞上了唯一约束，由调用者处理。
        LedgerError: 其余一切写不进去的情形。

    """
    try:
        with engine.execution_options(pam_write=True).begin() as connection:
            yield connection
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise write_failure(error) from error


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """开一个读连接；读不了时抛 ``LedgerError``。"""
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise LedgerError(f"账本读不了：{getattr(error, 'orig', None) or error}；请检查磁盘与权限") from error


def write_failure(error: SQLAlchemyError) -> LedgerError:
    """把数据库的写错误译成账本的错误。"""
    return LedgerError(
        f"账本写不进去：{getattr(error, 'orig', None) or error}；已在下一次动手之前停下，请检查磁盘与权限"
    )


def _configure_sqlite(dbapi_connection: Any, _record: object) -> None:
    """关掉驱动自己的事务处理并设好持久性；事务由 ``_begin_sqlite`` 显式开始。"""
    dbapi_connection.isolation_level = None
    for pragma in _SQLITE_PRAGMAS:
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """写事务一开始就取写锁，避免读转写时的死锁；读事务不取。"""
    write = connection.get_execution_options().get("pam_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _check_version(connection: Connection, url: str) -> None:
    """新库写入版本号；旧库核对版本号。"""
    found = connection.execute(select(ledger_meta.c.version)).scalar()
    if found is None:
        connection.execute(insert(ledger_meta).values(version=SCHEMA_VERSION))
    elif found != SCHEMA_VERSION:
        raise LedgerError(f"账本 {_shown(url)} 的版本是 {found}，本程序需要 {SCHEMA_VERSION}；请换用对应版本的程序")


def _shown(url: str) -> str:
    """隐去口令之后的地址。"""
    return make_url(url).render_as_string(hide_password=True)
