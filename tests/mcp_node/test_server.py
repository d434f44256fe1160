"""服务 ``mcp-node``：工具照动作表，注解属实，输入先检查，错误说中文，令牌与监听有规矩。"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from pam_deploy_graph.constants import ACTIONS, ScriptExit, Side
from pam_deploy_graph.lab.helper import Helper, helper_command
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.mcp_node.node_client import NodeClient
from pam_deploy_graph.mcp_node.server import Performer
from pam_deploy_graph.mcp_node.tools import TOOLS
from pam_deploy_graph.mcp_runner.conventions import MAX_LOG_BYTES
from tests.patience import patience
from tests.script_runner.wire import WirePam, closed_port, reply, wire_pam

IDENTITY = {"app": "checkin", "module": "gate"}


@asynccontextmanager
async def official_client(lab: LabProcess) -> AsyncIterator[ClientSession]:
    """SDK 自己的客户端，连着试验场的 MCP 服务。"""
    headers = {"Authorization": f"Bearer {lab.token}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=patience(5)) as client,
        streamable_http_client(lab.info["mcp_url"], http_client=client) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


async def test_any_client_can_use_it(lab: LabProcess, take: Callable[[int], list[str]]) -> None:
    """SDK 自己的客户端连同它的 schema 检查都走得通：查、停、启、验、取日志。"""
    [ip] = take(1)
    target = {**IDENTITY, "ip": ip}
    async with official_client(lab) as session:
        alone = await session.call_tool("query_ip", {"ip": ip})  # 动作表里 query-ip 只要 ip
        assert (alone.structuredContent or {}).items() >= {"ONLINE": True, "VERSION": "1.2.2"}.items()
        for tool, extra in (
            ("query_ip", {}),
            ("stop_ip", {"version": "1.2.2", "idempotency_key": f"sdk:{ip}:1"}),
            ("start_ip", {"version": "1.2.2", "idempotency_key": f"sdk:{ip}:2", "airport": "PEK"}),
            ("verify_ip", {"version": "1.2.2"}),
            ("download_log", {}),
        ):
            result = await session.call_tool(tool, {**target, **extra})
            assert not result.isError, result
            spec = TOOLS[tool].spec
            assert set(result.structuredContent or {}) == {*spec.gives, *spec.may_give}


async def test_one_true_tool_for_each_node_action(lab: LabProcess) -> None:
    """动作表的 NODE 各行各一个工具；注解与动作表一致，要紧的输入都是必填。"""
    async with official_client(lab) as session:
        listed = {tool.name: tool for tool in (await session.list_tools()).tools}
    specs = {spec.tool_name: spec for spec in ACTIONS.values() if spec.side is Side.NODE}
    assert list(listed) == list(specs)
    destructive = {name for name, tool in listed.items() if tool.annotations and tool.annotations.destructiveHint}
    assert destructive == {"stop_ip", "deploy_ip", "rollback_ip"}
    for name, tool in listed.items():
        assert tool.annotations is not None
        assert tool.outputSchema is not None
        assert (tool.annotations.readOnlyHint, tool.annotations.idempotentHint) == (not specs[name].changes, True)
        keyed = {"idempotency_key"} if specs[name].changes else set()
        assert set(specs[name].needs) | keyed <= set(tool.inputSchema.get("required", []))
        assert set(tool.outputSchema["required"]) == set(specs[name].gives)
        assert not (tool.description or "").isascii()


@pytest.mark.parametrize(
    ("tool", "arguments", "phrases"),
    [
        ("stop_ip", {}, ["缺少参数 app", "缺少参数 ip", "缺少参数 idempotency_key"]),
        ("query_ip", {**IDENTITY, "ip": "10.0.0"}, ["ip", "'10.0.0'", "真实的 IP 地址"]),
        ("query_ip", {**IDENTITY, "ip": "10.0.0.1", "x": 1}, ["不认识的参数 'x'"]),
        ("query_ip", {"app": "a/../b", "module": "gate", "ip": "10.0.0.1"}, ["app", "'a/../b'"]),
        ("sync_node", {**IDENTITY, "version": "1;rm", "hash_code": "zz", "idempotency_key": "k"}, ["version", "hash"]),
        ("rollback_ip", {**IDENTITY, "ip": "10.0.0.1", "stop_first": "yes", "idempotency_key": "k"}, ["stop_first"]),
        ("stop_ip", {**IDENTITY, "version": "1", "ip": "10.0.0.1", "idempotency_key": "a b\n"}, ["idempotency_key"]),
        ("get_online_ips", {"airport": "SHA"}, ["PEK", "SHA"]),
        ("query_ip", {**IDENTITY, "ip": "10.9.9.9"}, ["HTTP 404", "10.9.9.9"]),
        ("format_disk", {}, ["没有工具 format_disk"]),
    ],
)
async def test_bad_input_is_an_error_in_chinese(
    tool: str, arguments: dict[str, Any], phrases: list[str], lab: LabProcess
) -> None:
    """不合规则的输入答 isError，说出参数、值和规则，什么也没有做。"""
    async with NodeClient(lab.node_url(), lab.token) as node:
        result = await Performer(node).perform(tool, arguments, 10)
    assert (result.isError, said(result)["IN_DOUBT"]) == (True, False)
    assert all(phrase in said(result)["ERROR"] for phrase in phrases), said(result)


def said(result: CallToolResult) -> dict[str, Any]:
    """结构化内容。"""
    assert result.structuredContent is not None
    return result.structuredContent


@pytest.fixture
def pam() -> Any:
    """一个可编排的裸 NODE。"""
    with wire_pam() as running:
        yield running


@pytest.mark.parametrize(
    ("answer", "code", "in_doubt", "phrase"),
    [
        (reply(409, '{"error": "没有电", "success": false}'), 6, False, "没有电"),
        (reply(401, '{"error": "令牌不对"}'), 4, False, "令牌不对"),
        (reply(401, "<html>proxy</html>"), 8, True, "HTTP 401"),
        (reply(404, "<html>proxy</html>"), 8, True, "HTTP 404"),
        (reply(422, '{"error": "键用过了"}'), 8, True, "键用过了"),
        (reply(429, "", "Retry-After: 7"), 5, False, "HTTP 429"),
        (reply(503, "", "Retry-After: 7"), 5, False, "HTTP 503"),
        (reply(500, '{"error": "坏了"}'), 8, True, "坏了"),
        (reply(502, "<html>bad gateway</html>"), 8, True, "HTTP 502"),
        (reply(200, "hello"), 8, True, "不是 JSON"),
        (reply(200, "[1]"), 8, True, "不是 JSON"),
        (reply(200, '{"version": "1"}'), 8, True, "MESSAGE"),
        (reply(200, "{", length=50), 8, True, "连接中断"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", 8, True, "PAM_NODE"),
        (reply(302, ""), 8, True, "HTTP 302"),
        (lambda connection: connection.recv(1), 7, True, "时限"),
    ],
)
async def test_what_the_node_answers_is_told_apart(
    answer: Any,
    code: int,
    in_doubt: bool,  # noqa: FBT001  参数表里的一列
    phrase: str,
    pam: WirePam,
) -> None:
    """NODE 拒绝、答得不对、断了、不答：退出码与是否存疑各归其类。"""
    pam.on("POST", "/api/workstations/10.0.0.1/stop", answer)
    arguments = {**IDENTITY, "version": "1", "ip": "10.0.0.1", "idempotency_key": "k"}
    async with NodeClient(pam.url, "tok") as node:
        result = await Performer(node).perform("stop_ip", arguments, 0.5)
    assert (said(result)["EXIT_CODE"], said(result)["IN_DOUBT"]) == (code, in_doubt), result
    assert said(result).get("RETRY_AFTER") == (7 if code == ScriptExit.NOT_TAKEN else None)
    assert phrase in said(result)["ERROR"]
    assert pam.requests[0].headers["authorization"] == "Bearer tok"
    assert pam.requests[0].headers["idempotency-key"] == "k"


async def test_a_node_that_is_away(pam: WirePam) -> None:
    """连不上 NODE：没有送达，不存疑。"""
    arguments = {**IDENTITY, "version": "1", "ip": "10.0.0.1", "idempotency_key": "k"}
    async with NodeClient(closed_port(), "") as node:
        result = await Performer(node).perform("stop_ip", arguments, 5)
    assert (said(result)["EXIT_CODE"], said(result)["IN_DOUBT"]) == (5, False)


async def test_only_the_end_of_a_long_log(pam: WirePam) -> None:
    """日志太长就只取末尾，并在开头说明。"""
    pam.on("GET", "/api/workstations/10.0.0.1/log?app=checkin&module=gate", reply(200, b"x" * (20 << 20) + b"END"))
    async with NodeClient(pam.url, "") as node:
        result = await Performer(node).perform("download_log", {**IDENTITY, "ip": "10.0.0.1"}, 10)
    [block] = result.content
    text = str(getattr(block, "text", ""))
    assert text.startswith("（日志太长")
    assert text.endswith("END")
    assert len(text) < MAX_LOG_BYTES + 100
    assert said(result) == {"LOG_FILE": "10.0.0.1.log"}


def test_the_token_is_asked_for_and_hidden(lab: LabProcess) -> None:
    """没有令牌或令牌不对答 401；令牌不在任何进程的参数里。"""
    url = lab.info["mcp_url"]
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert httpx.post(url, json={}, headers=headers).status_code == 401
    assert httpx.get(url.replace("/mcp", "/x"), headers={"Authorization": f"Bearer {lab.token}"}).status_code == 404
    family = [psutil.Process(lab.pid), *psutil.Process(lab.pid).children(recursive=True)]
    assert any("mcp_node" in " ".join(one.cmdline()) for one in family)
    assert not any(lab.token in " ".join(one.cmdline()) for one in family)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--host", "0.0.0.0"], "没有 PAM_TOKEN"),
        (["--host", "node.example"], "没有 PAM_TOKEN"),
        (["--node-url", "ftp://x"], "--node-url"),
        (["--node-url", "http://user:pass@x"], "--node-url"),
        (["--port", "TAKEN"], "端口"),
    ],
)
def test_it_refuses_to_start(options: list[str], reason: str) -> None:
    """没有令牌不出回环；地址不合规则、端口被占用都说明原因，退出码 2，标准输出是空的。"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        argv = helper_command("mcp-node", "--node-url", "http://127.0.0.1:1", *options)
        given = [port if part == "TAKEN" else part for part in argv]
        done = subprocess.run(given, capture_output=True, text=True, check=False, timeout=patience(30), env=_bare_env())
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


def _bare_env() -> dict[str, str]:
    """没有 PAM 令牌的环境。"""
    return {name: value for name, value in os.environ.items() if not name.startswith("PAM_")}


def test_without_a_token_only_this_machine_may_ask() -> None:
    """没有令牌时只认本机的 Host：网页里的脚本不能冒用本机的名义；SIGTERM 之后退出码 0。"""
    server = Helper(helper_command("mcp-node", "--node-url", "http://127.0.0.1:1"), env=_bare_env())
    try:
        url = server.info["mcp_url"]
        accept = {"Accept": "application/json, text/event-stream"}
        hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _hello()}
        assert httpx.post(url, json=hello, headers=accept).status_code == 200
        assert httpx.post(url, json=hello, headers={**accept, "Host": "evil.example"}).status_code == 421
        forged = {**accept, "Origin": "http://evil.example"}
        assert httpx.post(url, json=hello, headers=forged).status_code == 403
    finally:
        assert server.stop() == 0


def _hello() -> dict[str, Any]:
    """握手的参数。"""
    return {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}


async def test_stdio_serves_the_same_tools(lab: LabProcess) -> None:
    """stdio 传输列出同样的工具，也做得成。"""
    command, *args = helper_command("mcp-node", "--transport", "stdio", "--node-url", lab.node_url())
    parameters = StdioServerParameters(command=command, args=args, env={"PAM_TOKEN": lab.token})
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        assert [tool.name for tool in (await session.list_tools()).tools] == list(TOOLS)
        roster = await session.call_tool("get_online_ips", {})
    assert roster.structuredContent is not None
    assert roster.structuredContent["AIRPORT_CODE"] == "PEK"
    assert json.loads(str(getattr(roster.content[0], "text", ""))) == roster.structuredContent


async def test_many_at_once(lab: LabProcess, take: Callable[[int], list[str]]) -> None:
    """同时来的许多调用各得各的答复。"""
    ips = take(20)
    async with official_client(lab) as session:
        calls = [session.call_tool("query_ip", {**IDENTITY, "ip": ip}) for ip in ips]
        answers = await asyncio.gather(*calls)
    assert all((answer.structuredContent or {})["ONLINE"] is True for answer in answers)


def test_it_goes_when_the_lab_goes() -> None:
    """试验场被 kill -9，它的 MCP 服务也就没了；同一个状态目录再开，地址不变。"""
    with tempfile.TemporaryDirectory() as folder:
        with LabProcess(airports=("PEK", "SHA"), workstations=1, state=Path(folder)) as lab:
            urls = lab.info["mcp_urls"]
            children = psutil.Process(lab.pid).children()
            assert list(urls) == ["PEK", "SHA"]
            assert len(children) == 2
            os.kill(lab.pid, signal.SIGKILL)
            assert psutil.wait_procs(children, timeout=patience(5))[1] == []
        with LabProcess(airports=("PEK", "SHA"), workstations=1, state=Path(folder)) as lab:
            assert lab.info["mcp_urls"] == urls
