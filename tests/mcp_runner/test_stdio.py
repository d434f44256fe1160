"""stdio：别人写的服务可以顶替，使坏的服务各有说法，进程不留下。"""

import json
import sys
import time
from pathlib import Path

import psutil
import pytest

from pam_deploy_graph.models import AgentState
from tests.mcp_runner.conftest import MakeRunner
from tests.mcp_runner.wire import node_tools
from tests.patience import patience

HERE = Path(__file__).parent


def _raw(folder: Path, mode: str) -> list[str]:
    """裸服务的命令。"""
    tools = folder / "tools.json"
    tools.write_text(json.dumps(node_tools()), encoding="utf-8")
    return [sys.executable, str(HERE / "raw_stdio.py"), str(tools), mode]


def _children() -> list[psutil.Process]:
    """本进程的、还活着的裸服务。"""
    found = psutil.Process().children(recursive=True)
    return [one for one in found if one.is_running() and "raw_stdio.py" in " ".join(one.cmdline())]


def test_a_server_not_in_our_style(state: AgentState, make_runner: MakeRunner) -> None:
    """SDK 低层写的、什么 schema 都不说的服务，照样走完部署与回滚；它抛的异常说明不了做没做。"""
    runner = make_runner(command=[sys.executable, str(HERE / "foreign.py")])
    roster = runner.run_action(state, "get-online-ips")
    assert (roster.values["IP"], roster.values["AIRPORT_CODE"]) == (["10.0.0.1"], "PEK"), roster.error_summary
    for action in ("stop-ip", "deploy-ip", "start-ip"):
        key = f"r1:10.0.0.1:{action}:1"
        first, again = (runner.run_action(state, action, ip="10.0.0.1", idempotency_key=key) for _ in range(2))
        assert (first.ok, first) == (True, again), first.error_summary
    truth = runner.run_action(state, "query-ip", ip="10.0.0.1").values
    assert truth == {"ONLINE": "true", "RUNNING": "true", "VERSION": "1.3.0", "LAST_KEY": key}
    back = runner.run_action(state, "rollback-ip", ip="10.0.0.1", stop_first=True, idempotency_key="back")
    assert back.values["VERSION"] == "1.2.2"
    failed = runner.run_action(state, "stop-ip", ip="10.0.0.9", idempotency_key="no")
    assert (failed.ok, failed.in_doubt, failed.exit_code) == (False, True, 8)
    assert "工作站没有电" in failed.error_summary


@pytest.mark.parametrize(
    ("mode", "code", "in_doubt", "phrase"),
    [
        ("junk", 8, True, "不是 JSON-RPC"),
        ("bytes", 8, True, "不是 JSON-RPC"),
        ("big", 8, True, "超过"),
        ("die", 8, True, "结束了，退出码 3；它最后说：第二行 / 磁盘满了 / 令牌 *** 不认得"),
        ("killed", 8, True, "被信号 9 结束了"),
        ("deaf", 7, True, "时限"),
    ],
)
def test_each_bad_server_has_its_name(
    mode: str,
    code: int,
    in_doubt: bool,  # noqa: FBT001  参数表里的一列
    phrase: str,
    tmp_path: Path,
    state: AgentState,
    make_runner: MakeRunner,
) -> None:
    """垃圾、非文本、二十兆、死掉、不答：时限加 2 秒之内有说法；下一次调用重开一个会话。"""
    runner = make_runner(command=_raw(tmp_path, mode))
    assert runner.run_action(state, "get-online-ips").ok
    began = time.monotonic()
    result = runner.run_action(state, "stop-ip", ip="10.0.0.1", idempotency_key="k", time_limit=0.8)
    assert time.monotonic() - began < patience(2.8)
    assert (result.ok, result.exit_code, result.in_doubt) == (False, code, in_doubt), result.error_summary
    assert phrase in result.error_summary
    if mode != "deaf":
        assert runner.run_action(state, "query-ip", ip="10.0.0.1").ok


def test_a_server_that_cannot_start(state: AgentState, make_runner: MakeRunner) -> None:
    """起来就死：没有送达，说出退出码与原因；它不在碰巧站着的目录里起。"""
    runner = make_runner(command=[sys.executable, "no_such_server.py"])
    result = runner.run_action(state, "stop-ip", ip="10.0.0.1", idempotency_key="k")
    assert (result.ok, result.in_doubt) == (False, False), result.error_summary
    assert "退出码 2" in result.error_summary
    assert "/no_such_server.py" in result.error_summary


def test_noise_before_the_handshake_does_no_harm(tmp_path: Path, state: AgentState, make_runner: MakeRunner) -> None:
    """启动时在标准输出说闲话的服务照样能用。"""
    assert make_runner(command=_raw(tmp_path, "banner")).run_action(state, "query-ip", ip="10.0.0.1").ok


def test_the_command_must_exist(state: AgentState, make_runner: MakeRunner) -> None:
    """命令不存在：说出是哪个命令，没有送达。"""
    result = make_runner(command=["/no/such/server"]).run_action(state, "stop-ip", ip="10.0.0.1", idempotency_key="k")
    assert (result.ok, result.in_doubt, result.exit_code) == (False, False, 3)
    assert "/no/such/server" in result.error_summary


def test_no_process_is_left(tmp_path: Path, state: AgentState, make_runner: MakeRunner) -> None:
    """关掉之后服务的进程没了，赖着不走的也杀掉，不超过 2 秒。"""
    runner = make_runner(command=_raw(tmp_path, "stubborn"))
    assert runner.run_action(state, "query-ip", ip="10.0.0.1").ok
    assert len(_children()) == 1
    began = time.monotonic()
    runner.close()
    assert time.monotonic() - began < patience(2.5)
    assert _children() == []


def test_a_changed_tool_list_is_noticed(tmp_path: Path, state: AgentState, make_runner: MakeRunner) -> None:
    """服务说工具变了，就重开会话核对。"""
    runner = make_runner(command=_raw(tmp_path, "changes"))
    before = runner.run_action(state, "get-online-ips").values["MCP_TOOLS"]
    [old] = _children()
    assert runner.run_action(state, "stop-ip", ip="10.0.0.1", idempotency_key="k").ok
    deadline = time.monotonic() + patience(5)
    while old.is_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert runner.run_action(state, "get-online-ips").values["MCP_TOOLS"] == before
    assert [one.pid for one in _children()] != [old.pid]
