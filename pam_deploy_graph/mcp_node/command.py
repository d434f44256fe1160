"""``mcp-node`` 命令：一个 PAM_NODE 的 MCP 服务（contract 第 8 节）。模块层面只导入轻的东西。"""

import os
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.system.parent_watch import WithParent, when_parent_ends


class Transport(StrEnum):
    """MCP 的传输方式。"""

    HTTP = "streamable-http"
    STDIO = "stdio"


NodeUrl = Annotated[str, typer.Option(help="PAM_NODE 的地址，例如 http://node.pek.example:8081")]
ChosenTransport = Annotated[Transport, typer.Option(help="传输方式")]
Host = Annotated[str, typer.Option(help="监听的地址；没有 PAM_TOKEN 时只可以是回环地址")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="监听的端口；0 为任选")]
Listener = Annotated[int | None, typer.Option(hidden=True, help="试验场交来的监听的描述符")]


def mcp_node(
    node_url: NodeUrl,
    transport: ChosenTransport = Transport.HTTP,
    host: Host = "127.0.0.1",
    port: Port = 0,
    listener: Listener = None,
    *,
    with_parent: WithParent = False,
) -> None:
    """在一个 PAM_NODE 前面开 MCP 服务；听起来之后打印一行 {"mcp_url": ...}，服务到收到 SIGTERM。

    令牌取自环境变量 PAM_TOKEN：调用者要出示它，对 PAM_NODE 也用它。地址不合规则，端口被占用，
    或没有令牌却要听在回环地址之外，都以退出码 2 结束（InvalidInputError）。
    """
    if with_parent:
        when_parent_ends(lambda: os._exit(0))  # 没有要存的东西，立刻退出
    from pam_deploy_graph.settings import Settings
    from pam_deploy_graph.system.open_files import allow_many_files

    allow_many_files()
    token = Settings.for_command(Path.cwd()).token()
    if transport is Transport.HTTP and not token and not _is_loopback(host):
        raise InvalidInputError(f"没有 PAM_TOKEN，不能听在 {host}：请设置 PAM_TOKEN，或只听 127.0.0.1")
    url = _checked_url(node_url)
    if transport is Transport.STDIO:
        _serve_stdio(url, token)
    else:
        _serve_http(url, token, host, port, listener)


def _is_loopback(host: str) -> bool:
    """是否回环地址。"""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_url(text: str) -> str:
    """检查 PAM_NODE 的地址，去掉末尾的 ``/``。"""
    from pydantic import TypeAdapter, ValidationError

    from pam_deploy_graph.inputs.value_rules import Url
    from pam_deploy_graph.system.safe_text import show_value

    try:
        return TypeAdapter[str](Url).validate_python(text).rstrip("/")
    except ValidationError as error:
        rule = error.errors()[0].get("ctx", {}).get("error", "")
        raise InvalidInputError(f"选项 --node-url 的值 {show_value(text)} 不合规则：{rule}") from None


def _serve_http(node_url: str, token: str, host: str, port: int, inherited: int | None) -> None:
    """以 streamable HTTP 服务到收到信号；``inherited`` 是已经在听的描述符。"""
    import anyio

    from pam_deploy_graph.mcp_node.serving import adopt, listen, serve_http

    listener = listen(host, port) if inherited is None else adopt(inherited)
    anyio.run(serve_http, node_url, token, listener)


def _serve_stdio(node_url: str, token: str) -> None:
    """以标准输入输出服务到标准输入关闭。"""
    import anyio

    from pam_deploy_graph.mcp_node.serving import serve_stdio

    anyio.run(serve_stdio, node_url, token)
