"""本进程自己的事件循环：一个守护线程，同步代码经由它运行协程。

宿主可能没有事件循环，也可能正在循环里；都不影响这里。守护线程不妨碍进程退出。
``fork`` 出来的子进程没有这个线程，用到时另起一个。
"""

import os
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from typing import Any, Final, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from pam_deploy_graph.errors import RunPausedError
from pam_deploy_graph.i18n import tr

T = TypeVar("T")
_LET_GO_SECONDS: Final = 2.0
"""打断之后最多等被取消的协程这么久，好让它交还租约；再久的留它自己收尾。"""
_running: Final[set[Future[Any]]] = set()
_lock = threading.Lock()
_portal: BlockingPortal | None = None


def call(function: Callable[..., Awaitable[T]], *args: Any) -> T:
    """在自己的事件循环里运行 ``function(*args)`` 并等到结果。

    等待中被打断（例如 Ctrl-C）时取消那个协程，等它收完尾（最多两秒），再把打断原样抛出。

    Raises:
        RunPausedError: 别的线程用 ``abort`` 打断了它。

    """
    ended = threading.Event()

    async def watched() -> T:
        """照做，做完说一声。"""
        try:
            return await function(*args)
        finally:
            ended.set()

    future = _get().start_task_soon(watched)
    _running.add(future)
    try:
        return future.result()
    except BaseException as error:
        if future.cancel():
            ended.wait(_LET_GO_SECONDS)
        if isinstance(error, CancelledError):
            raise RunPausedError(tr("已立即停下")) from None
        raise
    finally:
        _running.discard(future)


def abort() -> None:
    """打断此刻在自己的事件循环里做着的；等着它们的线程得到 ``RunPausedError``。"""
    for future in list(_running):
        future.cancel()


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


def _forget() -> None:
    """子进程里没有父进程的线程：忘掉它的入口与锁，别的一概不动，那个循环还在父进程里转着。"""
    global _portal, _lock
    _left_behind.append(_portal)
    _portal, _lock = None, threading.Lock()


_left_behind: Final[list[BlockingPortal | None]] = []
"""留着不回收：回收会动到与父进程共用的描述符。"""
os.register_at_fork(after_in_child=_forget)
