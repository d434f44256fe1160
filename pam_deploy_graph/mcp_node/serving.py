"""把 MCP 服务接到 streamable HTTP 或 stdio 上。"""

import asyncio
import json
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

from pam_deploy_graph.mcp_node.http_auth import Gate
from pam_deploy_graph.mcp_node.node_client import NodeClient
from pam_deploy_graph.mcp_node.server import build_server
from pam_deploy_graph.mcp_runner.conventions import MCP_PATH
from pam_deploy_graph.system.http_server import QuietServer
from pam_deploy_graph.system.prompt_http import PromptProtocol

_MAX_BODY: Final = 1 << 20
_IDLE_SECONDS: Final = 600.0
"""会话闲置多久就关；客户端走时多半不说一声。"""


@dataclass(frozen=True, slots=True)
class Door:
    """怎样听：``tls`` 给了就只收 TLS，``names`` 是别人用来找它的主机名，``node_tls`` 是连 PAM_NODE 用的。"""

    tls: ssl.SSLContext | None = None
    names: tuple[str, ...] = ()
    node_tls: ssl.SSLContext | None = None


async def serve_http(node_url: str, token: str, listener: socket.socket, door: Door) -> None:
    """打印一行 ``{"mcp_url": ...}``，服务到 SIGTERM 或 SIGINT。

    会话、分派与传输都是 SDK 的，答的是 JSON（docs/adr/0002）。

    Args:
        node_url: PAM_NODE 的地址。
        token: 调用者要出示的令牌，对 PAM_NODE 也用它；空串则都没有。
        listener: 已经在听的套接字，见 ``listen``。
        door: 怎样听。

    """
    host, port = listener.getsockname()[:2]
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    async with NodeClient(node_url, token, door.node_tls) as node:
        manager = StreamableHTTPSessionManager(
            build_server(node),
            json_response=True,
            security_settings=_security(where, door.names),
            max_request_body_size=_MAX_BODY,
            session_idle_timeout=_IDLE_SECONDS,
        )
        server = QuietServer(Gate(manager.handle_request, token), PromptProtocol, listener, door.tls)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        async with manager.run():
            # 已经在听：启动完成之前来的连接排队等着。
            scheme = "https" if door.tls else "http"
            sys.stdout.write(json.dumps({"mcp_url": f"{scheme}://{where}{MCP_PATH}"}) + "\n")
            sys.stdout.flush()
            await server.run_until_stopped()


async def serve_stdio(node_url: str, token: str, door: Door) -> None:
    """以标准输入输出服务，到标准输入关闭；参数同 ``serve_http``。"""
    async with NodeClient(node_url, token, door.node_tls) as node, stdio_server() as (read, write):
        server = build_server(node)
        await server.run(read, write, server.create_initialization_options())


def _security(where: str, names: Sequence[str]) -> TransportSecuritySettings:
    """总是核对 ``Host`` 与 ``Origin``：网页里的脚本不能借 DNS 重绑定冒用本机或别人的名义。

    收听着的地址、本机的几种写法与 ``names``；没有写端口的名字，什么端口都行（代理常用默认端口）。
    """
    port = where.rpartition(":")[2]
    hosts = [where, f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"]
    hosts += [form for name in names for form in ([name] if ":" in name else [name, f"{name}:*"])]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)
