"""自己的 SQLite 检查点器：最新的一个不看时间，错误同账本的一样。用到才导入：LangGraph 很重。"""

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from pam_deploy_graph.checkpoint_store.naming import naming
from pam_deploy_graph.checkpoint_store.newest import PAIRS, asked_by, pointing_at


class OwnSqliteSaver(SqliteSaver):
    """同步用的。"""

    where = ""

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """同上游。"""
        with naming(self.where, read=True):
            if thread := asked_by(config):
                with self.cursor(transaction=False) as cursor:
                    config = pointing_at(config, cursor.execute(PAIRS, thread).fetchall())
            return super().get_tuple(config)

    def put(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, versions: ChannelVersions
    ) -> RunnableConfig:
        """同上游。"""
        with naming(self.where):
            return super().put(config, checkpoint, metadata, versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """同上游。"""
        with naming(self.where):
            super().put_writes(config, writes, task_id, task_path)


class OwnAsyncSqliteSaver(AsyncSqliteSaver):
    """异步用的。"""

    where = ""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """同上游。"""
        with naming(self.where, read=True):
            if thread := asked_by(config):
                async with self.lock, self.conn.execute(PAIRS, thread) as cursor:
                    pairs = [(one, before) for one, before in await cursor.fetchall()]
                config = pointing_at(config, pairs)
            return await super().aget_tuple(config)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, versions: ChannelVersions
    ) -> RunnableConfig:
        """同上游。"""
        with naming(self.where):
            return await super().aput(config, checkpoint, metadata, versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """同上游。"""
        with naming(self.where):
            await super().aput_writes(config, writes, task_id, task_path)
