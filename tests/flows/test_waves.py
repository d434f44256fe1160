"""分批：``waves``、``pause_between`` 与百分比（contract 第 2 节），手动驾驶时。"""

from typing import Any

import pytest

from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.models import AgentState
from tests.agent.rig import Rig

EIGHT = [f"10.0.0.{n}" for n in range(1, 9)]


@pytest.fixture
def fleet(home: object) -> Rig:
    """八台在线的工作站。"""
    return Rig(FakeActionRunner(online_ips=list(EIGHT)))


def waves(state: AgentState) -> list[int]:
    """每一批开了几台：以 ``WAVE_DONE`` 与灰度放行为界。"""
    counts = [0]
    for event in state.events:
        counts[-1] += event["type"] == "IP_START"
        if event["type"] in ("WAVE_DONE", "CANARY_RELEASED"):
            counts.append(0)
    return counts


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ({}, [8]),
        ({"waves": [1, 5, "100%"]}, [1, 4, 3]),
        ({"waves": [1, "25%"]}, [1, 1, 6]),
        ({"waves": [2, 4], "canary": 2}, [2, 2, 4]),
        ({"waves": [1, 4], "canary": 2}, [2, 2, 4]),
        ({"canary": "25%"}, [2, 6]),
        ({"max_parallel": "50%"}, [8]),
    ],
)
def test_each_wave_is_done_before_the_next(fleet: Rig, control: dict[str, Any], expected: list[int]) -> None:
    """一批做完才做下一批，最后都做完。"""
    state = fleet.agent.run_deploy_flow(fleet.state(control_params=control))
    assert waves(state) == expected
    assert {w["status"] for w in state.ip_states.values()} == {"SUCCESS"}
    assert list(state.ip_states) == EIGHT


def test_a_pause_lies_between(fleet: Rig) -> None:
    """没有说分批的，以 ``max_parallel`` 台为一批，批与批之间停够时候；最后一批之后不停。"""
    control = {"max_parallel": 4, "pause_between": 1}
    state = fleet.agent.run_deploy_flow(fleet.state(control_params=control))
    pauses = [event for event in state.events if event["type"] == "WAVE_PAUSE"]
    done = [event for event in state.events if event["type"] == "WAVE_DONE"]
    assert [(event["done"], event["seconds"]) for event in pauses] == [(4, 1)]
    assert done[0]["at"] - pauses[0]["at"] >= 1000
    assert waves(state) == [4, 4]


def test_a_failure_is_asked_about_before_the_pause(fleet: Rig) -> None:
    """一批里有一台失败：先问人，不先停；答完再停、再做下一批。"""
    fleet.fake.fail("verify-ip", EIGHT[1], times=1)
    state = fleet.agent.run_deploy_flow(fleet.state(control_params={"waves": [2], "pause_between": 1}))
    assert state.pending_confirmation == f"rollback-ip:{EIGHT[1]}"
    assert not [event for event in state.events if event["type"].startswith("WAVE_")]
    fleet.agent.confirm_pending(state, approved=False)
    state = fleet.agent.run_ip_flow(state)
    assert waves(state) == [2, 6]
    assert len(state.ip_states) == len(EIGHT)
