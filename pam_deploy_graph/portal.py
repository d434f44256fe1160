"""本进程自己的事件循环：一个守护线程，同步代码经由它运行协程。

宿主可能没有事件循环，也可能正在循环里；都不影响这里。守护线程不妨碍进程退出。
"""

import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

T = TypeVar("T")
_lock = threading.Lock()
_portal: BlockingPortal | None = None


def call(function: Callable[..., Awaitable[T]], *args: Any) -> T:
    """在自己的事件循环里运行 ``function(*args)`` 并等到结果。

    等待中被打断（例如 Ctrl-C）时取消那个协程，再把打断原样抛出。
    """
    future = _get().start_task_soon(function, *args)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def _get() -> BlockingPortal:
    """返回入口；第一次用时才启动线程。"""
    global _portal  # noqa: PLW0603  一个进程只要一个事件循环
    with _lock:
        if _portal is None:
            started: Future[BlockingPortal] = Future()
            threading.Thread(target=anyio.run, args=(_serve, started), name="pam-portal", daemon=True).start()
            _portal = started.result()
    return _portal


async def _serve(started: Future[BlockingPortal]) -> None:
    """事件循环的主体：交出入口，然后一直等。"""
    _exempt_this_thread()
    async with BlockingPortal() as portal:
        started.set_result(portal)
        await portal.sleep_until_stopped()


def _exempt_this_thread() -> None:
    """``langgraph dev`` 用 blockbuster 拦下事件循环里的阻塞调用；这个循环是自己的，写账本不拖累别人，不必拦。"""
    guard = getattr(sys.modules.get("blockbuster.blockbuster"), "_skip", None)
    if guard is not None:
        guard.value = True
