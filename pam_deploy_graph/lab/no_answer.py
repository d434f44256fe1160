"""断开连接而不作答，以及等调用者离开：ASGI 里没有的两件事。"""

import asyncio
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol


class NoAnswer(Exception):  # noqa: N818 —— 不是错误：这次请求就是不作答
    """这个请求不作答：断开连接，一个字节也不送。"""


_open: Final[dict[tuple[object, object], asyncio.Transport]] = {}
"""两端地址到连接：ASGI 的 scope 里只有地址，由它找回连接本身。"""


class AbortableProtocol(H11Protocol):
    """记住每个连接，好让 ``on_no_answer`` 找到它。"""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """记下连接。"""
        super().connection_made(cast("asyncio.Transport", transport))
        _open[self.server, self.client] = self.transport

    def connection_lost(self, exc: Exception | None) -> None:
        """忘掉连接。"""
        _open.pop((self.server, self.client), None)
        super().connection_lost(exc)


async def on_no_answer(request: Request, _error: Exception) -> Response:
    """断开连接；返回的应答送不到任何人那里，只为满足框架。"""
    transport = _open.get((request.scope["server"], request.scope["client"]))
    if transport is not None:
        transport.abort()
    await asyncio.sleep(0)
    return Response(status_code=500)


async def wait_until_gone(request: Request, closing: asyncio.Event) -> None:
    """等到调用者断开连接，或者服务要关了。"""
    waiting = {asyncio.ensure_future(_gone(request)), asyncio.ensure_future(closing.wait())}
    _, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()


async def _gone(request: Request) -> None:
    """读到断开为止。"""
    while (await request.receive())["type"] != "http.disconnect":
        pass
