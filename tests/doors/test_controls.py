"""控制参数表与由它派生的：检查、份额、规则、命令行选项、模型的模式（contract 第 2 节）。"""

from dataclasses import fields
from typing import Any

import pytest
from typer.main import get_command

from pam_deploy_graph.cli.app import app
from pam_deploy_graph.constants import CONTROLS, Kind
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.flows.context import FlowRules
from pam_deploy_graph.inputs.parameters import ControlParams, validate_control
from pam_deploy_graph.inputs.shares import in_numbers
from pam_deploy_graph.llm.model.answer_schema import UnderstandingSchema
from tests.contract import CONTRACT, named

OF_THE_CONTRACT = {
    name
    for line in CONTRACT[2].splitlines()
    if line.startswith("- `")
    for name in named(line.partition("：")[0])
    if name.islower()
}
"""逐条写着的控制参数（contract 第 2 节）。"""


def test_every_parameter_of_the_contract_has_a_row() -> None:
    """契约逐条写着的就是管流程的那些，都在表里；哪几台、哪种策略别处说。"""
    assert not OF_THE_CONTRACT - CONTROLS.keys()
    assert {each.name for each in fields(FlowRules)} - {"self_healing"} == OF_THE_CONTRACT


def test_each_row_is_checked_is_an_option_and_is_in_the_schema() -> None:
    """表里的每一行：有检查，``run`` 有这个选项，给模型的都在模式里。"""
    command: Any = get_command(app)
    options = {option for param in command.commands["run"].params for option in param.opts}
    assert list(ControlParams.model_fields) == list(CONTROLS)
    assert {row.flag for row in CONTROLS.values() if row.help} <= options
    heard = {row.name for row in CONTROLS.values() if row.for_model}
    assert heard == UnderstandingSchema.model_fields.keys() & CONTROLS.keys()
    assert heard >= OF_THE_CONTRACT


def test_the_rules_are_rows_with_the_same_defaults() -> None:
    """规则的每个字段都是表里的一行，默认值相同。"""
    rules = FlowRules()
    for each in fields(FlowRules):
        if each.name != "self_healing":
            default = getattr(rules, each.name)
            assert (list(default) if each.name == "waves" else default) == CONTROLS[each.name].default


@pytest.mark.parametrize("stranger", ["max_paralel", "MAX_PARALLEL", "self_healing", "canary "])
def test_rules_refuse_strangers(stranger: str) -> None:
    """不认识的控制参数不是悄悄丢掉，而是拒绝。"""
    with pytest.raises(InvalidInputError, match="不认识的控制参数"):
        FlowRules.of({stranger: 3}, self_healing=True)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("canary", "25%", "25%"),
        ("canary", " 5 % ", "5%"),
        ("canary", "2", 2),
        ("max_parallel", "100%", "100%"),
        ("max_parallel", 2000, 2000),
        ("waves", "1, 5, 25%, 100%", [1, 5, "25%", "100%"]),
        ("waves", [1, "5", "25%"], [1, 5, "25%"]),
        ("pause_between", "60", 60),
        ("max_failures", None, None),
    ],
)
def test_accepted(name: str, given: object, kept: object) -> None:
    """收下的写法，以及成为什么。"""
    assert validate_control({name: given}) == {name: kept}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("canary", "0%"),
        ("canary", "101%"),
        ("canary", "-1"),
        ("canary", "2.5%"),
        ("max_parallel", 0),
        ("max_parallel", 2001),
        ("max_parallel", True),
        ("max_failures", "50%"),
        ("ask_after", "10%"),
        ("waves", ""),
        ("waves", []),
        ("waves", "5, 5"),
        ("waves", "50%, 25%"),
        ("waves", "1, x"),
        ("waves", 3),
        ("pause_between", -1),
        ("pause_between", 86_401),
    ],
)
def test_refused(name: str, given: object) -> None:
    """拒绝的写法：错误里有参数的名字与规则。"""
    with pytest.raises(InvalidInputError, match=f"参数 {name} 的值 .*不合规则：应"):
        validate_control({name: given})


@pytest.mark.parametrize(
    ("control", "scope", "numbers"),
    [
        ({"canary": "25%"}, 8, {"canary": 2}),
        ({"canary": "10%"}, 8, {"canary": 1}),
        ({"canary": "25%"}, 10, {"canary": 3}),
        ({"max_parallel": "25%"}, 10, {"max_parallel": 2}),
        ({"max_parallel": "1%"}, 10, {"max_parallel": 1}),
        ({"max_parallel": "100%"}, 10_000, {"max_parallel": 2_000}),
        ({"waves": [1, 5, "25%", "100%"]}, 40, {"waves": [1, 5, 10, 40]}),
        ({"waves": [1, 5, "25%", "100%"]}, 8, {"waves": [1, 5, 8]}),
        ({"waves": [1, 50]}, 8, {"waves": [1, 8]}),
        ({"canary": 0, "force": True, "max_failures": None}, 8, {"canary": 0, "force": True, "max_failures": None}),
    ],
)
def test_shares_become_numbers(control: dict[str, Any], scope: int, numbers: dict[str, Any]) -> None:
    """份额按范围折成台数：灰度与分批往上取整，并发往下，至少一台。"""
    assert in_numbers(control, scope) == numbers
    rules = FlowRules.of(control, self_healing=True, scope=scope)
    assert all(getattr(rules, name) == value for name, value in numbers.items())


def test_every_kind_is_used() -> None:
    """没有多余的种类。"""
    assert {row.kind for row in CONTROLS.values()} == set(Kind)
