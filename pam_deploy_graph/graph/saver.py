"""没有另外给检查点器时图用的那一个：家里的 ``runtime/checkpoints.sqlite``，同步与异步都行（contract 第 5 节）。"""

import os
import threading
import weakref
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from anyio import to_thread
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from pam_deploy_graph.checkpoint_store import open_saver


class ThreadedSqliteSaver(SqliteSaver):
    """另有协程接口的 ``SqliteSaver``：上游的没有，``ainvoke`` 用不了它；这里在工作线程里做。"""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """同 ``get_tuple``。"""
        return await to_thread.run_sync(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  上游的参数名
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """同 ``list``。"""

        def read() -> Iterator[CheckpointTuple]:
            """一次读完：读的连接不能跨线程留着。"""
            return iter(list(self.list(config, filter=filter, before=before, limit=limit)))

        for found in await to_thread.run_sync(read):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """同 ``put``。"""
        return await to_thread.run_sync(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """同 ``put_writes``。"""
        await to_thread.run_sync(partial(self.put_writes, config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """同 ``delete_thread``。"""
        await to_thread.run_sync(self.delete_thread, thread_id)


class HomeSaver:
    """家里的检查点器；用到才打开，没有人再用它时关上。"""

    def __init__(self, where: str) -> None:
        """``where`` 同 ``open_saver``。"""
        self._where = where
        self._lock, self._pid = threading.Lock(), os.getpid()
        self._opened: BaseCheckpointSaver[Any] | None = None
        self._left_behind: BaseCheckpointSaver[Any] | None = None

    def get(self) -> BaseCheckpointSaver[Any]:
        """返回打开的检查点器。

        Raises:
            LedgerError: 打不开；消息说明是哪个文件、怎么办。

        """
        if self._pid != os.getpid():  # fork 出来的子进程：连接不能跨进程用
            self._left_behind = self._opened
            self._pid, self._lock, self._opened = os.getpid(), threading.Lock(), None
        with self._lock:
            if self._opened is None:
                stack = ExitStack()
                saver = stack.enter_context(open_saver(self._where))
                weakref.finalize(self, stack.close).atexit = False
                self._opened = saver
                if isinstance(saver, SqliteSaver):
                    self._opened = ThreadedSqliteSaver(saver.conn, serde=saver.serde)
            return self._opened
