"""``mcp-node`` 的 HTTP 端点：收什么、不收什么，会话怎么开怎么关；只说一半的请求断开。"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from mcp.types import LATEST_PROTOCOL_VERSION

from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.mcp_runner.conventions import MCP_PATH
from pam_deploy_graph.system import prompt_http
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
        ("POST", PING, {"host": "evil.example"}, 421),
        ("POST", PING, {"origin": "http://evil.example"}, 403),
        ("POST", PING, {"origin": "null"}, 403),
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
    """没有会话号的请求不收，说清缺什么。"""
    response = await http.post(MCP_PATH, json=PING)
    assert response.status_code == 400
    assert "session" in response.json()["error"]["message"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_localhost_in_all_its_forms(http: httpx.AsyncClient, host: str) -> None:
    """``Host`` 与 ``Origin`` 写成本机的哪一种都行，端口要对。"""
    port = http.base_url.port
    headers = {"host": f"{host}:{port}", "origin": f"http://{host}:{port}"}
    assert (await http.post(MCP_PATH, json=INITIALIZE, headers=headers)).status_code == 200
    wrong = headers | {"host": f"{host}:1"}
    assert (await http.post(MCP_PATH, json=INITIALIZE, headers=wrong)).status_code == 421


async def test_half_open_requests_are_dropped(http: httpx.AsyncClient) -> None:
    """什么也不说、头或正文只说一半的，到期就断开；别的请求照常。"""
    head = b"POST /mcp HTTP/1.1\r\nHost: x\r\n"
    async with asyncio.TaskGroup() as group:
        for sent in (b"", head, head + b"Content-Length: 100\r\n\r\n{"):
            group.create_task(dropped(http, sent))
    assert (await http.post(MCP_PATH, json=INITIALIZE)).status_code == 200


async def dropped(http: httpx.AsyncClient, sent: bytes) -> None:
    """只说了 ``sent``，到期被断开，不早也不晚。"""
    where = urlsplit(str(http.base_url))
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(sent)
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(prompt_http.REQUEST_SECONDS + patience(5)):
            await reader.read()
    assert time.monotonic() - began >= prompt_http.REQUEST_SECONDS - 1
    writer.close()
