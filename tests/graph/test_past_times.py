"""预计用时：同一个应用与模块从前每台用了多久的中位数；没有做完过的就是不知道。"""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.runs.past_times import expected_time
from tests.graph.desk import IPS, PARAMS, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """做完过一次的桌子。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.begin()
    desk.answer("approve")
    return desk


@pytest.mark.parametrize(
    ("control", "rounds"),
    [({}, 10), ({"max_parallel": 4}, 3), ({"max_parallel": 4, "canary": 2}, 3), ({"waves": [1, 5, 10]}, 10)],
)
def test_rounds(desk: Desk, control: dict[str, Any], rounds: int) -> None:
    """总的时间是几轮乘以每台的中位数；这里的时间由记下的事件得出。"""
    state = desk.services.state_of(desk.values()["run_id"])
    state.run_id = "another"
    known = expected_time(desk.services.ledger, state, 10, control)
    assert known is not None
    assert (known.workstations, known.total_ms) == (len(IPS), known.each_ms * rounds)


@pytest.mark.parametrize("other", [{"APP_NAME": "boarding"}, {"MODULE_NAME": "kiosk"}])
def test_unlike_runs_say_nothing(desk: Desk, other: dict[str, str]) -> None:
    """别的应用、别的模块做过的，说明不了什么：不知道。"""
    state = desk.services.state_of(desk.values()["run_id"])
    state.run_id, state.params = "another", PARAMS | other
    assert expected_time(desk.services.ledger, state, 10, {}) is None
