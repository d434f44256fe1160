"""别人的后端：按入口点得到名字，策略、计划与路由都认得它（contract 第 3 节）。"""

import sys
from pathlib import Path

import pytest

from pam_deploy_graph.action_router import ActionRouter
from pam_deploy_graph.constants import ACTIONS, Side, build_action_backends
from pam_deploy_graph.constants.backends import GROUP
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inputs.parameters import validate_control
from pam_deploy_graph.models import ActionResult, AgentState

MODULE = """
from pam_deploy_graph.fake_runner import FakeActionRunner

class Own(FakeActionRunner):
    def __init__(self, token):
        super().__init__(online_ips=["10.0.0.1"])
        self.token = token

def broken(token):
    raise OSError("没有证书")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """装着一个有两个后端的包。"""
    (tmp_path / "own_backend.py").write_text(MODULE, encoding="utf-8")
    info = tmp_path / "own_backend-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nown = own_backend:Own\nbroken = own_backend:broken\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])


def ask(name: str) -> ActionResult:
    """经路由走这个名字的后端做一个动作。"""
    state = AgentState("r1", {"AIRPORT_CODE": "PEK"}, f"hybrid_node_{name}", dict.fromkeys(ACTIONS, name))
    return ActionRouter(token=lambda: "secret").run_action(state, "get-online-ips")


@pytest.mark.usefixtures("installed")
def test_a_named_backend_serves_the_node() -> None:
    """``hybrid_node_<名字>``：HOME 走脚本，NODE 走它；输入检查认得。"""
    backends = build_action_backends("hybrid_node_own")
    assert {backends[name] for name, spec in ACTIONS.items() if spec.side is Side.HOME} == {"script"}
    assert {backends[name] for name, spec in ACTIONS.items() if spec.side is Side.NODE} == {"own"}
    assert validate_control({"execution_strategy": "hybrid_node_own"}) == {"execution_strategy": "hybrid_node_own"}
    assert ask("own").values["IP"] == ["10.0.0.1"]


@pytest.mark.usefixtures("installed")
def test_it_is_built_once_and_gets_the_token() -> None:
    """用到才建，建一次，收下令牌。"""
    router = ActionRouter(token=lambda: "secret")
    state = AgentState("r1", {"AIRPORT_CODE": "PEK"}, "hybrid_node_own", dict.fromkeys(ACTIONS, "own"))
    for _ in range(2):
        router.run_action(state, "get-online-ips")
    (built,) = [runner for runner in router._runners.values() if runner is not None]
    assert (built.token, len(built.calls)) == ("secret", 2)  # type: ignore[attr-defined]  # 上面那个类


@pytest.mark.usefixtures("installed")
def test_one_that_cannot_be_built_is_a_failure_with_a_reason() -> None:
    """建不起来：是失败，说出哪个后端、为什么。"""
    result = ask("broken")
    assert (result.ok, result.exit_code) == (False, 3)
    assert "后端 broken 建不起来：OSError: 没有证书" in result.error_summary


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("strategy", ["hybrid_node_nobody", "own", "hybrid_node_", "hybrid_node_script"])
def test_an_unknown_one_is_refused(strategy: str) -> None:
    """没有装着的：输入时就拒绝，消息里有装着的。"""
    with pytest.raises(InvalidInputError, match="hybrid_node_own"):
        validate_control({"execution_strategy": strategy})
