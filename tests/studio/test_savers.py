"""检查点器：经本项目自己的函数打开，过 LangGraph 的一致性套件。"""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver

from pam_deploy_graph.checkpoint_store import open_async_saver, open_saver

pytestmark = pytest.mark.studio
_numbers = count(1)


class InThreads(BaseCheckpointSaver[Any]):
    """套件只有异步的；同步的检查点器放到线程里照样过。"""

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        """``saver`` 是同步的那一个。"""
        super().__init__(serde=saver.serde)
        self._saver = saver

    def get_next_version(self, current: Any, channel: None) -> Any:
        """版本号照它的规矩。"""
        return self._saver.get_next_version(current, channel)

    async def aput(self, *given: Any) -> Any:
        """存一个检查点。"""
        return await asyncio.to_thread(self._saver.put, *given)

    async def aput_writes(self, *given: Any, **more: Any) -> None:
        """存一个任务的写入。"""
        await asyncio.to_thread(self._saver.put_writes, *given, **more)

    async def aget_tuple(self, config: Any) -> Any:
        """取一个检查点。"""
        return await asyncio.to_thread(self._saver.get_tuple, config)

    async def alist(self, config: Any, **given: Any) -> AsyncIterator[Any]:
        """列出检查点。"""
        for one in await asyncio.to_thread(lambda: list(self._saver.list(config, **given))):
            yield one

    async def adelete_thread(self, thread_id: str) -> None:
        """删掉一个会话。"""
        await asyncio.to_thread(self._saver.delete_thread, thread_id)


@pytest.mark.parametrize("kind", ["open_saver", "open_async_saver", "postgres"])
async def test_conforms(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """基本能力全部通过。"""
    from langgraph.checkpoint.conformance import checkpointer_test, validate

    server = request.getfixturevalue("postgres") if kind == "postgres" else None

    async def saver() -> AsyncIterator[Any]:
        """每个用例一个新文件，或一个新库。"""
        path = tmp_path / str(next(_numbers)) / "c.sqlite"
        if kind == "open_async_saver":
            async with open_async_saver(path) as opened:
                yield opened
        else:
            with open_saver(server.new_database() if server else path) as opened:
                yield InThreads(opened)

    report = await validate(checkpointer_test(name=kind)(saver))
    failures = {name: one.failures for name, one in report.results.items() if one.failures}
    assert report.passed_all_base(), failures
