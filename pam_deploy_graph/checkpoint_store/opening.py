"""打开 LangGraph 的检查点器：SQLite 文件，或账本所在的 PostgreSQL。"""

import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from anyio import to_thread

from pam_deploy_graph.checkpoint_store.naming import naming, unreadable
from pam_deploy_graph.errors import LedgerError, RecordsDisagreeError
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.system import postgres
from pam_deploy_graph.system.masking import blotted
from pam_deploy_graph.system.private_files import private_database

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

_PLAIN_KINDS: Final = frozenset({"null", "bytes", "bytearray", "msgpack"})
_UNREADABLE: Final = msgid(
    "检查点里有一条读不懂：已经损坏，或不是本程序写的；移走检查点文件之后再 resume，会从账本继续"
)
_SETUP_LOCK: Final = 0x70616D
"""PostgreSQL 上建表时占的咨询锁。"""


@contextlib.contextmanager
def open_saver(where: str | Path) -> Iterator["BaseCheckpointSaver[Any]"]:
    """打开 LangGraph 的检查点器，只还原 LangGraph 自己认定安全的类型。

    Args:
        where: 文件的路径（文件 0600、目录 0700），或 ``postgresql://`` 地址。

    Raises:
        LedgerError: 打不开；消息里没有口令。

    """
    opened = _postgres_saver if str(where).startswith("postgresql") else _sqlite_saver
    with opened(str(where), _serde()) as saver:
        yield saver


@contextlib.asynccontextmanager
async def open_async_saver(where: str | Path) -> AsyncIterator["BaseCheckpointSaver[Any]"]:
    """打开异步的检查点器，供在自己的事件循环里用图的宿主；参数与错误同 ``open_saver``。"""
    await to_thread.run_sync(_set_up, where)
    opened = _async_postgres_saver if str(where).startswith("postgresql") else _async_sqlite_saver
    async with opened(str(where), _serde()) as saver:
        yield saver


def known_threads(path: Path, limit: int = 20) -> list[str]:
    """返回检查点文件里最近的、已在账本登记过的几个会话，只看；没有这个文件、还没有建表的为空。

    Raises:
        RecordsDisagreeError: 有文件而读不懂：它知道哪几次运行，不知道。

    """
    if not path.is_file():
        return []
    how = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    # 登记过的检查点带着账本的位置：msgpack 里有键 link
    query = (
        "SELECT thread_id FROM checkpoints WHERE instr(checkpoint, x'a46c696e6b') > 0 "
        "GROUP BY thread_id ORDER BY max(rowid) DESC LIMIT ?"
    )
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'checkpoints'").fetchone():
                return []
            return [str(row[0]) for row in connection.execute(query, [limit])]
    except sqlite3.Error as error:
        raise RecordsDisagreeError(
            tr(
                "账本不在，而检查点文件 {path} 读不了（{error}）：它知道哪几次运行，不知道。"
                "没有新建账本；从备份放回账本，或者确认没有要继续的运行，就把检查点文件移走",
                path=path,
                error=error,
            )
        ) from error


def _serde() -> Any:
    """返回检查点的编码：只还原 LangGraph 自己认定安全的类型；写出之前涂掉秘密，操作员说出口的令牌也在内。"""
    # LangGraph 很重，用到才导入
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    class Blotting(JsonPlusSerializer):
        """写出之前涂掉秘密。"""

        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            """同上游。"""
            kind, data = super().dumps_typed(obj)
            return kind, blotted(data)

        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            """同上游；读不懂的说成一句话，要造对象的旧写法（json、pickle）一律不读。"""
            if data[0] not in _PLAIN_KINDS:
                raise LedgerError(tr(_UNREADABLE))
            try:
                return super().loads_typed(data)
            except Exception as error:
                raise LedgerError(tr(_UNREADABLE)) from error

    return Blotting(allowed_msgpack_modules=None)


def _set_up(where: str | Path) -> None:
    """建好表：几个进程同时头一次打开时的先后，只在 ``open_saver`` 那里写一遍。"""
    with open_saver(where):
        pass


@contextlib.contextmanager
def _sqlite_saver(where: str, serde: Any) -> Iterator["BaseCheckpointSaver[Any]"]:
    """打开文件里的检查点器。"""
    from pam_deploy_graph.checkpoint_store.savers import OwnSqliteSaver

    path = Path(where)
    _prepare(path)
    with naming(where):
        connection = sqlite3.connect(path, check_same_thread=False, timeout=15)
    with contextlib.closing(connection):
        saver = OwnSqliteSaver(connection, serde=serde)
        saver.where = where
        try:
            saver.setup()
        except sqlite3.OperationalError:
            with naming(where):
                raise
        except sqlite3.DatabaseError as error:
            raise unreadable(where, error) from error
        yield saver


@contextlib.asynccontextmanager
async def _async_sqlite_saver(where: str, serde: Any) -> AsyncIterator["BaseCheckpointSaver[Any]"]:
    """打开文件里的检查点器。"""
    import aiosqlite

    from pam_deploy_graph.checkpoint_store.savers import OwnAsyncSqliteSaver

    async with aiosqlite.connect(where, timeout=15) as connection:
        saver = OwnAsyncSqliteSaver(connection, serde=serde)
        saver.where = where
        yield saver


@contextlib.contextmanager
def _postgres_saver(where: str, serde: Any) -> Iterator["BaseCheckpointSaver[Any]"]:
    """打开 PostgreSQL 里的检查点器。"""
    with _installed():
        from psycopg.rows import dict_row

        from pam_deploy_graph.checkpoint_store.postgres_savers import OwnPostgresSaver

        kind = postgres.connection_class()

    def connect() -> Any:
        """连一次。"""
        connection = kind.connect(_url(where), row_factory=dict_row, **postgres.saver_parameters())
        postgres.set_limits(connection)
        return connection

    with naming(""):
        saver = OwnPostgresSaver(_url(where), connect, serde)
    try:
        with naming(""), _setup_turn(saver.conn):
            saver.setup()
        yield saver
    finally:
        cast("Any", saver.conn).close()


@contextlib.asynccontextmanager
async def _async_postgres_saver(where: str, serde: Any) -> AsyncIterator["BaseCheckpointSaver[Any]"]:
    """打开 PostgreSQL 里的检查点器。"""
    from psycopg.rows import dict_row

    from pam_deploy_graph.checkpoint_store.postgres_savers import OwnAsyncPostgresSaver

    kind = postgres.async_connection_class()

    async def connect() -> Any:
        """连一次。"""
        connection = await kind.connect(_url(where), row_factory=dict_row, **postgres.saver_parameters())
        for statement in postgres.SERVER_LIMITS:
            await connection.execute(statement)
        return connection

    with naming(""):
        saver = OwnAsyncPostgresSaver(_url(where), connect, await connect(), serde)
    try:
        yield saver
    finally:
        await cast("Any", saver.conn).close()


def _url(where: str) -> str:
    """驱动认得的地址。"""
    return "postgresql" + where[where.index(":") :]


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    """没有装附加依赖的说明怎么装。"""
    try:
        yield
    except ImportError as error:
        raise LedgerError(
            tr("检查点打不开：缺少 {error}；请安装 pam-deploy-graph[postgres]", error=error.name)
        ) from error


@contextlib.contextmanager
def _setup_turn(connection: Any) -> Iterator[None]:
    """几个进程同时头一次打开，一个一个来建表；等的人不能占着事务，建索引要等所有的事务。"""
    while not connection.execute("SELECT pg_try_advisory_lock(%s) AS mine", [_SETUP_LOCK]).fetchone()["mine"]:
        time.sleep(0.05)
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [_SETUP_LOCK])


def _prepare(path: Path) -> None:
    """备好检查点文件；备不好就说明是哪个文件。"""
    try:
        private_database(path)
    except OSError as error:
        raise LedgerError(
            tr("检查点文件 {path} 打不开：{problem}；请检查目录权限与磁盘空间", path=path, problem=error.strerror)
        ) from error
