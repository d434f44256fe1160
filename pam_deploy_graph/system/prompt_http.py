"""HTTP 的一端：请求要在期限内说完，只说一半就挂着的断开（faults「half-open」）。"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_SECONDS: Final = 10.0
"""从连上或上一个请求答完算起的第一个字节，到请求的最后一个字节。"""


class PromptProtocol(HttpToolsProtocol):
    """uvicorn 的 HTTP 协议，加上一个请求的期限；答复要多久不归它管。"""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn 也是这样收窄的
        """连上就开始计时。"""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """断了就不计了。"""
        self._disarm()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """下一个请求开始。"""
        super().on_message_begin()
        self._arm()

    def on_message_complete(self) -> None:
        """请求说完了。"""
        self._disarm()
        super().on_message_complete()

    def _arm(self) -> None:
        """重新计时。"""
        self._disarm()
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._drop)

    def _disarm(self) -> None:
        """不再计时。"""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop(self) -> None:
        """到期还没有说完。"""
        transport: Any = self.transport
        if transport is not None:
            transport.abort()
