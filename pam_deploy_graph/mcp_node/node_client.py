"""对 PAM_NODE 的 HTTP 调用：发一次，读懂答复，说清失败是哪一种（contract 第 3 节）。"""

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Self

import aiohttp
from pydantic_core import from_json

from pam_deploy_graph.constants import Route, ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.conventions import MAX_ANSWER_BYTES, MAX_LOG_BYTES
from pam_deploy_graph.models import Values
from pam_deploy_graph.protocol.http_failure import failure_of
from pam_deploy_graph.protocol.outcome import Transport, classify, retry_after
from pam_deploy_graph.system.tls import client_certificate_hint

_CONNECT_SECONDS: Final = 10.0
_CHUNK: Final = 1 << 16
_REASON_LENGTH: Final = 500
_WIRE_NAMES: Final = {"hash_code": "hash"}
"""输入名与协议里的名字不同的。"""
_KEYS: Final = {"hash": "HASH_CODE", "airport": "AIRPORT_CODE"}


class NodeError(Exception):
    """PAM_NODE 没有答应；``code`` 是脚本后端的退出码，``later`` 是它要求过多少秒再来。"""

    def __init__(
        self,
        reason: str,
        code: ScriptExit,
        *,
        values: Mapping[str, Any] | None = None,
        later: float | None = None,
    ) -> None:
        """记下原因、退出码和答复里带来的键。"""
        super().__init__(reason)
        self.code = code
        self.values = dict(values or {})
        self.later = later


class NodeClient:
    """一个 PAM_NODE；用作异步上下文管理器。令牌只进请求头。"""

    def __init__(self, base_url: str, token: str, tls: ssl.SSLContext | None = None) -> None:
        """``base_url`` 末尾没有 ``/``；``token`` 为空则不带令牌；``tls`` 为空用系统信任的证书。"""
        self._base_url = base_url
        self._tls = tls
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def __aenter__(self) -> Self:
        """打开连接池。"""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls or True),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """关闭连接池。"""
        await self._session.close()

    async def call(self, route: Route, given: Mapping[str, Any], limit: float) -> Values:
        """发一次请求。

        Args:
            route: 地址。
            given: 工具的输入；``idempotency_key`` 进请求头。
            limit: 时限，秒。

        Returns:
            应答，键换成动作表的大写键；工作站列表在 ``IP``。

        Raises:
            NodeError: 没有连上、没有答复、被拒绝，或者答复不是 JSON 对象。

        """
        body, cut = await self._exchange(route, given, limit, MAX_ANSWER_BYTES)
        if cut:
            raise NodeError(
                tr("PAM_NODE 的应答超过 {max_answer_bytes} 字节", max_answer_bytes=MAX_ANSWER_BYTES), ScriptExit.UNKNOWN
            )
        return _upper(_object(body))

    async def read_log(self, route: Route, given: Mapping[str, Any], limit: float) -> tuple[str, bool]:
        """取一份日志，返回文本（只留末尾）和是否截去了开头；错误同 ``call``。"""
        body, cut = await self._exchange(route, given, limit, MAX_LOG_BYTES)
        return body.decode(errors="replace"), cut

    async def _exchange(self, route: Route, given: Mapping[str, Any], limit: float, keep: int) -> tuple[bytes, bool]:
        """发请求，读出正文的末尾 ``keep`` 字节；网络上的失败译成 ``NodeError``。"""
        key = given.get("idempotency_key")
        options: dict[str, Any] = {
            "timeout": aiohttp.ClientTimeout(total=limit, sock_connect=min(_CONNECT_SECONDS, limit)),
            "headers": {"Accept": "application/json"} | ({"Idempotency-Key": key} if key else {}),
            "allow_redirects": False,
        }
        if route.body:
            known = {name: given[name] for name in route.body if given[name] is not None}
            options["json"] = {_WIRE_NAMES.get(name, name): value for name, value in known.items()}
        if route.query:
            options["params"] = {name: given[name] for name in route.query if given.get(name)}
        url = self._base_url + route.path.format(ip=given.get("ip", ""))
        try:
            async with self._session.request(route.method, url, **options) as response:
                body, cut = await _tail(response.content, keep)
                _judge(response, body)
                return body, cut
        except (aiohttp.ClientError, OSError) as error:
            reason, code = failure_of(error, "PAM_NODE")
            raise NodeError(reason + client_certificate_hint(url, unknown=code is ScriptExit.UNKNOWN), code) from None


async def _tail(stream: aiohttp.StreamReader, keep: int) -> tuple[bytes, bool]:
    """读完一个流，只留末尾 ``keep`` 字节；内存不随总长增长。"""
    kept, total = bytearray(), 0
    async for chunk in stream.iter_chunked(_CHUNK):
        kept += chunk
        total += len(chunk)
        if len(kept) > 2 * keep:
            del kept[:-keep]
    return bytes(kept[-keep:]), total > keep


def _judge(response: aiohttp.ClientResponse, body: bytes) -> None:
    """不是 2xx 就抛出 ``NodeError``。"""
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    try:
        values = _upper(_object(body))
    except NodeError:
        values = {}
    said = str(values.pop("ERROR", "") or body.decode(errors="replace")[:_REASON_LENGTH])
    reason = tr("PAM_NODE 回答 HTTP {status}", status=status) + (tr("：{said}", said=said) if said else "")
    later = retry_after(response.headers.get("Retry-After", ""))
    raise NodeError(reason, classify(Transport.ANSWERED, status, body), values=values, later=later)


def _object(body: bytes) -> dict[str, Any]:
    """解析 JSON 对象；套得太深的、有孤立代理项的（写不成 UTF-8，转不出去）也不算。"""
    try:
        parsed = from_json(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise NodeError(tr("PAM_NODE 的应答不是 JSON 对象：请核对 --node-url"), ScriptExit.UNKNOWN)
    return parsed


def _upper(payload: Mapping[str, Any]) -> Values:
    """换成动作表的键。"""
    values = {_KEYS.get(name, name.upper()): value for name, value in payload.items()}
    rows = values.pop("WORKSTATIONS", None)
    if isinstance(rows, list):
        values["IP"] = [row.get("ip") for row in rows if isinstance(row, dict)]
    return values
