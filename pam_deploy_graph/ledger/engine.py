"""打开账本数据库：连接参数、文件权限、版本检查；要动手的与只看的各有一个入口。"""

import contextlib
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, insert, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from pam_deploy_graph.errors import LedgerError, RunNotFoundError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import migrations
from pam_deploy_graph.ledger.schema import SCHEMA_VERSION, kept_files, ledger_meta, metadata
from pam_deploy_graph.system import postgres
from pam_deploy_graph.system.private_files import private_database

SQLITE: Final = "sqlite:///"
_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "foreign_keys=ON")
_SETUP_LOCK = 0x70616D
"""PostgreSQL 上建表时占的咨询锁：几个进程同时头一次打开，一个一个来。"""


def open_engine(url: str) -> tuple[Engine, str]:
    """打开（必要时新建、迁移）账本数据库。

    Args:
        url: ``sqlite:///路径`` 或 ``postgresql://...``。

    Returns:
        ``(引擎, 账本的身份)``；表已建好，版本已核对。

    Raises:
        LedgerError: 打不开、建不了表，或文件属于更新的版本。

    """
    with naming_failures(url):
        if url.startswith(SQLITE):
            private_database(sqlite_path(url))
        return _checked(connect(url), lambda connection: _set_up(connection, url))


def existing_engine(url: str, engine: Engine) -> tuple[Engine, str]:
    """核对一个已有的账本，什么也不写；``engine`` 是只读的或副本的引擎。"""
    return _checked(engine, lambda connection: _read_meta(connection, url))


def connect(url: str) -> Engine:
    """按地址建引擎，还没有连。"""
    # 文件名里的 ? 与 % 就是它自己，不当作地址的一部分
    parsed = URL.create("sqlite", database=str(sqlite_path(url))) if url.startswith(SQLITE) else make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # 数据库在别的机器上时，闲置的连接会被网络或服务悄悄断开，用之前先看一眼
    given = {name: value for name, value in postgres.PARAMETERS.items() if name not in parsed.query}
    parsed = parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed
    engine = create_engine(parsed, pool_pre_ping=True, pool_timeout=postgres.CONNECT_SECONDS, connect_args=given)
    event.listen(engine, "do_connect", _timed)
    event.listen(engine, "connect", lambda connection, _record: postgres.set_limits(connection))
    return engine


def sqlite_path(url: str) -> Path:
    """SQLite 地址指的文件。"""
    return Path(url.removeprefix(SQLITE))


@contextlib.contextmanager
def naming_failures(url: str) -> Iterator[None]:
    """打开时的各种失败译成账本的错误。"""
    try:
        yield
    except ImportError as error:
        raise LedgerError(
            tr(
                "账本 {shown} 打不开：缺少 {error}；请安装 pam-deploy-graph[postgres]",
                shown=shown(url),
                error=error.name,
            )
        ) from error
    except ArgumentError as error:
        shape = tr("应写成 sqlite:///路径 或 postgresql://用户:口令@主机/库")
        raise LedgerError(tr("PAM_STORE_URL 不是数据库的地址：{shape}", shape=shape)) from error
    except (SQLAlchemyError, OSError) as error:
        raise LedgerError(
            tr(
                "账本 {shown} 打不开：{reason}；请检查{advice}",
                shown=shown(url),
                reason=_reason(error),
                advice=_advice(url),
            )
        ) from error


def _checked(engine: Engine, work: Any) -> tuple[Engine, str]:
    """在一个写事务里做完 ``work``；做不成就丢下引擎。"""
    try:
        with engine.execution_options(pam_write=True).begin() as connection:
            return engine, work(connection)
    except BaseException:
        engine.dispose()
        raise


def _set_up(connection: Connection, url: str) -> str:
    """建表或迁移，返回账本的身份。"""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_SETUP_LOCK)))
    found = _version(connection)
    if found is None:
        metadata.create_all(connection)
        connection.execute(insert(ledger_meta).values(version=SCHEMA_VERSION, ledger_id=uuid.uuid4().hex))
    elif migrations.can_migrate(found):
        kept = migrations.keep_copy(sqlite_path(url), found) if url.startswith(SQLITE) else None
        migrations.migrate(connection, kept)
    if connection.dialect.name == "postgresql":
        kept_files.create(connection, checkfirst=True)
    return _read_meta(connection, url)


def _read_meta(connection: Connection, url: str) -> str:
    """核对版本，返回账本的身份；还没有建表的，就是还没有任何运行。"""
    if _version(connection) is None:
        raise RunNotFoundError
    if (found := _version(connection)) != SCHEMA_VERSION:
        raise LedgerError(
            tr(
                "账本 {shown} 的版本是 {found}，本程序需要 {schema_version}；请换用对应版本的程序",
                shown=shown(url),
                found=found,
                schema_version=SCHEMA_VERSION,
            )
        )
    return str(connection.execute(select(ledger_meta.c.ledger_id)).scalar_one())


def _version(connection: Connection) -> int | None:
    """账本的版本；还没有表的为 ``None``。"""
    if not inspect(connection).has_table(ledger_meta.name):
        return None
    version = connection.execute(select(ledger_meta.c.version)).scalar()
    return None if version is None else int(version)


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
        raise write_failure(error, engine) from error


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """开一个读连接；读不了时抛 ``LedgerError``。"""
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise read_failure(error, engine) from error


def is_corrupt(error: SQLAlchemyError) -> bool:
    """文件本身坏了（SQLite 说它不对，或文字不是 UTF-8）；数据库停了、忙、读写出错都不是：那是不知道。"""
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:
        return isinstance(cause, sqlite3.OperationalError) and "decode to UTF-8" in str(cause)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def read_failure(error: SQLAlchemyError, engine: Engine) -> LedgerError:
    """把数据库的读错误译成账本的错误。"""
    return LedgerError(
        tr("账本读不了：{reason}；请检查{advice}", reason=_reason(error), advice=_advice(str(engine.url)))
    )


def write_failure(error: SQLAlchemyError, engine: Engine, waited: str = "") -> LedgerError:
    """把数据库的写错误译成账本的错误；``waited`` 是等过多久。"""
    advice = _advice(str(engine.url))
    return LedgerError(
        tr(
            "账本写不进去：{reason}{waited}；已在下一次动手之前停下，请检查{advice}",
            reason=_reason(error),
            waited=waited,
            advice=advice,
        )
    )


def _reason(error: Exception) -> str:
    """数据库自己说的原因，一行。"""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _advice(url: str) -> str:
    """该检查什么：看账本在哪里。"""
    return (
        tr("目录权限与磁盘空间")
        if url.startswith("sqlite")
        else tr("PAM_STORE_URL 的地址与口令、数据库服务和到它的网络")
    )


def _timed(_dialect: Any, _record: Any, given: Any, named: Any) -> Any:
    """用每次往返都有时限的连接。"""
    return postgres.connection_class().connect(*given, **named)


def _configure_sqlite(dbapi_connection: Any, _record: object) -> None:
    """关掉驱动自己的事务处理并设好持久性；事务由 ``_begin_sqlite`` 显式开始。"""
    dbapi_connection.isolation_level = None
    for pragma in _SQLITE_PRAGMAS:
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """写事务一开始就取写锁，避免读转写时的死锁；读事务不取。"""
    write = connection.get_execution_options().get("pam_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def shown(url: str) -> str:
    """隐去口令之后的地址。"""
    return url if url.startswith(SQLITE) else make_url(url).render_as_string(hide_password=True)
