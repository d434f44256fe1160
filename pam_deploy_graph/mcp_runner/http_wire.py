"""streamable HTTP 的收发：会话仍是 SDK 的 ``ClientSession``，下面用 aiohttp。

没有用 SDK 的 ``streamable_http_client``：它遇到一次 HTTP 失败就关掉整个会话，连累同时进行中的别的调用，也分不清
请求有没有送达；而且每次调用多花一倍的处理器时间。这里「写出一个请求」就是一次完整的 HTTP 往返，在调用者自己的
任务里做：到了时限就断开，失败直接抛给那一个调用者，答复放进会话的读流。
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, Self

import aiohttp
import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse
from pydantic import ValidationError

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.call_failure import McpFault, too_big
from pam_deploy_graph.mcp_runner.conventions import MAX_ANSWER_BYTES, TIME_LIMIT_META
from pam_deploy_graph.mcp_runner.server_address import Target
from pam_deploy_graph.mcp_runner.sse import read_events
from pam_deploy_graph.protocol.http_failure import failure_of
from pam_deploy_graph.protocol.outcome import UNAUTHORISED, Transport, classify, own_error, retry_after
from pam_deploy_graph.system.task_group import task_group
from pam_deploy_graph.system.tls import client_certificate_hint

_CONNECT_SECONDS: Final = 10.0
# 常见的服务空闲五秒就断开；比它先断，免得正要用时对方刚好关掉。
_KEEP_ALIVE_SECONDS: Final = 4.0
_CHUNK: Final = 1 << 16
_SSE: Final = "text/event-stream"
_SESSION: Final = "mcp-session-id"
_VERSION: Final = "mcp-protocol-version"

Incoming = SessionMessage | Exception


@asynccontextmanager
async def http_streams(target: Target) -> AsyncIterator[tuple[Any, Any]]:
    """接上一个 streamable HTTP 服务。

    Args:
        target: 服务；令牌只进请求头。

    Yields:
        给 ``ClientSession`` 的读、写两个流；写一个请求可能抛 ``McpFault``。

    """
    to_session, from_server = anyio.create_memory_object_stream[Incoming](math.inf)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS, ssl=target.tls or True),
        headers={"Authorization": f"Bearer {target.token}"} if target.token else {},
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
    )
    async with session, to_session, from_server, task_group() as group:
        yield from_server, _Wire(session, target.url, to_session, group)
        group.cancel_scope.cancel()


class _Wire:
    """会话的写流。"""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, sink: MemoryObjectSendStream[Incoming], group: TaskGroup
    ) -> None:
        """``sink`` 收下服务送来的消息，``group`` 里听推送；其余见 ``http_streams``。"""
        self._session, self._url, self._sink, self._group = session, url, sink, group
        self._headers = {"Accept": f"application/json, {_SSE}", "Content-Type": "application/json"}

    async def __aenter__(self) -> Self:
        """会话开始用它。"""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """会话不用它了；连接由 ``http_streams`` 关。"""

    async def send(self, one: SessionMessage) -> None:
        """送出会话的一个消息。

        Raises:
            McpFault: 请求没有得到可用的答复；通知送不到不算，下一个请求自会知道。

        """
        root = one.message.root
        try:
            if isinstance(root, JSONRPCRequest):
                await self._request(one.message, root)
                return
            async with self._post(one.message, self._session.timeout) as response:
                response.release()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise McpFault(tr("MCP 会话中断"), ScriptExit.UNKNOWN) from None
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(root, JSONRPCRequest):
                raise _fault(error, self._url) from None
        if getattr(root, "method", "") == "notifications/initialized":
            self._group.start_soon(self._listen)

    async def _request(self, message: JSONRPCMessage, request: JSONRPCRequest) -> None:
        """送出一个请求，把答复交给会话。"""
        async with self._post(message, _timeout(request)) as response:
            await _judge(response)
            if request.method == "initialize" and (given := response.headers.get(_SESSION)):
                self._headers[_SESSION] = given
            answer = await self._answer(response, request)
        self._sink.send_nowait(SessionMessage(answer))

    async def _listen(self) -> None:
        """听服务主动送来的消息；服务没有这个流，或者流断了，就算了。"""
        headers = {**self._headers, "Accept": _SSE}
        try:
            async with self._session.get(self._url, headers=headers, allow_redirects=False) as stream:
                if stream.status == HTTPStatus.OK and stream.content_type == _SSE:
                    async for message in read_events(stream):
                        self._sink.send_nowait(SessionMessage(message))
        except (aiohttp.ClientError, OSError, McpFault):
            return

    def _post(self, message: JSONRPCMessage, timeout: aiohttp.ClientTimeout) -> Any:
        """发一个消息；重定向不跟，令牌只给说好的地址。"""
        body = message.model_dump_json(by_alias=True, exclude_none=True).encode()
        return self._session.post(self._url, data=body, headers=self._headers, allow_redirects=False, timeout=timeout)

    async def _answer(self, response: aiohttp.ClientResponse, request: JSONRPCRequest) -> JSONRPCMessage:
        """读出对一个请求的答复。"""
        if response.content_type == _SSE:
            answer = await self._answer_among(response, request)
        else:
            answer = _parse(await _read(response), response.content_type)
        if not _answers(answer, request):
            raise McpFault(tr("MCP 服务的应答不是对这个请求的"), ScriptExit.UNKNOWN)
        if request.method == "initialize" and isinstance(answer.root, JSONRPCResponse):
            self._headers[_VERSION] = str(answer.root.result.get("protocolVersion", ""))
        return answer

    async def _answer_among(self, response: aiohttp.ClientResponse, request: JSONRPCRequest) -> JSONRPCMessage:
        """从事件流里等出答复；先来的别的消息交给会话。"""
        async for message in read_events(response):
            if _answers(message, request):
                return message
            self._sink.send_nowait(SessionMessage(message))
        raise McpFault(tr("MCP 服务的事件流结束了，里面没有答复"), ScriptExit.UNKNOWN)


def _timeout(request: JSONRPCRequest) -> aiohttp.ClientTimeout:
    """工具调用的时限在它的 ``_meta`` 里；握手等请求由开会话的人管。

    时限在这里管，而不是取消整个 ``send_request``：SDK 的读循环若正好要交出一个刚被取消的请求的答复，就会崩溃。
    """
    seconds = (request.params or {}).get("_meta", {}).get(TIME_LIMIT_META)
    return aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS)


def _answers(message: JSONRPCMessage, request: JSONRPCRequest) -> bool:
    """是不是对这个请求的答复；别的答复 SDK 会丢开不管，等的人就一直等。"""
    root = message.root
    return isinstance(root, JSONRPCResponse | JSONRPCError) and str(root.id) == str(request.id)


def _fault(error: Exception, url: str) -> McpFault:
    """网络上的失败；TLS 上断开的，也许是对方要客户端证书。"""
    reason, code = failure_of(error, tr("MCP 服务"))
    return McpFault(reason + client_certificate_hint(url, unknown=code is ScriptExit.UNKNOWN), code)


async def _judge(response: aiohttp.ClientResponse) -> None:
    """HTTP 状态说不成，就说清是哪一种。"""
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    body = await _read(response)
    said, reason = own_error(body), tr("MCP 服务回答 HTTP {status}", status=status)
    reason += tr("：{said}", said=said) if said else ""
    gone = status == HTTPStatus.NOT_FOUND and bool(said)
    if status == HTTPStatus.NOT_FOUND:
        reason += tr("；它不认识这个会话，或者这个地址上没有 MCP 服务")
    elif status in UNAUTHORISED:
        reason += tr("；令牌缺失或不对")
    elif status < HTTPStatus.BAD_REQUEST:
        reason += tr(
            "，要改用 {location}；请核对 PAM_MCP_URL", location=response.headers.get("location", tr("别的地址"))
        )
    later = retry_after(response.headers.get("retry-after", ""))
    code = classify(Transport.ANSWERED, status, body)
    raise McpFault(reason, code, gone=gone, later=later, status=status)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """读完正文；超过上限就不读了。"""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise too_big()
    return bytes(body)


def _parse(body: bytes, kind: str) -> JSONRPCMessage:
    """读懂一个 JSON-RPC 消息。"""
    try:
        return JSONRPCMessage.model_validate_json(body)
    except ValidationError:
        reason = tr("MCP 服务的应答（{kind}，{n} 字节）不是 JSON-RPC", kind=kind, n=len(body))
        raise McpFault(reason, ScriptExit.UNKNOWN) from None
