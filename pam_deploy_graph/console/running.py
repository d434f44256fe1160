"""把控制台开起来：占住端口，推着运行，服务到收到信号。"""

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pam_deploy_graph.console.front_door import Front, FrontDoor
from pam_deploy_graph.console.hub import Hub
from pam_deploy_graph.console.keeper import Keeper
from pam_deploy_graph.console.room import Room
from pam_deploy_graph.console.routing import build_app
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.http_server import QuietServer
from pam_deploy_graph.system.prompt_http import PromptProtocol

_LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Door:
    """怎样听：``tls`` 给了就只收 TLS，``names`` 是别人用来找它的主机名，``front`` 是前面做 TLS 的代理。"""

    listener: socket.socket
    tls: ssl.SSLContext | None = None
    names: Sequence[str] = ()
    front: Front | None = None

    @property
    def where(self) -> str:
        """听着的地址。"""
        host, port = self.listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def url(self) -> str:
        """浏览器里写的地址。"""
        return f"{'https' if self.tls else 'http'}://{self.where}/"


def serve(
    home: Path,
    settings: Settings,
    door: Door,
    *,
    driving: bool = True,
    drill: bool = False,
    ready: Callable[[str], None],
) -> None:
    """服务到 SIGTERM 或 SIGINT；进行中的工作站做完为止。

    Args:
        home: 工作目录。
        settings: 设置。
        door: 怎样听。
        driving: 推不推运行。
        drill: 开的是试验场。
        ready: 听起来了，告诉它去哪里。

    """
    room = Room(home, settings, driving=driving)
    room.drill = drill
    keeper = Keeper(room) if driving else None
    try:
        asyncio.run(_serve(room, keeper, door, ready))
    finally:
        if keeper:
            keeper.leave()
        room.close()


async def _serve(room: Room, keeper: Keeper | None, door: Door, ready: Callable[[str], None]) -> None:
    """同上，账本已经打开。"""
    hub = Hub(room)
    app = build_app(room, hub, [*_LOCAL, door.where, *door.names])
    server = QuietServer(FrontDoor(app, door.front) if door.front else app, PromptProtocol, door.listener, door.tls)

    def stop() -> None:
        """流先收，再停。"""
        hub.open = False
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    if keeper:
        keeper.start()
    ready(f"{door.url}{room.entry}")
    await server.run_until_stopped()
