"""门口：只答找对了名字的请求，每个应答都带着同样的几条规矩。"""

from collections.abc import MutableMapping, Sequence
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pam_deploy_graph.console.drawing import CSP
from pam_deploy_graph.i18n import msgid, tr

_RULES: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"x-frame-options", b"DENY"),
)
_WRONG_HOST: Final = msgid("这个主机名不在控制台认得的名单里；用启动时写出的地址，或在启动时加 --allow-host。")


class Guard:
    """最外一层：核对 ``Host``（网页里的脚本不能借 DNS 重绑定冒用本机），补上安全的应答头。"""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        """``hosts`` 是认得的主机名；没有写端口的，什么端口都行。"""
        self._app, self._hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """一次请求。"""
        if scope["type"] != "http":
            return

        async def sending(message: Message) -> None:
            """补上应答头；页面自带规矩的（报告页）照它的。"""
            if message["type"] == "http.response.start":
                _add_rules(message, secure=scope["scheme"] == "https")
            await send(message)

        if not self._knows(scope):
            await sending({"type": "http.response.start", "status": 421, "headers": _TEXT})
            await send({"type": "http.response.body", "body": tr(_WRONG_HOST).encode()})
            return
        await self._app(scope, receive, sending)

    def _knows(self, scope: Scope) -> bool:
        """找的是不是这里。"""
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
        bare = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        return host in self._hosts or bare in self._hosts


_TEXT: Final = [(b"content-type", b"text/plain; charset=utf-8")]


def _add_rules(message: MutableMapping[str, Any], *, secure: bool) -> None:
    """补上应答头。"""
    headers = list(message["headers"])
    names = {name.lower() for name, _ in headers}
    rules = [*_RULES, (b"content-security-policy", CSP.encode()), (b"cache-control", b"no-store")]
    rules += [(b"strict-transport-security", b"max-age=31536000")] if secure else []
    message["headers"] = headers + [rule for rule in rules if rule[0] not in names]
