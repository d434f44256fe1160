"""命令 ``web``：网页控制台，一个进程，不联网（contract 第 8 节）。"""

import contextlib
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.terminal import put

_FAULTS: Final = ("10.0.0.7:verify:fail", "10.0.0.8:verify:fail", "10.0.0.23:start:fail")
"""演练里会坏的几台，好有事可决定。"""
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_deploy_graph.settings import Settings

HOST = Annotated[str, typer.Option("--host", help="监听的地址；回环之外要有账户文件与 TLS。", metavar="HOST")]
PORT = Annotated[int, typer.Option("--port", min=0, max=65_535, help="监听的端口；0 为任选。")]
CERT = Annotated[str, typer.Option("--tls-cert", help="TLS 证书（PEM）；给了就只收 TLS。", metavar="FILE")]
KEY = Annotated[str, typer.Option("--tls-key", help="证书的私钥；同在一个文件的不必给。", metavar="FILE")]
NAMES = Annotated[
    list[str], typer.Option("--allow-host", help="别人用来找它的主机名，可重复；本机的写法总是算。", metavar="HOST")
]
BEHIND = Annotated[bool, typer.Option("--behind-proxy", help="前面有做 TLS 的代理：明文也可以听在回环地址之外。")]
PROXY = Annotated[
    list[str],
    typer.Option("--proxy", help="做 TLS 的代理从哪个地址或网段来，可重复；它写的来处才作数。", metavar="ADDRESS"),
]
HEADER = Annotated[
    str, typer.Option("--login-header", help="代理认过的人写在哪个请求头里；只信 --proxy 写明的。", metavar="NAME")
]
WATCH_ONLY = Annotated[bool, typer.Option("--watch-only", help="只看、只记决定，不推运行。")]
LAB = Annotated[bool, typer.Option("--lab", help="对着一个随即开起来的试验场，连同几个演练用的账户。")]


def web(
    host: HOST = "127.0.0.1",
    port: PORT = 8400,
    tls_cert: CERT = "",
    tls_key: KEY = "",
    allow_host: NAMES = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    *,
    behind_proxy: BEHIND = False,
    proxy: PROXY = [],  # noqa: B006  同上
    login_header: HEADER = "",
    watch_only: WATCH_ONLY = False,
    lab: LAB = False,
    home: o.Home = o.HERE,
) -> None:
    """开网页控制台：看着、决定、提出，推着自己的与交给它的运行；服务到收到 SIGTERM 或 Ctrl-C。"""
    from pam_deploy_graph.console.front_door import Front
    from pam_deploy_graph.console.running import Door, serve
    from pam_deploy_graph.system.http_server import listen
    from pam_deploy_graph.system.open_files import allow_many_files
    from pam_deploy_graph.system.tls import server_context

    allow_many_files()
    with _drill(home) if lab else contextlib.nullcontext(o.settings_for(home)) as settings:
        if login_header and not settings.pam_people:
            raise InvalidInputError(tr("--login-header 要有账户文件（PAM_PEOPLE）：用 people add 登记代理认得的人"))
        front = Front(tuple(proxy), login_header) if behind_proxy or proxy or login_header else None
        _refuse_open_door(host, settings, tls=bool(tls_cert), behind_proxy=front is not None)
        tls = server_context(tls_cert, tls_key, "") if tls_cert else None
        door = Door(listen(host, port), tls, tuple(allow_host), front)
        serve(home, settings, door, driving=not watch_only, drill=lab, ready=_tell)


def _tell(url: str) -> None:
    """听起来了。"""
    put(tr("控制台在 {url}", url=url), err=True)


def _refuse_open_door(host: str, settings: "Settings", *, tls: bool, behind_proxy: bool) -> None:
    """听在回环地址之外的规矩：要知道是谁；口令不在明文里走。

    Raises:
        InvalidInputError: 不合规矩；消息说明怎么办。

    """
    with contextlib.suppress(ValueError):
        if host == "localhost" or ip_address(host).is_loopback:
            return
    if not settings.pam_people:
        raise InvalidInputError(
            tr("没有账户文件（PAM_PEOPLE），不能听在 {host}：用 people add 登记人，或只听 127.0.0.1", host=host)
        )
    if not tls and not behind_proxy:
        raise InvalidInputError(
            tr(
                "明文 HTTP 不能听在 {host}，口令会在网络上走：请给 --tls-cert 与 --tls-key；前面有做 "
                "TLS 的代理就加 --behind-proxy",
                host=host,
            )
        )


@contextlib.contextmanager
def _drill(home: Path) -> "Iterator[Settings]":
    """开一个试验场，登记几个演练用的人，返回指向它们的设置。"""
    import tempfile

    from pydantic import SecretStr

    from pam_deploy_graph.cli.demo_scenario import provision
    from pam_deploy_graph.cli.web_drill import make_accounts
    from pam_deploy_graph.lab.launcher import LabProcess

    lab_of_40 = LabProcess(workstations=40, latency=0.5, faults=_FAULTS)
    with tempfile.TemporaryDirectory(prefix="pam-drill-") as folder, lab_of_40 as lab:
        version = provision(lab)
        files = make_accounts(Path(folder), lambda text: put(text, err=True))
        put(
            tr("试验场已开：机场 PEK，40 台工作站装着 checkin/gate 1.2.2，HOME 里有 {version}。", version=version),
            err=True,
        )
        yield o.settings_for(home, pam_home_url=lab.home_url, pam_token=SecretStr(lab.token), **files)
