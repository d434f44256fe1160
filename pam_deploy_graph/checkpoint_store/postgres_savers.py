"""自己的 PostgreSQL 检查点器，规矩同 ``savers``；装了附加依赖 postgres 才导入得了。"""

from collections.abc import Sequence
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from pam_deploy_graph.checkpoint_store.naming import naming
from pam_deploy_graph.checkpoint_store.newest import PAIRS, asked_by, pointing_at

_PAIRS: Final = PAIRS.replace("?", "%s")


class OwnPostgresSaver(PostgresSaver):
    """同步用的。"""

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """同上游。"""
        with naming("", read=True):
            if thread := asked_by(config):
                connection: Any = self.conn
                config = pointing_at(config, map(_pair, connection.execute(_PAIRS, thread).fetchall()))
            return super().get_tuple(config)

    def put(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, versions: ChannelVersions
    ) -> RunnableConfig:
        """同上游。"""
        with naming(""):
            return super().put(config, checkpoint, metadata, versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """同上游。"""
        with naming(""):
            super().put_writes(config, writes, task_id, task_path)


class OwnAsyncPostgresSaver(AsyncPostgresSaver):
    """异步用的。"""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """同上游。"""
        with naming("", read=True):
            if thread := asked_by(config):
                connection: Any = self.conn
                rows = await (await connection.execute(_PAIRS, thread)).fetchall()
                config = pointing_at(config, map(_pair, rows))
            return await super().aget_tuple(config)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, versions: ChannelVersions
    ) -> RunnableConfig:
        """同上游。"""
        with naming(""):
            return await super().aput(config, checkpoint, metadata, versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """同上游。"""
        with naming(""):
            await super().aput_writes(config, writes, task_id, task_path)


def _pair(row: Any) -> tuple[str, str | None]:
    """一行里的两列。"""
    return row["checkpoint_id"], row["parent_checkpoint_id"]
