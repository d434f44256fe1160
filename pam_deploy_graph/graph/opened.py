"""``open_graph``：家里的图，连同家里的检查点器；离开时全部关上（contract 第 5 节）。"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from anyio import to_thread

from pam_deploy_graph.action_router import ActionBackend
from pam_deploy_graph.checkpoint_store import open_async_saver, open_saver
from pam_deploy_graph.graph.build import build_graph, services_of
from pam_deploy_graph.llm import LlmClient
from pam_deploy_graph.models import Event
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings


class HomeGraph(AbstractContextManager[Any], AbstractAsyncContextManager[Any]):
    """``open_graph`` 的结果：``with`` 给出同步用的图，``async with`` 给出异步用的图。"""

    def __init__(self, services: Services) -> None:
        """``services`` 归它所有，离开时关上。"""
        self._services = services

    def __enter__(self) -> Any:
        """打开，返回给 ``invoke``、``stream`` 用的图。

        Raises:
            LedgerError: 检查点打不开；消息说明是哪个文件、怎么办。

        """
        self._opened = _opened(self._services)
        return self._opened.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """关上检查点与账本。"""
        self._opened.__exit__(kind, error, trace)

    async def __aenter__(self) -> Any:
        """打开，返回给 ``ainvoke``、``astream`` 用的图；错误同上。"""
        self._awaited = _opened_for_await(self._services)
        return await self._awaited.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """关上检查点与账本。"""
        await self._awaited.__aexit__(kind, error, trace)


def open_graph(
    home: str | Path = ".",
    *,
    settings: Settings | None = None,
    router: ActionBackend | None = None,
    llm_client: LlmClient | None = None,
    listeners: list[Callable[[Event], None]] | None = None,
) -> HomeGraph:
    """打开家里的图：检查点在 ``runtime/checkpoints.sqlite``，账本在 PostgreSQL 的用同一个库。

    Args:
        home: ``runtime/`` 与 ``logs/`` 所在的目录。
        settings: 同 ``build_graph``，以下三项也是。
        router: 动作后端。
        llm_client: 语言理解。
        listeners: 账本事件的听众。

    Returns:
        上下文管理器，``with`` 与 ``async with`` 都行；给出的图与 ``build_graph(checkpointer=...)`` 的一样。
        连接不能带过 ``fork``：先 ``fork``，再打开。

    """
    return HomeGraph(services_of(home, settings, router, llm_client, listeners))


@contextmanager
def _opened(services: Services) -> Iterator[Any]:
    """同步的检查点器与图。"""
    try:
        with open_saver(services.settings.checkpoint_store(services.home)) as saver:
            yield build_graph(checkpointer=saver, services=services)
    finally:
        services.close()


@asynccontextmanager
async def _opened_for_await(services: Services) -> AsyncIterator[Any]:
    """异步的检查点器与图。"""
    try:
        async with open_async_saver(services.settings.checkpoint_store(services.home)) as saver:
            yield build_graph(checkpointer=saver, services=services)
    finally:
        await to_thread.run_sync(services.close)
