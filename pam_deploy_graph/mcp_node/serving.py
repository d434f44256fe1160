"""把 MCP 服务接到 streamable HTTP 或 stdio 上。"""

import asyncio
import json
import signal
import socket
import sys
from typing import Final

from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.mcp_node.endpoint import Endpoint
from pam_deploy_graph.mcp_node.http_auth import Gate
from pam_deploy_graph.mcp_node.node_client import NodeClient
from pam_deploy_graph.mcp_node.server import build_server
from pam_deploy_graph.mcp_node.single_send import CorkedProtocol
from pam_deploy_graph.mcp_runner.conventions import MCP_PATH
from pam_deploy_graph.system.http_server import QuietServer

_BACKLOG: Final = 2_048


async def serve_http(node_url: str, token: str, listener: socket.socket) -> None:
    """打印一行 ``{"mcp_url": ...}``，服务到 SIGTERM 或 SIGINT。

    Args:
        node_url: PAM_NODE 的地址。
        token: 调用者要出示的令牌，对 PAM_NODE 也用它；空串则都没有。
        listener: 已经在听的套接字，见 ``listen``。

    """
    host, port = listener.getsockname()[:2]
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    async with NodeClient(node_url, token) as node:
        endpoint = Endpoint(build_server(node), _security(where, loopback_only=not token))
        server = QuietServer(Gate(endpoint, token), CorkedProtocol, listener)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        async with endpoint.running():
            # 已经在听：启动完成之前来的连接排队等着。
            sys.stdout.write(json.dumps({"mcp_url": f"http://{where}{MCP_PATH}"}) + "\n")
            sys.stdout.flush()
            await server.run_until_stopped()


async def serve_stdio(node_url: str, token: str) -> None:
    """以标准输入输出服务，到标准输入关闭；参数同 ``serve_http``。"""
    async with NodeClient(node_url, token) as node, stdio_server() as (read, write):
        server = build_server(node)
        await server.run(read, write, server.create_initialization_options())


def _security(where: str, *, loopback_only: bool) -> TransportSecuritySettings:
    """没有令牌时防 DNS 重绑定：网页里的脚本不能冒用本机的名义。"""
    port = where.rpartition(":")[2]
    hosts = [where, f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"]
    return TransportSecuritySettings(enable_dns_rebinding_protection=loopback_only, allowed_hosts=hosts)


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
        raise InvalidInputError(f"听不了 {host} 的端口 {port}：{reason}；请换一个 --host 或 --port") from None


def adopt(descriptor: int) -> socket.socket:
    """接管一个已经在听的描述符。

    写明协议是 TCP：不写的话，asyncio 不会给接进来的连接关掉 Nagle 算法，每次应答要多等 40 毫秒。
    """
    probe = socket.socket(fileno=descriptor)
    return socket.socket(probe.family, probe.type, socket.IPPROTO_TCP, fileno=probe.detach())
