"""``mcp-node`` 命令：一个 PAM_NODE 的 MCP 服务（contract 第 8 节）。模块层面只导入轻的东西。"""

import os
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.parent_watch import WithParent, when_parent_ends
from pam_deploy_graph.system.terminal import put

if TYPE_CHECKING:
    from pam_deploy_graph.mcp_node.serving import Door


class Transport(StrEnum):
    """MCP 的传输方式。"""

    HTTP = "streamable-http"
    STDIO = "stdio"


NodeUrl = Annotated[str, typer.Option(help="PAM_NODE 的地址，例如 http://node.pek.example:8081")]
ChosenTransport = Annotated[Transport, typer.Option(help="传输方式")]
Host = Annotated[str, typer.Option(help="监听的地址；没有 PAM_TOKEN 时只可以是回环地址")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="监听的端口；0 为任选")]
Cert = Annotated[str, typer.Option(help="TLS 证书（PEM）；给了就只收 TLS", metavar="FILE")]
Key = Annotated[str, typer.Option(help="证书的私钥；同在一个文件的不必给", metavar="FILE")]
ClientCa = Annotated[str, typer.Option(help="客户端要出示它签发的证书", metavar="FILE")]
BehindProxy = Annotated[bool, typer.Option(help="前面有做 TLS 的代理：明文也可以听在回环地址之外")]
AllowHost = Annotated[
    list[str],
    typer.Option(help="别人用来找它的主机名（可带端口），可重复；收听的地址与本机的写法总是算", metavar="HOST"),
]
Listener = Annotated[int | None, typer.Option(hidden=True, help="试验场交来的监听的描述符")]


def mcp_node(
    node_url: NodeUrl,
    transport: ChosenTransport = Transport.HTTP,
    host: Host = "127.0.0.1",
    port: Port = 0,
    listener: Listener = None,
    tls_cert: Cert = "",
    tls_key: Key = "",
    client_ca: ClientCa = "",
    allow_host: AllowHost = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    *,
    behind_proxy: BehindProxy = False,
    with_parent: WithParent = False,
) -> None:
    """在一个 PAM_NODE 前面开 MCP 服务；听起来之后打印一行 {"mcp_url": ...}，服务到收到 SIGTERM。

    令牌取自环境变量 PAM_TOKEN：调用者要出示它，对 PAM_NODE 也用它。地址不合规则，端口被占用，证书用不了，
    或没有令牌、没有 TLS 却要听在回环地址之外，都以退出码 2 结束（InvalidInputError）。
    """
    if with_parent:
        when_parent_ends(lambda: os._exit(0))  # 没有要存的东西，立刻退出
    from pam_deploy_graph.settings import Settings
    from pam_deploy_graph.system.open_files import allow_many_files

    allow_many_files()
    settings = Settings.for_command(Path.cwd())
    for sentence in settings.refused:
        put(tr("注意: {sentence}", sentence=sentence), err=True)
    settings.check_token_travel("")  # 当前目录的 .env 换得了 CA，就冒充得了节点
    token, url = settings.token(), _checked_url(node_url)
    if transport is Transport.HTTP and not _is_loopback(host):
        _refuse_open_door(host, token=bool(token), tls=bool(tls_cert), behind_proxy=behind_proxy)
    from pam_deploy_graph.mcp_node.serving import Door
    from pam_deploy_graph.system.tls import server_context

    tls = server_context(tls_cert, tls_key, client_ca) if tls_cert else None
    door = Door(tls, tuple(allow_host), settings.tls().context())
    if transport is Transport.STDIO:
        _serve_stdio(url, token, door)
    else:
        _serve_http(url, token, host, port, listener, door)


def _refuse_open_door(host: str, *, token: bool, tls: bool, behind_proxy: bool) -> None:
    """听在回环地址之外的规矩：要令牌；令牌不在明文里走。

    Raises:
        InvalidInputError: 不合规矩；消息说明怎么办。

    """
    if not token:
        raise InvalidInputError(tr("没有 PAM_TOKEN，不能听在 {host}：请设置 PAM_TOKEN，或只听 127.0.0.1", host=host))
    if not tls and not behind_proxy:
        raise InvalidInputError(
            tr(
                "明文 HTTP 不能听在 {host}，令牌会在网络上走：请给 --tls-cert 与 --tls-key；前面有做 "
                "TLS 的代理就加 --behind-proxy",
                host=host,
            )
        )


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
        raise InvalidInputError(
            tr("选项 --node-url 的值 {text} 不合规则：{rule}", text=show_value(text), rule=rule)
        ) from None


def _serve_http(node_url: str, token: str, host: str, port: int, inherited: int | None, door: "Door") -> None:
    """以 streamable HTTP 服务到收到信号；``inherited`` 是已经在听的描述符。"""
    import anyio

    from pam_deploy_graph.mcp_node.serving import serve_http
    from pam_deploy_graph.system.http_server import adopt, listen

    listener = listen(host, port) if inherited is None else adopt(inherited)
    anyio.run(serve_http, node_url, token, listener, door)


def _serve_stdio(node_url: str, token: str, door: "Door") -> None:
    """以标准输入输出服务到标准输入关闭。"""
    import anyio

    from pam_deploy_graph.mcp_node.serving import serve_stdio

    anyio.run(serve_stdio, node_url, token, door)
