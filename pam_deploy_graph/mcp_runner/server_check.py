"""看一个 MCP 服务连不连得上、合不合用；什么也不改变。"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from pam_deploy_graph.mcp_runner.call_failure import McpFault
from pam_deploy_graph.mcp_runner.conventions import CLOSE_SECONDS
from pam_deploy_graph.mcp_runner.server_address import Target, stdio_target
from pam_deploy_graph.system import event_loop
from pam_deploy_graph.system.tls import TlsFiles


@dataclass(frozen=True, slots=True)
class McpCheck:
    """查看一个 MCP 服务的结果；``reason`` 在不合用时说明原因。"""

    ok: bool
    url: str
    reason: str = ""
    tools: str = ""
    """工具清单的指纹。"""


def check_server(
    url: str,
    *,
    command: Sequence[str] = (),
    token: str = "",
    airport: str = "",
    seconds: float = 5.0,
    tls: TlsFiles | None = None,
) -> McpCheck:
    """看一个 MCP 服务连不连得上、合不合用；什么也不改变。

    Args:
        url: 服务的地址。
        command: stdio 服务的 argv；给了就不用地址。
        token: PAM 令牌。
        airport: 它应属于哪个机场；空串为不核对。
        seconds: 时限，秒。
        tls: 站点的 CA 与客户端证书。

    Raises:
        InvalidInputError: 证书的文件用不了。

    """
    from pam_deploy_graph.settings import Settings

    target = stdio_target(command, token, Settings.process_environ(), tls or TlsFiles()) if command else None
    target = target or Target(url, token=token, tls=tls.context() if tls else None)
    return event_loop.call(_check_server, target, airport, seconds)


async def _check_server(target: Target, airport: str, seconds: float) -> McpCheck:
    """打开一个会话再关上。"""
    from pam_deploy_graph.mcp_runner.client_session import Link

    link = Link(target, {"AIRPORT_CODE": airport} if airport else {}, seconds)
    try:
        await link.opened(asyncio.get_running_loop().time() + seconds)
    except McpFault as fault:
        return McpCheck(ok=False, url=target.name, reason=str(fault))
    finally:
        link.shut()
        with anyio.move_on_after(CLOSE_SECONDS):
            await link.wait_closed()
    return McpCheck(ok=True, url=target.name, tools=link.fingerprint)
