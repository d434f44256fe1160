"""坏答复：每一种都在时限加 2 秒之内给出有名有姓的原因，并且各归其类（faults「mcp」）。"""

import json
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.protocol.outcome import Outcome
from tests.mcp_runner.conftest import TOKEN, MakeRunner
from tests.mcp_runner.wire import Exchange, Scene, WireMcp, success
from tests.patience import patience

BIG = 20 << 20
SSE = "text/event-stream"


def _event(exchange: Exchange, body: str) -> None:
    """答一个只有一个事件的事件流，连通知一起。"""
    notice = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}})
    text = f": hello\r\nevent: message\r\ndata: {notice}\r\n\r\nevent: message\ndata: {body}\n\n"
    exchange.raw(text.encode(), kind=SSE)


def _result(exchange: Exchange) -> str:
    """照常成功的 JSON-RPC 答复。"""
    return json.dumps({"jsonrpc": "2.0", "id": exchange.number, "result": success(exchange.server, "stop_ip")})


def _refusal(**said: object) -> dict[str, object]:
    """``isError`` 的结果。"""
    return {"content": [{"type": "text", "text": "磁盘满了"}], "isError": True, "structuredContent": said or None}


SCENES: dict[str, tuple[Scene, int, bool, str]] = {
    "not-json": (lambda x: x.raw(b"<html>hello</html>", kind="text/html"), 8, True, "不是 JSON-RPC"),
    "empty": (lambda x: x.raw(b""), 8, True, "不是 JSON-RPC"),
    "20-mb": (lambda x: x.result({"content": [], "structuredContent": {"MESSAGE": "x" * BIG}}), 8, True, "超过"),
    "silent": (Exchange.silent, 7, True, "时限"),
    "trickle": (Exchange.trickle, 7, True, "时限"),
    "hang-up": (Exchange.hang_up, 8, True, "连接中断"),
    "half": (lambda x: x.raw(b'{"jsonrpc"', length=500), 8, True, "连接中断"),
    "http-500": (lambda x: x.json({}, 500), 8, True, "HTTP 500"),
    "http-503": (lambda x: x.json({}, 503), 5, False, "HTTP 503"),
    "http-400": (lambda x: x.json({"error": {"code": -32600, "message": "bad"}}, 400), 6, False, "HTTP 400：bad"),
    "http-401": (lambda x: x.json({"error": "token expired"}, 401), 4, False, "令牌"),
    "http-422": (lambda x: x.json({"error": "key reused"}, 422), 8, True, "HTTP 422"),
    "proxy-400": (lambda x: x.raw(b"<html>proxy</html>", status=400), 8, True, "HTTP 400"),
    "proxy-403": (lambda x: x.raw(b"<html>proxy</html>", status=403), 8, True, "HTTP 403"),
    "proxy-404": (lambda x: x.raw(b"<html>proxy</html>", status=404), 8, True, "HTTP 404"),
    "redirect": (lambda x: x.raw(b"", status=307), 8, True, "PAM_MCP_URL"),
    "other-id": (lambda x: x.json({"jsonrpc": "2.0", "id": 9_999, "result": {}}), 8, True, "不是对这个请求的"),
    "internal-error": (lambda x: x.error(-32603, "boom"), 8, True, "boom"),
    "invalid-params": (lambda x: x.error(-32602, "bad"), 6, False, "bad"),
    "unstructured": (lambda x: x.result({"content": [{"type": "text", "text": "ok"}]}), 8, True, "结构化"),
    "not-a-result": (lambda x: x.result({"content": 5}), 8, True, "MCP 的格式"),
    "wrong-type": (lambda x: x.result({"content": [], "structuredContent": {"MESSAGE": {"a": 1}}}), 8, True, "MESSAGE"),
    "missing-key": (lambda x: x.result({"content": [], "structuredContent": {}}), 8, True, "缺少 MESSAGE"),
    "is-error": (lambda x: x.result(_refusal()), 8, True, "磁盘满了"),
    "says-refused": (lambda x: x.result(_refusal(ERROR="没有电")), 6, False, "没有电"),
    "says-busy": (lambda x: x.result(_refusal(ERROR="忙", EXIT_CODE=5, RETRY_AFTER=7)), 5, False, "忙"),
    "says-in-doubt": (lambda x: x.result(_refusal(ERROR="断了", EXIT_CODE=6, IN_DOUBT=True)), 8, True, "断了"),
    "bad-exit-code": (lambda x: x.result(_refusal(EXIT_CODE=99, IN_DOUBT="yes")), 8, True, "磁盘满了"),
    "sse-no-answer": (lambda x: x.raw(b": nothing\n\n", kind=SSE), 8, True, "没有答复"),
    "sse-cut": (lambda x: x.raw(b"data: {", kind=SSE, length=100), 8, True, "连接中断"),
    "sse-not-json": (lambda x: x.raw(b"data: hello\n\n", kind=SSE), 8, True, "不是 JSON-RPC"),
    "sse-20-mb": (lambda x: x.raw(b"data: " + b"x" * BIG, kind=SSE), 8, True, "超过"),
}


@pytest.mark.parametrize("name", SCENES)
def test_each_bad_answer_has_its_name(
    name: str, wire: WireMcp, state: AgentState, make_runner: MakeRunner, record_property: Callable[[str, object], None]
) -> None:
    """会改变外界的动作：可能已送达的才存疑；消息写明动作、工作站和原因，会话之后照样能用。"""
    scene, code, in_doubt, phrase = SCENES[name]
    wire.scenes["stop_ip"] = scene
    runner = make_runner(wire.url)
    assert runner.run_action(state, "get-online-ips").ok
    limit = 0.6 if code == ScriptExit.TIMEOUT else 10.0  # 忙的机器上，二十兆要读上好几秒
    began = time.monotonic()
    result = runner.run_action(state, "stop-ip", ip="10.0.0.1", idempotency_key="k", time_limit=limit)
    took = time.monotonic() - began
    record_property("figure", f"MCP 的坏应答 {name}：时限 {limit} 秒，{took:.2f} 秒返回")
    assert took < patience(limit + 2)
    assert (result.ok, result.exit_code, result.in_doubt) == (False, code, in_doubt), result.error_summary
    assert "stop-ip（10.0.0.1）" in result.error_summary
    assert phrase in result.error_summary
    assert len(result.error_summary) < 1_000
    assert runner.run_action(state, "query-ip", ip="10.0.0.1").ok


@pytest.mark.parametrize("name", ["not-json", "hang-up", "internal-error", "unstructured", "wrong-type"])
def test_what_changes_nothing_is_never_in_doubt(
    name: str, wire: WireMcp, state: AgentState, make_runner: MakeRunner
) -> None:
    """只读的动作没有什么可存疑的。"""
    wire.scenes["verify_ip"] = SCENES[name][0]
    result = make_runner(wire.url).run_action(state, "verify-ip", ip="10.0.0.1", time_limit=2)
    assert (result.ok, result.in_doubt) == (False, False)


def test_what_is_not_taken_says_how_long_to_wait(wire: WireMcp, state: AgentState, make_runner: MakeRunner) -> None:
    """没有收下的：服务的结构化内容、HTTP 的头里说的秒数都带上来；这里从不自己重发。"""
    runner = make_runner(wire.url)
    for scene in (SCENES["says-busy"][0], lambda x: x.json({}, 503, **{"Retry-After": "7"})):
        wire.scenes["stop_ip"] = scene
        result = runner.run_action(state, "stop-ip", ip="10.0.0.1", idempotency_key="k")
        assert (result.outcome, result.retry_after) == (Outcome.NOT_TAKEN, 7.0)
    assert wire.changing_calls() == ["stop_ip", "stop_ip"]


def test_an_event_stream_answers_too(wire: WireMcp, state: AgentState, make_runner: MakeRunner) -> None:
    """用事件流作答的服务一样能用，夹在前面的通知不碍事。"""
    wire.scenes["stop_ip"] = lambda exchange: _event(exchange, _result(exchange))
    result = make_runner(wire.url).run_action(state, "stop-ip", ip="10.0.0.1", idempotency_key="k")
    assert (result.ok, result.values) == (True, {"MESSAGE": "done"})


def test_what_it_says_is_made_harmless(wire: WireMcp, state: AgentState, make_runner: MakeRunner) -> None:
    """终端转义写成看得见的，令牌抹掉，日志文件名不听它的，日志只有本人可读。"""
    said = f"\x1b[2J 令牌是 {TOKEN}\n完"
    wire.scenes["stop_ip"] = lambda x: x.result({"content": [], "structuredContent": {"MESSAGE": said}})
    wire.scenes["start_ip"] = lambda x: x.result(_refusal(ERROR=said * 200))
    log = {"content": [{"type": "text", "text": f"line {TOKEN}\n"}], "structuredContent": {"LOG_FILE": "/etc/passwd"}}
    wire.scenes["download_log"] = lambda x: x.result(log)
    runner = make_runner(wire.url)
    good = runner.run_action(state, "stop-ip", ip="10.0.0.1", idempotency_key="k").values["MESSAGE"]
    bad = runner.run_action(state, "start-ip", ip="10.0.0.1", idempotency_key="k").error_summary
    for text in (good, bad):
        assert TOKEN not in text
        assert text.isprintable()
    assert len(bad) < 1_000
    path = runner.run_action(state, "download-log", ip="fd00::1").values["LOG_FILE"]
    assert path.endswith("/logs/r1/fd00__1.log")
    assert Path(path).read_text(encoding="utf-8") == "line ***\n"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert wire.tokens == {f"Bearer {TOKEN}"}
