"""例子里的后端过同一套后端契约（``tests/backends``），并且同样区分「失败」与「结果未知」。"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from examples.http_node import HttpNodeRunner
from pam_deploy_graph.lab.launcher import LabProcess
from tests.backends.conftest import Stage, build_stage
from tests.backends.test_contract import (
    test_a_failure_is_a_result,
    test_every_action_gives_what_it_owes,
    test_online_ips_are_a_list,
    test_the_same_key_has_one_effect,
)
from tests.script_runner.wire import closed_port

__all__ = [
    "test_a_failure_is_a_result",
    "test_every_action_gives_what_it_owes",
    "test_online_ips_are_a_list",
    "test_the_same_key_has_one_effect",
]


@pytest.fixture
def stage(lab: LabProcess, tmp_path: Path) -> Stage:
    """HOME 用脚本，NODE 用例子里的后端；全局各步已经做完。"""
    made = replace(build_stage("script", lab, tmp_path), node=HttpNodeRunner(lab.token))
    made.prepare()
    return made


@pytest.mark.parametrize(("kind", "doubt", "effects"), [("fail", False, 0), ("hang", True, 0), ("drop", True, 1)])
def test_told_apart(stage: Stage, take: Callable[[int], list[str]], kind: str, doubt: object, effects: int) -> None:
    """PAM 拒绝是失败；送到了而没有答复是结果未知；令牌不在结果里。"""
    [ip] = take(1)
    assert stage.lab is not None
    stage.lab.add_fault(f"{ip}:stop:{kind}:1")
    stage.state.params["REQUEST_TIMEOUT"] = "1"
    result = stage.do("stop-ip", ip)
    assert (result.ok, result.in_doubt, bool(result.error_summary)) == (False, doubt, True)
    assert stage.lab.token not in repr(result)
    assert len(stage.effects(ip)) == effects


def test_nobody_there(stage: Stage) -> None:
    """连不上：确知没有送出去，所以不是结果未知。"""
    stage.state.node_url = closed_port()
    result = stage.do("stop-ip", "10.0.0.1")
    assert (result.ok, result.in_doubt, result.exit_code) == (False, False, 5)


def test_it_is_small() -> None:
    """例子不到 80 行。"""
    source = Path(__file__).parent.parent.parent / "examples" / "http_node.py"
    assert len(source.read_text(encoding="utf-8").splitlines()) < 80
