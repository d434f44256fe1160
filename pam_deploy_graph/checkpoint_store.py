"""检查点：一次运行的状态存成一个 JSON 文件，以及打开 LangGraph 的检查点器（SQLite 或 PostgreSQL）。

账本才是「做过什么」的依据；JSON 文件用来交接与存档，读回之后账本知道得更多的以账本为准。
"""

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from anyio import to_thread
from pydantic import TypeAdapter

from pam_deploy_graph.errors import InvalidInputError, LedgerError
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.system.masking import blotted, mask
from pam_deploy_graph.system.private_files import private_database, write_private

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

_FORMAT: Final = 1
_HIDDEN: Final = "***"
_PLAIN_KINDS: Final = frozenset({"null", "bytes", "bytearray", "msgpack"})
_UNREADABLE: Final = "检查点里有一条读不懂：已经损坏，或不是本程序写的；移走检查点文件之后再 resume，会从账本继续"
_SETUP_LOCK: Final = 0x70616E
"""PostgreSQL 上建表时占的咨询锁。"""
_PRIVATE_FIELDS: Final = frozenset(
    {"node_url", "mcp_url", "script_entry", "script_base_dir", "config_path", "trace_file_path", "checkpoint_path"}
    | {"PAM_HOME_URL", "PACKAGE_PATH", "NODE_URL", "MCP_URL", "log_file", "LOG_FILE", "operator", "note"}
)
_PRIVATE_TEXT: Final = re.compile(r"https?://[^\s，。；]+|(?<![\w/])/(?:[\w.-]+/)*[\w.-]+")
_SECRET_NAME: Final = re.compile(r"token|secret|password|api_key|authorization", re.IGNORECASE)
_SECRET_TEXT: Final = re.compile(
    r"(?i)(\bbearer\s+|\b[\w-]*(?:token|secret|password|api[_-]?key)[\"']?\s*[=:]\s*)[^\s，。；,;]+"
)


def save_checkpoint(state: AgentState, path: str | Path, *, redact: bool = False) -> None:
    """把状态整个、原子地写进文件（0600）。

    Args:
        state: 要保存的状态。
        path: 目标文件；所在目录不存在时新建（0700）。
        redact: 为真时隐去地址、路径、操作员与备注，用于交给别人看；这样的文件不能再读回。

    Raises:
        OSError: 写不进去；原来的文件保持原样。

    """
    data = state.to_dict()
    document = {"format": _FORMAT, "redacted": redact, "state": _redacted(data) if redact else data}
    text = mask(json.dumps(document, ensure_ascii=False, indent=1))
    write_private(Path(path), text.encode("utf-8", "backslashreplace"))


def load_checkpoint(path: str | Path) -> AgentState:
    """读回 ``save_checkpoint`` 写的状态。

    Raises:
        InvalidInputError: 文件不存在、损坏、是隐去过的，或属于别的版本。

    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        found, state = (document["format"], document["redacted"]), AgentState.from_dict(_shaped(document["state"]))
    except OSError as error:
        raise InvalidInputError(f"检查点 {path} 读不了：{error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidInputError(f"检查点 {path} 已损坏，不是完整的 JSON；请改用 resume 从账本恢复") from None
    if found != (_FORMAT, False):
        raise InvalidInputError(f"检查点 {path} 是隐去过的副本或属于别的版本，不能从它恢复")
    return state


@contextlib.contextmanager
def open_saver(where: str | Path) -> Iterator["BaseCheckpointSaver[Any]"]:
    """打开 LangGraph 的检查点器，只还原 LangGraph 自己认定安全的类型。

    Args:
        where: 文件的路径（文件 0600、目录 0700），或 ``postgresql://`` 地址。

    Raises:
        LedgerError: 打不开；消息里没有口令。

    """
    serde = _serializer()
    opened = _postgres_saver if str(where).startswith("postgresql") else _sqlite_saver
    with opened(str(where), serde) as saver:
        yield saver


def _serializer() -> Any:
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
                raise LedgerError(_UNREADABLE)
            try:
                return super().loads_typed(data)
            except Exception as error:
                raise LedgerError(_UNREADABLE) from error

    return Blotting(allowed_msgpack_modules=None)


@contextlib.contextmanager
def _sqlite_saver(where: str, serde: Any) -> Iterator["BaseCheckpointSaver[Any]"]:
    """打开文件里的检查点器。"""
    from langgraph.checkpoint.sqlite import SqliteSaver

    path = Path(where)
    _prepare(path)
    with contextlib.closing(sqlite3.connect(path, check_same_thread=False, timeout=15)) as connection:
        saver = SqliteSaver(connection, serde=serde)
        try:
            saver.setup()
        except sqlite3.DatabaseError as error:
            raise _damaged(path, error) from error
        yield saver


@contextlib.contextmanager
def _postgres_saver(where: str, serde: Any) -> Iterator["BaseCheckpointSaver[Any]"]:
    """打开 PostgreSQL 里的检查点器。"""
    try:
        import psycopg
        from langgraph.checkpoint.postgres import PostgresSaver
        from psycopg.rows import dict_row
    except ImportError as error:
        raise LedgerError(f"检查点打不开：缺少 {error.name}；请安装 pam-deploy-graph[postgres]") from error

    url = "postgresql" + where[where.index(":") :]
    try:
        connection = psycopg.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row)
    except psycopg.Error as error:
        raise LedgerError(f"检查点打不开：{error}；请检查 PAM_STORE_URL 与数据库服务") from error
    with contextlib.closing(connection):
        saver = PostgresSaver(connection, serde=serde)
        with _setup_turn(connection):
            saver.setup()
        yield saver


@contextlib.contextmanager
def _setup_turn(connection: Any) -> Iterator[None]:
    """几个进程同时头一次打开，一个一个来建表；等的人不能占着事务，建索引要等所有的事务。"""
    while not connection.execute("SELECT pg_try_advisory_lock(%s) AS mine", [_SETUP_LOCK]).fetchone()["mine"]:
        time.sleep(0.05)
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [_SETUP_LOCK])


@contextlib.asynccontextmanager
async def open_async_saver(where: str | Path) -> AsyncIterator["BaseCheckpointSaver[Any]"]:
    """打开异步的检查点器，供在自己的事件循环里用图的宿主；参数与错误同 ``open_saver``。"""
    serde = _serializer()
    await to_thread.run_sync(_set_up, where)
    opened = _async_postgres_saver if str(where).startswith("postgresql") else _async_sqlite_saver
    async with opened(str(where), serde) as saver:
        yield saver


def _set_up(where: str | Path) -> None:
    """建好表：几个进程同时头一次打开时的先后，只在 ``open_saver`` 那里写一遍。"""
    with open_saver(where):
        pass


@contextlib.asynccontextmanager
async def _async_sqlite_saver(where: str, serde: Any) -> AsyncIterator["BaseCheckpointSaver[Any]"]:
    """打开文件里的检查点器。"""
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with aiosqlite.connect(where, timeout=15) as connection:
        yield AsyncSqliteSaver(connection, serde=serde)


@contextlib.asynccontextmanager
async def _async_postgres_saver(where: str, serde: Any) -> AsyncIterator["BaseCheckpointSaver[Any]"]:
    """打开 PostgreSQL 里的检查点器。"""
    import psycopg
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row

    url = "postgresql" + where[where.index(":") :]
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row)
    async with connection:
        yield AsyncPostgresSaver(connection, serde=serde)


def _damaged(path: Path, error: sqlite3.DatabaseError) -> LedgerError:
    """文件不是好的数据库。"""
    return LedgerError(f"检查点文件 {path} 打不开：{error}；移走它之后再 resume，会从账本继续")


def _prepare(path: Path) -> None:
    """备好检查点文件；备不好就说明是哪个文件。"""
    try:
        private_database(path)
    except OSError as error:
        raise LedgerError(f"检查点文件 {path} 打不开：{error.strerror}；请检查目录权限与磁盘空间") from error


def _shaped(state: dict[str, Any]) -> dict[str, Any]:
    """核对每个字段的类型：别人备好的文件也许是好的 JSON，却不是一个状态。

    Raises:
        ValueError: 有一个字段不是那种值。

    """
    hints = get_type_hints(AgentState) | {"ip_states": dict[str, dict[str, Any]]}
    for name in state.keys() & hints.keys():
        TypeAdapter(hints[name]).validate_python(state[name], strict=True)
    return state


def _redacted(value: Any, name: str = "") -> Any:
    """逐层隐去不宜外传的值。"""
    if isinstance(value, dict):
        return {key: _redacted(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner, name) for inner in value]
    if value and (name in _PRIVATE_FIELDS or _SECRET_NAME.search(name)):
        return _HIDDEN
    if not isinstance(value, str):
        return value
    return _PRIVATE_TEXT.sub(_HIDDEN, _SECRET_TEXT.sub(rf"\1{_HIDDEN}", value))
