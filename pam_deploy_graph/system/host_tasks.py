"""在异步的宿主里做一段同步的事：自己的线程、自己的限额；宿主取消时不丢下它，让它收完尾。

宿主的默认线程池在两核上只有六个线程（``min(32, 核数 + 4)``），第七次推出就得等着。
"""

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")
_AT_ONCE: Final = 256
"""一个事件循环里同时最多这么多段；每段多半只是在等。"""
_limiter: Final[RunVar[CapacityLimiter]] = RunVar("pam_host_tasks")
_never: Final = threading.Event()
_told: Final[contextvars.ContextVar[threading.Event]] = contextvars.ContextVar("pam_told_to_stop", default=_never)


async def outlast(work: Callable[..., T], *args: Any) -> T:
    """在自己的线程里做 ``work(*args)``。

    宿主取消时立起 ``told_to_stop`` 的标志，等它收完尾（进行中的做完、交还租约），再把取消传出去；再取消几次也一样。

    Raises:
        asyncio.CancelledError: 宿主取消了；那时已经收完尾，此后什么也不再做。

    """
    told = threading.Event()
    mark = _told.set(told)
    try:
        doing = asyncio.ensure_future(to_thread.run_sync(partial(work, *args), limiter=_own_limiter()))
    finally:
        _told.reset(mark)
    cancelled: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.wait([doing])
        except asyncio.CancelledError as error:
            told.set()
            cancelled = error
    if cancelled is not None:
        with contextlib.suppress(BaseException):  # 取走结果；宿主要听到的是取消
            doing.result()
        raise cancelled
    return doing.result()


@contextlib.contextmanager
def telling_to_stop(told: threading.Event) -> Iterator[None]:
    """在这个线程的这一段里，``told`` 立起来就是要停。"""
    mark = _told.set(told)
    try:
        yield
    finally:
        _told.reset(mark)


def told_to_stop() -> threading.Event:
    """返回「宿主取消了这一段」的标志；不在 ``outlast`` 里的永远不立。"""
    return _told.get()


def _own_limiter() -> CapacityLimiter:
    """这个事件循环的限额；用到才建。"""
    with contextlib.suppress(LookupError):
        return _limiter.get()
    made = CapacityLimiter(_AT_ONCE)
    _limiter.set(made)
    return made
