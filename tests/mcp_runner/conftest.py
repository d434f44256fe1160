"""MCP 测试的夹具：假服务、状态、用完即关的后端。"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.mcp_runner import McpActionRunner
from pam_deploy_graph.models import AgentState
from tests.mcp_runner.wire import WireMcp, wire_mcp

TOKEN = "canary-mcp-4d1e"
PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.3.0"}

MakeRunner = Callable[..., McpActionRunner]


@pytest.fixture
def wire() -> Iterator[WireMcp]:
    """一个可编排的 MCP 服务。"""
    with wire_mcp() as server:
        yield server


@pytest.fixture
def state(tmp_path: Path) -> AgentState:
    """一次运行的状态。"""
    trace = str(tmp_path / "logs" / "trace.log")
    return AgentState(run_id="r1", params=dict(PARAMS), execution_strategy="hybrid_node_mcp", trace_file_path=trace)


@pytest.fixture
def make_runner() -> Iterator[MakeRunner]:
    """造后端；用例结束时关掉。"""
    with ExitStack() as stack:

        def make(url: str = "", **options: Any) -> McpActionRunner:
            """造一个。"""
            runner = McpActionRunner(url=url, token=TOKEN, **options)
            stack.callback(runner.close)
            return runner

        yield make
