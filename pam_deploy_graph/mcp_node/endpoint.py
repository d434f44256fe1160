"""MCP 的 streamable HTTP 端点：一个 POST 一次往返，答的是 JSON。

会话、分派、消息的格式都是 SDK 的；只有 HTTP 到会话这一段是自己的，为什么见 docs/adr/0002。
本服务从不主动发消息，所以没有推送流：GET 答 405，协议允许。
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from mcp.shared.version import SUPPORTED_PROTOCOL_VERSIONS
from mcp.types import INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR, JSONRPCMessage, JSONRPCRequest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from pam_deploy_graph.mcp_node.server_session import RequestIdTakenError, Session, SessionEndedError, SessionGoneError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

_SESSION: Final = "mcp-session-id"
_VERSION: Final = "mcp-protocol-version"
_MOST_SESSIONS: Final = 1_000
_MAX_BODY: Final = 1 << 20


class _Refusal(Exception):  # noqa: N818  只在本模块里流转，译成一个 HTTP 应答
    """不收这个请求。"""

    def __init__(self, status: HTTPStatus, reason: str, code: int = INVALID_REQUEST) -> None:
        """``code`` 是 JSON-RPC 的错误码。"""
        super().__init__(reason)
        error = {"code": code, "message": reason}
        self.response = JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, status)


class Endpoint:
    """一个 ASGI 应用；在 ``running`` 之内才能用。"""

    def __init__(self, server: Server[Any, Any], security: TransportSecuritySettings) -> None:
        """``server`` 是各会话共用的服务，``security`` 说收哪些 ``Host`` 与 ``Origin``。"""
        self._server = server
        self._security = TransportSecurityMiddleware(security)
        self._sessions: dict[str, Session] = {}
        self._group: TaskGroup

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """开着的时候各会话在这里跑；离开时全部结束。"""
        async with anyio.create_task_group() as self._group:
            yield
            self._group.cancel_scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """答一个 HTTP 请求。"""
        request = Request(scope, receive)
        refusal = await self._security.validate_request(request, is_post=request.method == "POST")
        try:
            response = refusal or await self._answer(request)
        except _Refusal as error:
            response = error.response
        except SessionGoneError:
            response = _no_session().response
        except SessionEndedError:
            # 不是 404：那等于说请求没有收下，可以放心再送一次。
            ended = _Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "会话在答复之前结束了，结果未知", INTERNAL_ERROR)
            response = ended.response
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """按方法答复。"""
        if request.method == "POST":
            return await self._post(request)
        if request.method == "DELETE":
            self._session(request)
            self._close(request.headers[_SESSION])
            return Response(status_code=HTTPStatus.OK)
        reason = f"不支持 {request.method}：本服务没有推送流，请用 POST"
        refusal = _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, reason)
        refusal.response.headers["Allow"] = "POST, DELETE"
        raise refusal

    async def _post(self, request: Request) -> Response:
        """收一个消息；是请求就等它的答复。"""
        message = _parse(await _body(request)).root
        if not isinstance(message, JSONRPCRequest):
            self._session(request).tell(message)
            return Response(status_code=HTTPStatus.ACCEPTED)
        if message.method != "initialize":
            return await _ask(self._session(request), message)
        key = self._open()
        response = await _ask(self._sessions[key], message)
        response.headers[_SESSION] = key
        return response

    def _open(self) -> str:
        """开一个会话，返回它的号。"""
        self._make_room()
        key = uuid.uuid4().hex
        self._sessions[key] = session = Session(self._server)
        self._group.start_soon(self._serve, key, session)
        return key

    def _make_room(self) -> None:
        """闲置的先关掉；还是满的，关最久没有用的：客户端走时多半不说一声，再来的那一个会被告知重开。"""
        for key in [key for key, session in self._sessions.items() if session.idle]:
            self._close(key)
        if len(self._sessions) < _MOST_SESSIONS:
            return
        quiet = [key for key, session in self._sessions.items() if not session.busy]
        if not quiet:
            reason = f"开着的会话已有 {_MOST_SESSIONS} 个，都在忙，请稍后再来"
            raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, reason, INTERNAL_ERROR)
        self._close(min(quiet, key=lambda key: self._sessions[key].used))

    def _close(self, key: str) -> None:
        """关一个会话；之后再来找它的是 404。"""
        self._sessions.pop(key).close()

    async def _serve(self, key: str, session: Session) -> None:
        """守着一个会话，结束之后忘掉它。"""
        try:
            await session.serve()
        finally:
            self._sessions.pop(key, None)

    def _session(self, request: Request) -> Session:
        """请求头说的那个会话；协议版本不对也不收。"""
        version = request.headers.get(_VERSION)
        if version is not None and version not in SUPPORTED_PROTOCOL_VERSIONS:
            reason = f"不支持的协议版本 {version[:32]}；支持 {'、'.join(SUPPORTED_PROTOCOL_VERSIONS)}"
            raise _Refusal(HTTPStatus.BAD_REQUEST, reason)
        key = request.headers.get(_SESSION)
        if key is None:
            raise _Refusal(HTTPStatus.BAD_REQUEST, f"缺少请求头 {_SESSION}：请先 initialize")
        if (session := self._sessions.get(key)) is None:
            raise _no_session()
        return session


def _no_session() -> _Refusal:
    """没有这个会话：请求没有收下，可以放心重开一个再送。"""
    return _Refusal(HTTPStatus.NOT_FOUND, "没有这个会话，请重新 initialize")


async def _ask(session: Session, message: JSONRPCRequest) -> Response:
    """送进会话，等它的答复。"""
    try:
        answer = await session.ask(message)
    except RequestIdTakenError:
        raise _Refusal(HTTPStatus.BAD_REQUEST, f"请求号 {message.id} 还没有答复，不能再用") from None
    return Response(answer.model_dump_json(by_alias=True, exclude_none=True), media_type="application/json")


async def _body(request: Request) -> bytes:
    """读完正文；超过上限就不读了。"""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"请求超过 {_MAX_BODY} 字节")
    return bytes(body)


def _parse(body: bytes) -> JSONRPCMessage:
    """读懂一个 JSON-RPC 消息。"""
    try:
        return JSONRPCMessage.model_validate_json(body)
    except ValidationError:
        raise _Refusal(HTTPStatus.BAD_REQUEST, "请求不是 JSON-RPC 2.0 的一个消息", PARSE_ERROR) from None
