"""后端契约测试的夹具：同一个试验场上的几种后端，动作、输入、断言都一样。"""

import os
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.action_router import ActionBackend, ActionRouter
from pam_deploy_graph.constants import ACTIONS, GLOBAL_ACTION_SEQUENCE, Side, build_action_backends
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.home.run_files import write_run_config
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.mcp_runner import McpActionRunner
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.script_runner import ScriptActionRunner

_ENTRY = "CONTRACT_SCRIPT_ENTRY"
"""给了就拿这个入口跑整套契约，代替随包的。"""
_OWN = "CONTRACT_NODE_BACKEND"
"""``模块:类``：给了就只拿这个 NODE 后端跑整套契约（HOME 走脚本）。"""
REAL = ["own"] if _OWN in os.environ else ["script", "mcp", "router"]
"""对着试验场的各种后端。"""
_numbers = count(1)


@dataclass
class Stage:
    """一种后端和它的一次运行；``lab`` 为空的是假后端。"""

    home: ActionBackend
    node: ActionBackend
    state: AgentState
    lab: LabProcess | None = None
    attempts: Iterator[int] = field(default_factory=lambda: count(1))

    def do(self, action: str, ip: str | None = None, key: str = "", **options: Any) -> ActionResult:
        """做一个动作，缺少的选项照动作表补上；没有给出幂等键就用一个新的。"""
        spec = ACTIONS[action]
        if "hash_code" in spec.needs:
            options.setdefault("hash_code", self.state.hash_code)
        if "stop_first" in spec.needs:
            options.setdefault("stop_first", True)
        if spec.changes:
            options["idempotency_key"] = (
                key or f"{self.state.run_id}.0badc0de:{ip or '-'}:{action}:{next(self.attempts)}"
            )
        backend = self.node if spec.side is Side.NODE else self.home
        return backend.run_action(self.state, action, **options, **({} if ip is None else {"ip": ip}))

    def prepare(self) -> None:
        """做完全局各步。"""
        for action in GLOBAL_ACTION_SEQUENCE:
            result = self.do(action)
            assert (result.ok, result.missing_keys()) == (True, []), result.error_summary
            self.state.hash_code = result.values.get("HASH_CODE", self.state.hash_code)
            self.state.node_url = result.values.get("NODE_URL", self.state.node_url)
            self.state.mcp_url = result.values.get("MCP_URL", self.state.mcp_url)
        write_run_config(self.state)

    def effects(self, ip: str) -> list[str]:
        """这台工作站真的发生过的动作。"""
        assert self.lab is not None
        return [row["action"] for row in self.lab.journal() if row["ip"] == ip]


def _state(folder: Path, home_url: str) -> AgentState:
    """一次运行的状态；每次的版本各不相同。"""
    number = next(_numbers)
    package = folder / "gate.pkg"
    package.write_bytes(f"backend {number}\n".encode() * 100)
    params = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": f"3.0.{number}"}
    params |= {"PAM_HOME_URL": home_url, "PACKAGE_PATH": str(package)}
    params |= {"REQUEST_TIMEOUT": "20", "VERIFY_TIMEOUT": "20"}
    state = AgentState(
        run_id=f"backend-{number}",
        params=params,
        execution_strategy="hybrid_node_mcp",
        action_backends=build_action_backends("hybrid_node_mcp"),
        config_path=str(folder / "config.txt"),
        trace_file_path=str(folder / "logs" / "trace.log"),
    )
    write_run_config(state)
    return state


def build_stage(kind: str, lab: LabProcess, folder: Path, token: str | None = None) -> Stage:
    """搭一种后端：``script``、``mcp``、``router`` 对着试验场，``fake`` 自成一体。"""
    if kind == "fake":
        fake = FakeActionRunner()
        return Stage(fake, fake, _state(folder, "http://127.0.0.1/fake"))
    state = _state(folder, lab.home_url)
    script = ScriptActionRunner(token=token or lab.token, script_entry=os.environ.get(_ENTRY, ""))
    mcp = McpActionRunner(url="", token=token or lab.token)
    router = ActionRouter(script_runner=script, mcp_runner=mcp)
    node: dict[str, ActionBackend] = {"script": script, "mcp": mcp, "router": router}
    if kind == "own":
        node[kind] = pkgutil.resolve_name(os.environ[_OWN])(token or lab.token)
    return Stage(router if kind == "router" else script, node[kind], state, lab)


def _prepared(kind: str, lab: LabProcess, factory: pytest.TempPathFactory) -> Stage:
    """搭好并做完全局各步。"""
    stage = build_stage(kind, lab, factory.mktemp(kind))
    stage.prepare()
    return stage


@pytest.fixture(scope="module", params=[*REAL, "fake"])
def stage(request: pytest.FixtureRequest, lab: LabProcess, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """每一种后端。"""
    return _prepared(request.param, lab, tmp_path_factory)


@pytest.fixture(scope="module", params=REAL)
def real(request: pytest.FixtureRequest, lab: LabProcess, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """每一种对着试验场的后端。"""
    return _prepared(request.param, lab, tmp_path_factory)
