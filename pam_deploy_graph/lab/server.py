"""把 ASGI 应用放到 uvicorn 上：几个服务同在一个事件循环里，信号由试验场统一处理。"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from pam_deploy_graph.lab.http_common import Refused, TokenGuard, on_bug, on_caller_gone, on_http_error, on_refused
from pam_deploy_graph.lab.no_answer import NoAnswer, on_no_answer
from pam_deploy_graph.lab.state_folder import HOST
from pam_deploy_graph.system.http_server import QuietServer


def protocol_app(routes: Sequence[Route], token: str) -> Starlette:
    """做一个 PAM 协议的应用：核对令牌，错误一律答 ``{"error": ...}``。"""
    app = Starlette(
        routes=list(routes),
        middleware=[Middleware(TokenGuard, token=token)],
        exception_handlers={
            Refused: on_refused,
            HTTPException: on_http_error,
            NoAnswer: on_no_answer,
            ClientDisconnect: on_caller_gone,
            Exception: on_bug,
        },
    )
    app.router.redirect_slashes = False
    return app


def url_of(listener: socket.socket) -> str:
    """一个监听的地址。"""
    return f"http://{HOST}:{listener.getsockname()[1]}"


@contextlib.asynccontextmanager
async def serving(servers: Sequence[QuietServer]) -> AsyncIterator[None]:
    """让全部服务听起来；离开时一起停下，还没做完的请求最多等一秒。"""
    tasks = [asyncio.create_task(server.run_until_stopped()) for server in servers]
    try:
        while not all(server.started for server in servers):
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.005)
        yield
    finally:
        for server in servers:
            server.stop()
        await asyncio.gather(*tasks)
