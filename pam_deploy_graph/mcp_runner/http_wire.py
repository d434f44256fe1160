"""streamable HTTP 的收发：会话仍是 SDK 的 ``ClientSession``，下面用 aiohttp。

没有用 SDK 的 ``streamable_http_client``：它遇到一次 HTTP 失败就关掉整个会话，连累同时在途的别的调用，也分不清
请求有没有送达；而且每次调用多花一倍的处理器时间。这里把一次失败写成那一次请求的 JSON-RPC 错误，里面说明送达与否。
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import INTERNAL_ERROR, ErrorData, JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse
from pydantic import ValidationError

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.mcp_runner.dialect import MAX_ANSWER_BYTES, TIME_LIMIT_META
from pam_deploy_graph.mcp_runner.fault import McpFault
from pam_deploy_graph.mcp_runner.sse import TOO_BIG, read_events
from pam_deploy_graph.mcp_runner.target import Target

_CONNECT_SECONDS: Final = 10.0
_MARGIN_SECONDS: Final = 1.0
# 常见的服务空闲五秒就断开；比它先断，免得正要用时对方刚好关掉。
_KEEP_ALIVE_SECONDS: Final = 4.0
_CHUNK: Final = 1 << 16
_SSE: Final = "text/event-stream"
_SESSION: Final = "mcp-session-id"
_VERSION: Final = "mcp-protocol-version"
_BUSY: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_NEVER_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)

Incoming = SessionMessage | Exception


@asynccontextmanager
async def http_streams(target: Target, mark: str, limit: float) -> AsyncIterator[tuple[Any, Any]]:
    """接上一个 streamable HTTP 服务。

    Args:
        target: 服务；令牌只进请求头。
        mark: 只有本进程知道的记号，用来认出本层写的 JSON-RPC 错误。
        limit: 握手等请求的时限，秒；工具调用按它自己带的时限，早已没人等的请求因此也会结束。

    Yields:
        给 ``ClientSession`` 的读、写两个流。

    """
    to_session, from_server = anyio.create_memory_object_stream[Incoming](math.inf)
    from_session, to_server = anyio.create_memory_object_stream[SessionMessage](0)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
        headers={"Authorization": f"Bearer {target.token}"} if target.token else {},
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=limit, sock_connect=min(_CONNECT_SECONDS, limit)),
    )
    async with session, to_session, from_server, from_session, to_server, anyio.create_task_group() as group:
        wire = _Wire(session, target.url, mark, to_session)
        group.start_soon(wire.pump, to_server, group)
        yield from_server, from_session
        group.cancel_scope.cancel()


class _Wire:
    """一个会话的收发。"""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, mark: str, sink: MemoryObjectSendStream[Incoming]
    ) -> None:
        """``sink`` 收下服务送来的消息；其余参数见 ``http_streams``。"""
        self._session, self._url, self._mark, self._sink = session, url, mark, sink
        self._headers = {"Accept": f"application/json, {_SSE}", "Content-Type": "application/json"}

    async def pump(self, source: MemoryObjectReceiveStream[SessionMessage], group: TaskGroup) -> None:
        """逐个送出会话的消息；请求各自等答复，通知按次序送到。"""
        async for one in source:
            root = one.message.root
            if isinstance(root, JSONRPCRequest):
                group.start_soon(self._request, one.message, root)
                continue
            await self._notify(one.message)
            if getattr(root, "method", "") == "notifications/initialized":
                group.start_soon(self._listen)

    async def _request(self, message: JSONRPCMessage, request: JSONRPCRequest) -> None:
        """送出一个请求，把答复交给会话；没有答复就交一个说明原因的错误。"""
        try:
            async with self._post(message, **_timeout(request)) as response:
                _judge(response)
                if request.method == "initialize" and (given := response.headers.get(_SESSION)):
                    self._headers[_SESSION] = given
                answer = await self._answer(response, request)
        except McpFault as fault:
            answer = self._told(request, fault)
        except (aiohttp.ClientError, OSError) as error:
            answer = self._told(request, _fault(error))
        self._sink.send_nowait(SessionMessage(answer))

    async def _notify(self, message: JSONRPCMessage) -> None:
        """送出一个通知；没有人等答复，送不到的话下一个请求自会知道。"""
        try:
            async with self._post(message) as response:
                response.release()
        except (aiohttp.ClientError, OSError):
            return

    async def _listen(self) -> None:
        """听服务主动送来的消息；服务没有这个流，或者流断了，就算了。"""
        headers = {**self._headers, "Accept": _SSE}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
        try:
            async with self._session.get(self._url, headers=headers, allow_redirects=False, timeout=timeout) as stream:
                if stream.status == HTTPStatus.OK and stream.content_type == _SSE:
                    async for message in read_events(stream):
                        self._sink.send_nowait(SessionMessage(message))
        except (aiohttp.ClientError, OSError, McpFault):
            return

    def _post(self, message: JSONRPCMessage, **options: Any) -> Any:
        """发一个消息；重定向不跟，令牌只给说好的地址。"""
        body = message.model_dump_json(by_alias=True, exclude_none=True).encode()
        return self._session.post(self._url, data=body, headers=self._headers, allow_redirects=False, **options)

    async def _answer(self, response: aiohttp.ClientResponse, request: JSONRPCRequest) -> JSONRPCMessage:
        """读出对一个请求的答复。"""
        if response.content_type == _SSE:
            answer = await self._answer_among(response, request)
        else:
            answer = _parse(await _read(response), response.content_type)
        if not _answers(answer, request):
            raise McpFault("MCP 服务的应答不是对这个请求的", ScriptExit.REFUSED, sent=True)
        if request.method == "initialize" and isinstance(answer.root, JSONRPCResponse):
            self._headers[_VERSION] = str(answer.root.result.get("protocolVersion", ""))
        return answer

    async def _answer_among(self, response: aiohttp.ClientResponse, request: JSONRPCRequest) -> JSONRPCMessage:
        """从事件流里等出答复；先来的别的消息交给会话。"""
        async for message in read_events(response):
            if _answers(message, request):
                return message
            self._sink.send_nowait(SessionMessage(message))
        raise McpFault("MCP 服务的事件流结束了，里面没有答复", ScriptExit.REFUSED, sent=True)

    def _told(self, request: JSONRPCRequest, fault: McpFault) -> JSONRPCMessage:
        """把失败写成这个请求的 JSON-RPC 错误。"""
        error = ErrorData(code=INTERNAL_ERROR, message=str(fault), data={"mark": self._mark, **fault.to_data()})
        return JSONRPCMessage(JSONRPCError(jsonrpc="2.0", id=request.id, error=error))


def _timeout(request: JSONRPCRequest) -> dict[str, aiohttp.ClientTimeout]:
    """工具调用占用连接的时限：比等的人多一点，由等的人先说话。"""
    seconds = (request.params or {}).get("_meta", {}).get(TIME_LIMIT_META)
    if seconds is None:
        return {}
    return {"timeout": aiohttp.ClientTimeout(total=seconds + _MARGIN_SECONDS, sock_connect=_CONNECT_SECONDS)}


def _answers(message: JSONRPCMessage, request: JSONRPCRequest) -> bool:
    """是不是对这个请求的答复；别的答复 SDK 会丢开不管，等的人就一直等。"""
    root = message.root
    return isinstance(root, JSONRPCResponse | JSONRPCError) and str(root.id) == str(request.id)


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
    said = f"MCP 服务回答 HTTP {status}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise McpFault(f"{said}，令牌缺失或不对", ScriptExit.UNAUTHORISED, sent=False)
    if status == HTTPStatus.NOT_FOUND:
        reason = f"{said}：它不认识这个会话，或者这个地址上没有 MCP 服务"
        raise McpFault(reason, ScriptExit.REFUSED, sent=False, gone=True)
    if status in _BUSY:
        raise McpFault(f"{said}，它正忙，没有收下请求", ScriptExit.NETWORK, sent=False)
    if status < HTTPStatus.BAD_REQUEST:
        said += f"，要改用 {response.headers.get('location', '别的地址')}；请核对 PAM_MCP_URL"
    unknown = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT
    raise McpFault(said, ScriptExit.REFUSED, sent=unknown)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """读完正文；超过上限就不读了。"""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise McpFault(TOO_BIG, ScriptExit.REFUSED, sent=True)
    return bytes(body)


def _parse(body: bytes, kind: str) -> JSONRPCMessage:
    """读懂一个 JSON-RPC 消息。"""
    try:
        return JSONRPCMessage.model_validate_json(body)
    except ValidationError:
        reason = f"MCP 服务的应答（{kind}，{len(body)} 字节）不是 JSON-RPC"
        raise McpFault(reason, ScriptExit.REFUSED, sent=True) from None
