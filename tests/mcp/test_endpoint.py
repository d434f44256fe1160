"""``mcp-node`` 的 HTTP 端点：收什么、不收什么、会话怎么开怎么关。"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from mcp.server.lowlevel import Server
from mcp.types import LATEST_PROTOCOL_VERSION, JSONRPCRequest

from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.mcp_node.server_session import RequestIdTakenError, Session, SessionEndedError, SessionGoneError
from pam_deploy_graph.mcp_runner.conventions import MCP_PATH
from tests.patience import patience

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": LATEST_PROTOCOL_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.fixture
async def http(lab: LabProcess) -> AsyncIterator[httpx.AsyncClient]:
    """对着试验场的 MCP 端点，带着令牌。"""
    headers = {"Authorization": f"Bearer {lab.token}", "Accept": "application/json, text/event-stream"}
    url = lab.info["mcp_url"].removesuffix(MCP_PATH)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=patience(5)) as client:
        yield client


async def opened(http: httpx.AsyncClient) -> dict[str, str]:
    """开一个会话，返回以后的请求要带的头。"""
    response = await http.post(MCP_PATH, json=INITIALIZE)
    assert response.json()["result"]["serverInfo"]["name"] == "pam-mcp-node"
    headers = {"mcp-session-id": response.headers["mcp-session-id"], "mcp-protocol-version": LATEST_PROTOCOL_VERSION}
    assert (await http.post(MCP_PATH, json=INITIALIZED, headers=headers)).status_code == 202
    return headers


async def test_session_lives_until_it_is_deleted(http: httpx.AsyncClient) -> None:
    """会话开了就能用，DELETE 之后是 404：客户端据此知道请求没有收下，可以重开一个再送。"""
    headers = await opened(http)
    assert (await http.post(MCP_PATH, json=PING, headers=headers)).json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert (await http.delete(MCP_PATH, headers=headers)).status_code == 200
    assert (await http.post(MCP_PATH, json=PING, headers=headers)).status_code == 404


@pytest.mark.parametrize(
    ("method", "body", "extra", "status"),
    [
        ("GET", None, {}, 405),
        ("PUT", PING, {}, 405),
        ("POST", PING, {"mcp-session-id": "没有"}, 404),
        ("POST", PING, {"mcp-session-id": ""}, 404),
        ("POST", PING, {"mcp-protocol-version": "1999-01-01"}, 400),
        ("POST", [PING, PING], {}, 400),
        ("POST", {"id": 1}, {}, 400),
        ("POST", b"\xff\x00", {"content-type": "application/json"}, 400),
        ("POST", b"{}", {"content-type": "text/plain"}, 400),
        ("POST", b"x" * (2 << 20), {"content-type": "application/json"}, 413),
        ("DELETE", None, {"mcp-session-id": "没有"}, 404),
    ],
)
async def test_what_is_refused(
    http: httpx.AsyncClient, method: str, body: Any, extra: dict[str, str], status: int
) -> None:
    """不合规矩的请求各有各的状态码，之后会话照常能用。"""
    headers = await opened(http)
    sent = {name.encode(): value.encode() for name, value in {**headers, **extra}.items()}
    content: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body} if body else {}
    assert (await http.request(method, MCP_PATH, headers=sent, **content)).status_code == status
    assert (await http.post(MCP_PATH, json=PING, headers=headers)).status_code == 200


async def test_no_session_without_initialize(http: httpx.AsyncClient) -> None:
    """没有会话号的请求说清要先 initialize。"""
    response = await http.post(MCP_PATH, json=PING)
    assert response.status_code == 400
    assert "initialize" in response.json()["error"]["message"]


async def test_answers_go_to_their_own_requests() -> None:
    """同一个会话里两个请求同时在途，各得各的答复；同号的第二个不收；会话一关，等着的都知道结果未知。"""
    server: Server[Any, Any] = Server("test")
    release = anyio.Event()

    @server.list_tools()  # type: ignore[untyped-decorator, no-untyped-call]  # SDK 没有标注
    async def slow() -> list[Any]:
        """等人放行。"""
        await release.wait()
        return []

    def request(number: int, method: str) -> JSONRPCRequest:
        """一个请求。"""
        return JSONRPCRequest(
            jsonrpc="2.0", id=number, method=method, params=INITIALIZE["params"] if not number else None
        )

    session = Session(server)
    async with anyio.create_task_group() as group:
        group.start_soon(session.serve)
        await session.ask(request(0, "initialize"))
        waiting = asyncio.create_task(session.ask(request(7, "tools/list")))
        assert (await session.ask(request(8, "ping"))).id == 8
        with pytest.raises(RequestIdTakenError):
            await session.ask(request(7, "ping"))
        session.close()
        with pytest.raises(SessionEndedError):
            await waiting
    with pytest.raises(SessionGoneError):
        await session.ask(request(9, "ping"))


async def test_forgotten_sessions_make_room(http: httpx.AsyncClient) -> None:
    """客户端走时不说一声，会话越积越多：满了就关最久没有用的，新来的总开得了，常用的还在。"""
    used = await opened(http)
    forgotten = await opened(http)
    for number in range(1_010):
        assert (await http.post(MCP_PATH, json=INITIALIZE)).status_code == 200
        if number % 100 == 0:
            assert (await http.post(MCP_PATH, json=PING, headers=used)).status_code == 200
    assert (await http.post(MCP_PATH, json=PING, headers=used)).status_code == 200
    assert (await http.post(MCP_PATH, json=PING, headers=forgotten)).status_code == 404
