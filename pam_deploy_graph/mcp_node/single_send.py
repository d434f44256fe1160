"""把一个应答的头和正文合成一次发送：少一次系统调用，对面也少醒一次。"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn 的 HTTP 协议，写出的东西攒到这一轮事件循环结束。"""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn 也是这样收窄的
        """把连接换成会攒的。"""
        super().connection_made(_Cork(transport))  # type: ignore[arg-type]  # 与 Transport 同样可用


class _Cork:
    """会攒的连接；除了写和关，一切照旧。"""

    def __init__(self, transport: asyncio.Transport) -> None:
        """``transport`` 是真正的连接。"""
        self._transport = transport
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        """别的都交给真正的连接。"""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """攒着。"""
        if not self._held:
            asyncio.get_running_loop().call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        """发完再关。"""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        """发出攒下的。"""
        if self._held:
            self._transport.write(b"".join(self._held))
            self._held.clear()
