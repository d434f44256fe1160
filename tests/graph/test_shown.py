"""图怎样给人看：每条条件边写着何时走；输入的模式与检查同出一源（contract 第 2、5 节）。"""

from itertools import pairwise
from typing import Any

import pytest

from pam_deploy_graph.constants import CONTROLS, ExecutionStrategy
from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.inputs.parameters import DeployParams

MOST_EDGES = 20


def test_it_reads_straight_down() -> None:
    """收起来看不过二十条边，主线逐个往下；展开看得见旁的话与一步里面，里面的都不停下来问人。"""
    graph = build_graph()
    edges = graph.get_graph().edges
    assert len(edges) <= MOST_EDGES
    line = ["intent", "params", "plan", "approve-plan", "global-flow", "ip-flow", "rollback-confirm"]
    assert {*pairwise(line)} <= {(edge.source, edge.target) for edge in edges}
    inside = {name: [*inner.get_graph().nodes] for name, inner in graph.get_subgraphs()}
    assert inside["talk"] == ["__start__", "amend", "recall", "answer", "__end__"]
    assert inside["ip-flow"] == ["__start__", "wave", "judge", "__end__"]
    assert {"talk:answer", "ip-flow:wave"} <= {*graph.get_graph(xray=True).nodes}


@pytest.mark.parametrize("xray", [False, True])
def test_every_way_is_labelled(*, xray: bool) -> None:
    """一个节点出去的各条路，说法各不相同。"""
    ways = [edge for edge in build_graph().get_graph(xray=xray).edges if edge.conditional]
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
