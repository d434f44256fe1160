"""图怎样给人看：每条条件边写着何时走；输入的模式与检查同出一源（contract 第 2、5 节）。"""

from typing import Any

from pam_deploy_graph.constants import CONTROLS, ExecutionStrategy
from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.inputs.parameters import DeployParams


def test_every_way_is_labelled() -> None:
    """一个节点出去的各条路，说法各不相同。"""
    ways = [edge for edge in build_graph().get_graph().edges if edge.conditional]
    assert all(edge.data for edge in ways)
    assert len({(edge.source, edge.data) for edge in ways}) == len(ways)


def test_the_form_has_what_is_checked() -> None:
    """表单里恰是检查得了的键，各有说明；没有一个空的默认值。"""
    given: dict[str, Any] = build_graph().get_input_jsonschema()["properties"]
    params, control = given["params"]["properties"], given["control"]["properties"]
    assert set(params) == set(DeployParams.model_fields)
    assert set(control) == {name for name, row in CONTROLS.items() if row.help}
    every = [*params.values(), *control.values()]
    assert all(one["description"] for one in every)
    assert "" not in [one.get("default") for one in every]
    assert "default" not in params["PAM_HOME_URL"]
    assert control["execution_strategy"]["enum"] == [*ExecutionStrategy]
