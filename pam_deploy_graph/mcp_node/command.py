"""``mcp-node`` 命令：一个 PAM_NODE 的 MCP 服务（contract 第 8 节）。模块层面只导入轻的东西。"""

from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated

import typer

from pam_deploy_graph.errors import InvalidInputError


class Transport(StrEnum):
    """MCP 的传输方式。"""

    HTTP = "streamable-http"
    STDIO = "stdio"


NodeUrl = Annotated[str, typer.Option(help="PAM_NODE 的地址，例如 http://node.pek.example:8081")]
ChosenTransport = Annotated[Transport, typer.Option(help="传输方式")]
Host = Annotated[str, typer.Option(help="监听的地址；没有 PAM_TOKEN 时只可以是回环地址")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="监听的端口；0 为任选")]


def mcp_node(
    node_url: NodeUrl, transport: ChosenTransport = Transport.HTTP, host: Host = "127.0.0.1", port: Port = 0
) -> None:
    """在一个 PAM_NODE 前面开 MCP 服务；听起来之后打印一行 {"mcp_url": ...}，服务到收到 SIGTERM。

    令牌取自环境变量 PAM_TOKEN：调用者要出示它，对 PAM_NODE 也用它。

    Raises:
        InvalidInputError: 地址不合规则，端口被占用，或没有令牌却要听在回环地址之外。

    """
    from pam_deploy_graph.settings import Settings

    token = Settings().token()
    if transport is Transport.HTTP and not token and not _is_loopback(host):
        raise InvalidInputError(f"没有 PAM_TOKEN，不能听在 {host}：请设置 PAM_TOKEN，或只听 127.0.0.1")
    _serve(_checked_url(node_url), transport, host, port, token)


def _is_loopback(host: str) -> bool:
    """是否回环地址。"""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_url(text: str) -> str:
    """检查 PAM_NODE 的地址，去掉末尾的 ``/``。"""
    from pydantic import TypeAdapter, ValidationError

    from pam_deploy_graph.addresses import show_value
    from pam_deploy_graph.scope import Url

    try:
        return TypeAdapter[str](Url).validate_python(text).rstrip("/")
    except ValidationError as error:
        rule = error.errors()[0].get("ctx", {}).get("error", "")
        raise InvalidInputError(f"选项 --node-url 的值 {show_value(text)} 不合规则：{rule}") from None


def _serve(node_url: str, transport: Transport, host: str, port: int, token: str) -> None:
    """服务到收到信号；stdio 则到标准输入关闭。"""
    import anyio

    from pam_deploy_graph.mcp_node.serving import serve_http, serve_stdio

    if transport is Transport.STDIO:
        anyio.run(serve_stdio, node_url, token)
    else:
        anyio.run(serve_http, node_url, token, host, port)
