"""前面有代理的：外面是 TLS；从写明的地址来的代理，它写的来处、它认过的人作数，别人写的不算（contract 第 8 节）。"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr

VOUCHED: Final = "pam.vouched"
"""``scope`` 里代理认过的人。"""


@dataclass(frozen=True, slots=True)
class Front:
    """前面的代理：从哪些地址（网段）来，认过的人写在哪个请求头里（空着就各人自己登录）。"""

    proxies: Sequence[str] = ()
    header: str = ""

    def __post_init__(self) -> None:
        """地址要写对；信请求头的，要写明信谁。

        Raises:
            InvalidInputError: 有一个不是地址或网段，或写了请求头而没有写代理的地址。

        """
        for one in self.proxies:
            try:
                ip_network(one)
            except ValueError:
                raise InvalidInputError(
                    tr("--proxy 的值 {one} 应为地址或网段，例如 10.0.0.5、10.0.1.0/28", one=one)
                ) from None
        if self.header and not self.proxies:
            raise InvalidInputError(
                tr("--login-header 要连同 --proxy：只信从写明的地址来的代理，别人也写得出这个请求头")
            )


class FrontDoor:
    """代理与控制台之间的一层。"""

    def __init__(self, app: ASGIApp, front: Front) -> None:
        """``front`` 是前面的代理。"""
        passed: Any = app
        self._app: Any = ProxyHeadersMiddleware(passed, list(front.proxies))
        self._networks = [ip_network(one) for one in front.proxies]
        self._header = front.header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """一次请求：外面是 TLS；谁来的，先看连过来的是不是代理。"""
        if scope["type"] == "http":
            scope.update({"scheme": "https", VOUCHED: self._vouched(scope)})
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"x-forwarded-proto"]
        await self._app(scope, receive, send)

    def _vouched(self, scope: Scope) -> str:
        """代理认过的人；不是代理来的、没有写、写了几遍的（有人夹带）都当作没有。"""
        names = [value for name, value in scope["headers"] if name == self._header]
        peer = ip_address(scope["client"][0])
        if len(names) != 1 or not any(peer in network for network in self._networks):
            return ""
        return str(names[0].decode("utf-8", errors="replace").strip())
