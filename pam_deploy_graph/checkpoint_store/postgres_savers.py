"""自己的 PostgreSQL 检查点器，规矩同 ``savers``；连接断了就另连，在限度之内等数据库回来，同一次读写再做一遍。

上游的写都是「有了就照旧或盖上」，做两遍与一遍相同。装了附加依赖 postgres 才导入得了。
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from anyio import to_thread
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from pam_deploy_graph.checkpoint_store.naming import naming
from pam_deploy_graph.checkpoint_store.newest import PAIRS, asked_by, pointing_at
from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.system.outage import Outage

_PAIRS: Final = PAIRS.replace("?", "%s")
T = TypeVar("T")


class OwnPostgresSaver(PostgresSaver):
    """同步用的。"""

    conn: Any

    def __init__(self, url: str, connect: Callable[[], Any], serde: Any) -> None:
        """``connect`` 连一次 ``url``；连不上在这里就抛出。"""
        super().__init__(connect(), serde=serde)
        self._url, self._connect, self._reconnecting = url, connect, threading.Lock()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """同上游。"""
        return self._patiently(partial(self._find, config), read=True)

    def put(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, versions: ChannelVersions
    ) -> RunnableConfig:
        """同上游。"""
        return self._patiently(partial(super().put, config, checkpoint, metadata, versions))

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """同上游。"""
        self._patiently(partial(super().put_writes, config, writes, task_id, task_path))

    def _find(self, config: RunnableConfig) -> CheckpointTuple | None:
        """没有点名的，找最新的。"""
        if thread := asked_by(config):
            connection: Any = self.conn
            config = pointing_at(config, map(_pair, connection.execute(_PAIRS, thread).fetchall()))
        return super().get_tuple(config)

    def _patiently(self, work: Callable[[], T], *, read: bool = False) -> T:
        """做，断了就等；错误同 ``naming``。"""
        with Outage(self._url) as outage:
            while True:
                before: Any = self.conn
                try:
                    with naming("", read=read):
                        self._hold()
                        return work()
                except LedgerError as error:
                    if not outage.wait(error.__cause__, held=self.conn is before and before.closed):
                        raise

    def _hold(self) -> None:
        """断了的另连。"""
        with self._reconnecting:
            connection: Any = self.conn
            if connection.closed:
                self.conn = self._connect()


class OwnAsyncPostgresSaver(AsyncPostgresSaver):
    """异步用的。"""

    conn: Any

    def __init__(self, url: str, connect: Callable[[], Awaitable[Any]], connection: Any, serde: Any) -> None:
        """``connection`` 是已经连好的一次；断了用 ``connect`` 另连。"""
        super().__init__(connection, serde=serde)
        self._url, self._connect, self._reconnecting = url, connect, asyncio.Lock()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """同上游。"""
        return await self._patiently(partial(self._find, config), read=True)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, versions: ChannelVersions
    ) -> RunnableConfig:
        """同上游。"""
        return await self._patiently(partial(super().aput, config, checkpoint, metadata, versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """同上游。"""
        await self._patiently(partial(super().aput_writes, config, writes, task_id, task_path))

    async def _find(self, config: RunnableConfig) -> CheckpointTuple | None:
        """没有点名的，找最新的。"""
        if thread := asked_by(config):
            connection: Any = self.conn
            rows = await (await connection.execute(_PAIRS, thread)).fetchall()
            config = pointing_at(config, map(_pair, rows))
        return await super().aget_tuple(config)

    async def _patiently(self, work: Callable[[], Awaitable[T]], *, read: bool = False) -> T:
        """做，断了就等，不占着宿主的事件循环；错误同 ``naming``。"""
        with Outage(self._url) as outage:
            while True:
                before: Any = self.conn
                try:
                    with naming("", read=read):
                        await self._hold()
                        return await work()
                except LedgerError as error:
                    held = self.conn is before and before.closed
                    if not await to_thread.run_sync(partial(outage.wait, error.__cause__, held=held)):
                        raise

    async def _hold(self) -> None:
        """断了的另连。"""
        async with self._reconnecting:
            connection: Any = self.conn
            if connection.closed:
                self.conn = await self._connect()


def _pair(row: Any) -> tuple[str, str | None]:
    """一行里的两列。"""
    return row["checkpoint_id"], row["parent_checkpoint_id"]
