"""streamable HTTP 的收发：SDK 的客户端在上，aiohttp 在下。

SDK 的客户端遇到一次 HTTP 失败就关掉整个会话，连累同时在途的别的调用。所以这里在 httpx 之下换成 aiohttp
（也快得多），并把每次失败写成那一次请求的 JSON-RPC 错误，里面说明请求有没有送达（contract 第 3 节 MCP backend）。
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import httpx
from mcp.client.streamable_http import streamable_http_client
from mcp.types import INTERNAL_ERROR, JSONRPCError, JSONRPCMessage, JSONRPCResponse
from pydantic import ValidationError

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.mcp_runner.dialect import MAX_ANSWER_BYTES
from pam_deploy_graph.mcp_runner.fault import McpFault
from pam_deploy_graph.mcp_runner.target import Target

_CONNECT_SECONDS: Final = 10.0
# 常见的服务空闲五秒就断开；比它先断，免得正要用时对方刚好关掉。
_KEEP_ALIVE_SECONDS: Final = 4.0
_CHUNK: Final = 1 << 16
_SENT_HEADERS: Final = frozenset({"accept", "content-type", "last-event-id", "mcp-protocol-version", "mcp-session-id"})
_KEPT_HEADERS: Final = ("content-type", "location", "mcp-session-id")
_FOLLOWED: Final = (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT)
_BUSY: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_TOO_BIG: Final = f"MCP 服务的应答超过 {MAX_ANSWER_BYTES} 字节，没有读完"
_NEVER_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


@asynccontextmanager
async def http_streams(target: Target, mark: str, limit: float) -> AsyncIterator[tuple[Any, Any]]:
    """接上一个 streamable HTTP 服务。

    Args:
        target: 服务；令牌只进请求头。
        mark: 只有本进程知道的记号，用来认出本层写的 JSON-RPC 错误。
        limit: 一次请求最多占用连接多少秒，早已没人等的请求因此也会结束。

    Yields:
        给 ``ClientSession`` 的读、写两个流。

    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
        headers={"Authorization": f"Bearer {target.token}"} if target.token else {},
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(_CONNECT_SECONDS, limit)),
    )
    async with session:
        transport = _Transport(session, mark, limit)
        client = httpx.AsyncClient(transport=transport, timeout=None)  # noqa: S113  时限由 aiohttp 与调用者管
        async with (
            client,
            streamable_http_client(target.url, http_client=client, terminate_on_close=False) as (read, write, _),
        ):
            yield read, write


class _Transport(httpx.AsyncBaseTransport):
    """httpx 的下层；``POST`` 的失败写成 JSON-RPC 错误，``GET``（推送流）的失败照常抛出。"""

    def __init__(self, session: aiohttp.ClientSession, mark: str, limit: float) -> None:
        """参数见 ``http_streams``。"""
        self._session = session
        self._mark = mark
        self._timeout = aiohttp.ClientTimeout(total=limit, sock_connect=session.timeout.sock_connect)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """收发一次。"""
        if request.method != "POST":
            return await self._listen(request)
        number = json.loads(request.content).get("id")
        try:
            return await self._post(request, number)
        except McpFault as fault:
            return self._told(number, fault)
        except (aiohttp.ClientError, OSError) as error:
            return self._told(number, _fault(error))

    async def _post(self, request: httpx.Request, number: Any) -> httpx.Response:
        """发一个消息，核对应答；``number`` 是请求的编号，通知没有。"""
        response = await self._send(request, timeout=self._timeout)
        if response.status in _FOLLOWED:
            response.release()
            return httpx.Response(response.status, headers=_headers(response))
        _judge(response)
        if number is None or response.status == HTTPStatus.ACCEPTED:
            response.release()
            return httpx.Response(HTTPStatus.ACCEPTED)
        if response.content_type == "text/event-stream":
            events = _Events(response, self._event_of(number))
            return httpx.Response(response.status, headers=_headers(response), stream=events)
        body = await _read(response)
        _check(body, number, response.content_type)
        return httpx.Response(response.status, headers=_headers(response), content=body)

    async def _listen(self, request: httpx.Request) -> httpx.Response:
        """打开服务的推送流（``GET``）。"""
        try:
            response = await self._send(request)
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ConnectError(str(error), request=request) from None
        return httpx.Response(response.status, headers=_headers(response), stream=_Events(response))

    async def _send(self, request: httpx.Request, **options: Any) -> aiohttp.ClientResponse:
        """用 aiohttp 发出，等到应答头；重定向由 SDK 按它的规矩处理。"""
        headers = {name: value for name, value in request.headers.items() if name in _SENT_HEADERS}
        body = request.content or None
        return await self._session.request(
            request.method, str(request.url), data=body, headers=headers, allow_redirects=False, **options
        )

    def _told(self, number: Any, fault: McpFault) -> httpx.Response:
        """把失败写成这个请求的 JSON-RPC 错误；通知没有人等答复，当作收下。"""
        if number is None:
            return httpx.Response(HTTPStatus.ACCEPTED)
        return httpx.Response(HTTPStatus.OK, json=self._error(number, fault))

    def _error(self, number: Any, fault: McpFault) -> dict[str, Any]:
        """一个 JSON-RPC 错误。"""
        data = {"mark": self._mark, **fault.to_data()}
        error = {"code": INTERNAL_ERROR, "message": str(fault), "data": data}
        return {"jsonrpc": "2.0", "id": number, "error": error}

    def _event_of(self, number: Any) -> Callable[[McpFault], bytes]:
        """返回「把失败写成一个事件」的函数；先结束可能只收到半截的事件。"""
        return lambda fault: b"\n\nevent: message\ndata: " + json.dumps(self._error(number, fault)).encode() + b"\n\n"


class _Events(httpx.AsyncByteStream):
    """一个事件流；``told`` 给出时，流断了就补上一个说明原因的错误事件，等着的人不必等到时限。"""

    def __init__(self, response: aiohttp.ClientResponse, told: Callable[[McpFault], bytes] | None = None) -> None:
        """``response`` 由本对象关闭。"""
        self._response = response
        self._told = told

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """逐块给出；带编号的事件可以由 SDK 重新接上，那就不补。"""
        total, resumable = 0, False
        fault = McpFault("MCP 服务的事件流结束了，里面没有答复", ScriptExit.REFUSED, sent=True)
        try:
            async for chunk in self._response.content.iter_any():
                total += len(chunk)
                if total > MAX_ANSWER_BYTES:
                    fault, resumable = McpFault(_TOO_BIG, ScriptExit.REFUSED, sent=True), False
                    break
                resumable = resumable or b"\nid:" in chunk or chunk.startswith(b"id:")
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            fault = _fault(error)
        if self._told is not None and not resumable:
            yield self._told(fault)

    async def aclose(self) -> None:
        """放开连接。"""
        self._response.release()


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """SDK 用得着的应答头。"""
    return {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}


def _fault(error: Exception) -> McpFault:
    """网络上的失败：肯定没有送达，还是可能送达。"""
    if isinstance(error, _NEVER_SENT):
        return McpFault(f"连接不上 MCP 服务：{error}", ScriptExit.NETWORK, sent=False)
    if isinstance(error, TimeoutError):
        return McpFault("MCP 服务没有在时限内答复", ScriptExit.TIMEOUT, sent=True)
    return McpFault(f"与 MCP 服务的连接中断，没有收到应答（{type(error).__name__}）", ScriptExit.NETWORK, sent=True)


def _judge(response: aiohttp.ClientResponse) -> None:
    """HTTP 状态说不成，就说清是哪一种。"""
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    response.release()
    said = f"MCP 服务回答 HTTP {status}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise McpFault(f"{said}，令牌缺失或不对", ScriptExit.UNAUTHORISED, sent=False)
    if status == HTTPStatus.NOT_FOUND:
        reason = f"{said}：它不认识这个会话，或者这个地址上没有 MCP 服务"
        raise McpFault(reason, ScriptExit.REFUSED, sent=False, gone=True)
    if status in _BUSY:
        raise McpFault(f"{said}，它正忙，没有收下请求", ScriptExit.NETWORK, sent=False)
    unknown = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT
    raise McpFault(said, ScriptExit.REFUSED, sent=unknown)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """读完正文；超过上限就不读了。"""
    body = bytearray()
    async with response:
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                response.close()
                raise McpFault(_TOO_BIG, ScriptExit.REFUSED, sent=True)
    return bytes(body)


def _check(body: bytes, number: Any, kind: str) -> None:
    """应答必须是对这个请求的 JSON-RPC 答复；别的 SDK 会丢开不管，等的人就一直等。"""
    try:
        root = JSONRPCMessage.model_validate_json(body).root
    except ValidationError:
        reason = f"MCP 服务的应答（{kind}，{len(body)} 字节）不是 JSON-RPC"
        raise McpFault(reason, ScriptExit.REFUSED, sent=True) from None
    if not isinstance(root, JSONRPCResponse | JSONRPCError) or str(root.id) != str(number):
        raise McpFault("MCP 服务的应答不是对这个请求的", ScriptExit.REFUSED, sent=True)
