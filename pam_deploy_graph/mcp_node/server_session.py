"""一个 MCP 会话：下面是 SDK 的 ``Server.run``，上面一次请求等一个答复。"""

import asyncio
import logging
import math
import time
from typing import Any, Final, Self

import anyio
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse, RequestId

_logger: Final = logging.getLogger(__name__)
_IDLE_SECONDS: Final = 1_800.0

Answer = JSONRPCResponse | JSONRPCError


class SessionEndedError(Exception):
    """会话在答复之前结束了；请求做没做不知道。"""


class SessionGoneError(Exception):
    """会话早已结束，这个消息没有收下。"""


class RequestIdTakenError(Exception):
    """同一个会话里还有一个同号的请求没有答复。"""


class Session:
    """一个会话；它自己就是 SDK 的写流，答复因此直接交给等它的请求，不再经过一层队列。"""

    def __init__(self, server: Server[Any, Any]) -> None:
        """``server`` 是各会话共用的服务；``serve`` 跑起来之后才会答复。"""
        self._server = server
        self._sink, self._source = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
        self._waiting: dict[RequestId, asyncio.Future[Answer]] = {}
        self.used = time.monotonic()

    @property
    def busy(self) -> bool:
        """有在途的请求。"""
        return bool(self._waiting)

    @property
    def idle(self) -> bool:
        """半小时没有动静，也没有在途的请求。"""
        return not self.busy and time.monotonic() - self.used > _IDLE_SECONDS

    async def serve(self) -> None:
        """服务到 ``close``；离开时放开还在等的请求。"""
        write: Any = self  # SDK 标注的是内存流，用到的只有 send 与上下文管理
        try:
            await self._server.run(self._source, write, self._server.create_initialization_options())
        except Exception:  # 一个会话出了意外，不连累别的
            _logger.exception("MCP 会话意外结束")
        finally:
            self.close()
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(SessionEndedError)

    def close(self) -> None:
        """不再收消息；在途的调用随之取消。"""
        self._sink.close()

    async def ask(self, request: JSONRPCRequest) -> Answer:
        """送进一个请求，等它的答复。

        Raises:
            RequestIdTakenError: 同号的请求还没有答复；这一个没有送进去。
            SessionGoneError: 会话早已结束；这一个没有送进去。
            SessionEndedError: 会话在答复之前结束了。

        """
        if request.id in self._waiting:
            raise RequestIdTakenError
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = future
        try:
            self.tell(request)
            return await future
        finally:
            del self._waiting[request.id]

    def tell(self, message: Any) -> None:
        """送进一个不要答复的消息。

        Raises:
            SessionGoneError: 会话已经结束。

        """
        self.used = time.monotonic()
        try:
            self._sink.send_nowait(SessionMessage(JSONRPCMessage(message)))
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            raise SessionGoneError from None

    async def send(self, one: SessionMessage) -> None:
        """SDK 写出的消息：答复交给等它的请求；本服务不主动发别的。"""
        root = one.message.root
        if isinstance(root, Answer) and (future := self._waiting.get(root.id)) and not future.done():
            future.set_result(root)

    async def __aenter__(self) -> Self:
        """SDK 开始用它。"""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """SDK 不用它了。"""
