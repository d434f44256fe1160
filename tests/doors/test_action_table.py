"""动作表逐行核对：侧、阶段、所需、所给、可否重复（contract 第 3 节）。"""

import re

import pytest

from pam_deploy_graph.constants import (
    ACTIONS,
    DEFAULT_PARAMS,
    GLOBAL_ACTION_SEQUENCE,
    IP_ACTION_SEQUENCE,
    REQUIRED_PARAMS,
    Ask,
    Decision,
    ExecutionStrategy,
    ExitCode,
    IpStatus,
    RollbackStatus,
    ScriptExit,
    Side,
    build_action_backends,
)
from tests.contract import CONTRACT, line_of, named

TABLE = {
    name.strip("`"): cells
    for name, *cells in (
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in CONTRACT[3].replace("| |", "|  |").splitlines()
        if re.match(r"\| `[\w-]+` \| (HOME|NODE) ", line)
    )
}
"""动作到它在表里的各格（contract 第 3 节）。"""


def test_the_table_has_these_rows_in_this_order() -> None:
    """动作表恰好是契约的各行，次序也相同；一行也没有少读。"""
    assert list(ACTIONS) == list(TABLE)
    assert {"check-home", "stop-ip", "verify-ip", "rollback-ip", "query-ip"} <= TABLE.keys()


@pytest.mark.parametrize("action", TABLE)
def test_row(action: str) -> None:
    """一行的每一格都与契约相同。"""
    spec = ACTIONS[action]
    side, phase, needs, gives, may_give, repeat = TABLE[action]
    assert (spec.side, spec.phase, spec.repeat) == (side, phase, repeat)
    assert {*spec.needs, *spec.may_need} == set(named(needs))
    assert (set(spec.gives), set(spec.may_give)) == (set(named(gives)), set(named(may_give)))


@pytest.mark.parametrize("action", TABLE)
def test_what_follows_from_a_row(action: str) -> None:
    """靠幂等键才可重复的动作先写 INTENT，并且都会改变外界；工具名把 ``-`` 换成 ``_``；时限有默认值。"""
    spec = ACTIONS[action]
    assert spec.needs_intent is (TABLE[action][5] == "by-key")
    assert spec.changes or not spec.needs_intent
    assert spec.tool_name == action.replace("-", "_")
    assert spec.per_ip is ("`ip`" in TABLE[action][2])
    assert int(DEFAULT_PARAMS[spec.time_limit_param]) > 0


@pytest.mark.parametrize("action", TABLE)
def test_what_people_and_tools_read(action: str) -> None:
    """每行都有给人看的一句话，NODE 的还有工具说明；只增不毁的一定有改变，只有动得了模块的才说它在不在运行。"""
    spec = ACTIONS[action]
    assert spec.about
    assert bool(spec.tool_about) is (spec.side is Side.NODE)
    assert spec.changes or not spec.additive
    assert spec.running_after is None or (spec.per_ip and spec.changes)


def test_what_becomes_of_the_module() -> None:
    """停、装之后它停着，启、回滚之后它在运行；只看的动作说不了。"""
    after = {name: ACTIONS[name].running_after for name in ("stop-ip", "deploy-ip", "start-ip", "rollback-ip")}
    assert after == {"stop-ip": False, "deploy-ip": False, "start-ip": True, "rollback-ip": True}


def test_sequences() -> None:
    """两个次序就是契约的表里 global 与 per-ip 的各行。"""
    assert [name for name, row in TABLE.items() if row[1] == "global"] == GLOBAL_ACTION_SEQUENCE
    assert [name for name, row in TABLE.items() if row[1] == "per-ip"] == IP_ACTION_SEQUENCE


def test_parameters() -> None:
    """必填四项的次序与可选各项的名字同合同。"""
    assert REQUIRED_PARAMS == ["AIRPORT_CODE", "APP_NAME", "MODULE_NAME", "VERSION_NUMBER"]
    assert set(DEFAULT_PARAMS) == {"PAM_HOME_URL", "PACKAGE_PATH", "REQUEST_TIMEOUT", "VERIFY_TIMEOUT"}
    assert not [name for name in (*REQUIRED_PARAMS, *DEFAULT_PARAMS) if "TOKEN" in name]


@pytest.mark.parametrize(
    ("strategy", "home", "node"),
    [("hybrid_node_mcp", "script", "mcp"), ("script_only", "script", "script"), ("fake", "fake", "fake")],
)
def test_backends_of_a_strategy(strategy: str, home: str, node: str) -> None:
    """每种策略把每个动作交给规定的后端。"""
    expected = {name: home if spec.side is Side.HOME else node for name, spec in ACTIONS.items()}
    assert build_action_backends(strategy) == expected


def test_an_unknown_strategy_is_refused() -> None:
    """不认识的策略：报错并写出那个值和可用的值。"""
    with pytest.raises(ValueError, match=r"quantum.*hybrid_node_mcp.*script_only.*fake"):
        build_action_backends("quantum")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (ExecutionStrategy, ["hybrid_node_mcp", "script_only", "fake"]),
        (IpStatus, ["RUNNING", "SUCCESS", "FAILED", "IN_DOUBT"]),
        (
            RollbackStatus,
            line_of(6, "- 回滚状态：").rstrip("。").partition("：")[2].split("、"),
        ),
        (Decision, named(line_of(5, "决定："))),
        (Ask, ["provide_params", "approve_plan", "rollback-ip"]),
        (ScriptExit, [0, 2, 3, 4, 5, 6, 7, 8]),
        (ExitCode, [0, 1, 2, 10, 11, 12]),
    ],
)
def test_fixed_values(kind: type[ExecutionStrategy], values: list[object]) -> None:
    """状态、决定、问题与退出码的值一个不多、一个不少。"""
    assert list(kind) == values
