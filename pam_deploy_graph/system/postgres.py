"""有时限的 PostgreSQL 连接：服务不答话也不断开（冻住、网络黑洞）时，等够了就报错，不会永远等下去。"""

import asyncio
import functools
import time
from collections.abc import Generator
from typing import Any, Final

from pam_deploy_graph.i18n import tr

CONNECT_SECONDS: Final = 10
_PING_SECONDS: Final = 2
ANSWER_SECONDS: Final = 25.0
"""一次往返最多等多久；比服务一侧的语句时限长一点，让它先说话。"""
PARAMETERS: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_SECONDS,
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
SERVER_LIMITS: Final = ("SET statement_timeout = '20s'", "SET lock_timeout = '15s'")
"""服务一侧的时限；经连接池的服务不收启动参数，所以用语句设。"""


@functools.cache
def connection_class() -> Any:
    """返回每次往返都有时限的 ``psycopg.Connection``；用到才导入驱动。

    Raises:
        ImportError: 没有装驱动。

    """
    import psycopg

    def wait(self: Any, gen: Any, *given: Any, **named: Any) -> Any:
        """同上游，到时间就断开并报错。"""
        try:
            return psycopg.Connection.wait(self, _bounded(gen), *given, **named)
        except TimeoutError:
            self.close()
            raise psycopg.OperationalError(_silent()) from None

    return type("TimedConnection", (psycopg.Connection,), {"wait": wait})


@functools.cache
def async_connection_class() -> Any:
    """返回每次往返都有时限的 ``psycopg.AsyncConnection``；错误同上。"""
    import psycopg

    async def wait(self: Any, gen: Any, *given: Any, **named: Any) -> Any:
        """同上游，到时间就断开并报错。"""
        waiting = psycopg.AsyncConnection.wait(self, gen, *given, **named)
        try:
            return await asyncio.wait_for(waiting, ANSWER_SECONDS)
        except TimeoutError:
            await self.close()
            raise psycopg.OperationalError(_silent()) from None

    return type("TimedAsyncConnection", (psycopg.AsyncConnection,), {"wait": wait})


def saver_parameters() -> dict[str, Any]:
    """返回检查点器的连接参数。"""
    return {"autocommit": True, "prepare_threshold": 0, **PARAMETERS}


def accepts(url: str) -> bool:
    """服务此刻接不接新的连接；正在启动、正在停的、不在的都不接。

    Args:
        url: libpq 认得的地址。

    """
    import psycopg

    known = psycopg.conninfo.make_conninfo(url, connect_timeout=_PING_SECONDS)
    return bool(psycopg.pq.PGconn.ping(known.encode()) == psycopg.pq.Ping.OK)


def set_limits(connection: Any) -> None:
    """在服务一侧也设好时限。"""
    for statement in SERVER_LIMITS:
        connection.execute(statement)
    if not connection.autocommit:
        connection.commit()


def _silent() -> str:
    """数据库没有应答。"""
    return tr("数据库 {answer_seconds:.0f} 秒没有应答", answer_seconds=ANSWER_SECONDS)


def _bounded(gen: Any) -> Generator[Any, Any, Any]:
    """转交驱动的等待；每醒来一次看看到没到时间。"""
    deadline = time.monotonic() + ANSWER_SECONDS
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if time.monotonic() > deadline:
                gen.close()
                raise TimeoutError
            wanted = gen.send(ready)
    except StopIteration as done:
        return done.value
