"""安静的 HTTP 服务：试验场、``mcp-node`` 与网页控制台共用的 uvicorn 设置。"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator
from functools import partial
from typing import Final

from starlette.types import ASGIApp
from uvicorn import Config, Server

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr

_BACKLOG: Final = 2_048
_KEEP_ALIVE_SECONDS: Final = 75
HANDSHAKE_SECONDS: Final = 10.0
"""TLS 握手最多这么久；之后才轮到请求自己的期限。"""


class QuietServer(Server):
    """一个监听；不写访问日志（请求头里有令牌），信号由本程序处理，正常结束时退出码才是 0。"""

    def __init__(
        self,
        app: ASGIApp,
        http: type[asyncio.Protocol],
        listener: socket.socket,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """在已经占好的端口上服务。

        Args:
            app: ASGI 应用。
            http: uvicorn 的 HTTP 协议类。
            listener: 已经在听的套接字。
            tls: 给了就只收 TLS。

        """
        config = Config(
            app,
            http=http,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
        )
        if tls is not None:
            # uvicorn 自己造的上下文说不出是哪个文件不行，所以造好了交给它
            config.load()
            config.ssl = tls
        super().__init__(config)
        self._listener, self._tls = listener, tls is not None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """不碰信号。"""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """开始听；握手也有期限：uvicorn 没有这个选项，借 ``create_server`` 说。"""
        loop = asyncio.get_running_loop()
        if self._tls:
            vars(loop)["create_server"] = partial(loop.create_server, ssl_handshake_timeout=HANDSHAKE_SECONDS)
        try:
            await super().startup(sockets)
        finally:
            vars(loop).pop("create_server", None)

    async def run_until_stopped(self) -> None:
        """服务到 ``stop``，还没做完的请求最多再等一秒。"""
        await self.serve(sockets=[self._listener])

    def stop(self) -> None:
        """请它停下；到时没做完的请求会断开，那不是错误，不必写到标准错误。"""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """占住端口并开始听；``port`` 为 0 是任选。

    Raises:
        InvalidInputError: 听不了这个地址或端口。

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return adopt(socket.create_server((host, port), family=family, backlog=_BACKLOG).detach())
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInputError(
            tr("听不了 {host} 的端口 {port}：{reason}；请换一个 --host 或 --port", host=host, port=port, reason=reason)
        ) from None


def adopt(descriptor: int) -> socket.socket:
    """接管一个已经在听的描述符。

    写明协议是 TCP：不写的话，asyncio 不会给接进来的连接关掉 Nagle 算法，每次应答要多等 40 毫秒。
    """
    probe = socket.socket(fileno=descriptor)
    return socket.socket(probe.family, probe.type, socket.IPPROTO_TCP, fileno=probe.detach())
