"""断开连接而不作答，以及等调用者离开：ASGI 里没有的两件事。"""

import asyncio
import contextlib
from typing import Final, cast

from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

_open: Final[dict[tuple[object, object], asyncio.Transport]] = {}
"""两端地址到连接：ASGI 的 scope 里只有地址，由它找回连接本身。"""


class AbortableProtocol(H11Protocol):
    """记住每个连接，好让 ``abort_connection`` 找到它。"""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """记下连接。"""
        super().connection_made(cast("asyncio.Transport", transport))
        _open[self.server, self.client] = self.transport

    def connection_lost(self, exc: Exception | None) -> None:
        """忘掉连接。"""
        _open.pop((self.server, self.client), None)
        super().connection_lost(exc)


async def abort_connection(request: Request) -> None:
    """立刻断开这个请求的连接，一个字节也不答。"""
    transport = _open.get((request.scope["server"], request.scope["client"]))
    if transport is not None:
        transport.abort()
    await asyncio.sleep(0)


async def wait_until_gone(request: Request, closing: asyncio.Event) -> None:
    """等到调用者断开连接，或者服务要关了（那时由这一边断开）。"""
    gone = asyncio.ensure_future(_gone(request))
    closed = asyncio.ensure_future(closing.wait())
    _, pending = await asyncio.wait((gone, closed), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await abort_connection(request)


async def _gone(request: Request) -> None:
    """读到断开为止。"""
    while (await request.receive())["type"] != "http.disconnect":
        pass
