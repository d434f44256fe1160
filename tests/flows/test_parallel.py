"""控制参数下的逐台流程：``max_parallel``、``ask_after``、``max_failures``（contract 第 2、6 节）。"""

import threading
import time
from collections import Counter
from typing import Any

import anyio
import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.models import ActionResult, AgentState
from tests.agent.rig import Rig, event_types, folded
from tests.patience import patience

MANY = [f"10.0.0.{n}" for n in range(1, 13)]
LAST_STEP = "download-log"


class Slow(FakeActionRunner):
    """每个工作站动作要等一会儿的假后端；``peak`` 是同时进行中的最多台数。"""

    def __init__(self) -> None:
        """十二台在线。"""
        super().__init__(online_ips=list(MANY))
        self.flying: set[str] = set()
        self.peak = 0

    async def arun_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """等待期间让别的工作站推进。"""
        if ip := kwargs.get("ip"):
            self.flying = {one for one, w in state.ip_states.items() if w.status == "RUNNING"}
            self.peak = max(self.peak, len(self.flying))
            await anyio.sleep(0.001 if ip != MANY[0] else 0.02)
        return self.run_action(state, action, **kwargs)


@pytest.fixture
def slow(rig: Rig) -> Rig:
    """十二台、每步都要等的台架。"""
    return Rig(Slow())


def _peak(rig: Rig) -> int:
    """同时进行中的最多台数。"""
    assert isinstance(rig.fake, Slow)
    return rig.fake.peak


@pytest.mark.parametrize(("control", "peak"), [({}, 1), ({"max_parallel": 4}, 4), ({"max_parallel": 50}, 12)], ids=str)
def test_so_many_are_in_flight(control: dict[str, int], peak: int, slow: Rig) -> None:
    """进行中的台数恰好到 ``max_parallel``（默认一台），每台每步各做一次。"""
    state = slow.agent.run_deploy_flow(slow.state(run_id="r1", control_params=control))
    assert _peak(slow) == peak
    assert set(Counter(call for call in slow.calls if call[1]).values()) == {1}
    assert [w.status for w in state.ip_states.values()] == ["SUCCESS"] * 12
    assert folded("r1").ip_states == state.ip_states


def test_slots_refill(slow: Rig) -> None:
    """做完一台就补一台，不等整批：最慢的那台还在做，第三台已经开工。"""
    slow.agent.run_deploy_flow(slow.state(control_params={"max_parallel": 2}))
    assert slow.calls.index(("stop-ip", MANY[2])) < slow.calls.index((LAST_STEP, MANY[0]))


def test_synchronous_backends_run_in_parallel_too(rig: Rig) -> None:
    """只有同步接口的后端也能同时做几台，互不等待。"""
    barrier = threading.Barrier(3, timeout=patience(10))
    inner = rig.fake

    class Together:
        """三台都到了才放行的后端。"""

        def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
            """在 ``stop-ip`` 处会合。"""
            if action == "stop-ip":
                barrier.wait()
            return inner.run_action(state, action, **kwargs)

    agent = PamDeployAgent(fake_runner=Together())
    state = rig.state(control_params={"max_parallel": 3})
    agent.run_deploy_flow(state)
    assert {w.status for w in state.ip_states.values()} == {"SUCCESS"}


def test_in_flight_finish_when_one_fails(slow: Rig) -> None:
    """一台失败：不再开新的，进行中的做完，然后问人。"""
    slow.fake.fail("stop-ip", MANY[1])
    state = slow.agent.run_deploy_flow(slow.state(run_id="r1", control_params={"max_parallel": 3}))
    assert set(state.ip_states) == set(MANY[:3])
    assert Counter(w.status for w in state.ip_states.values()) == {"SUCCESS": 2, "FAILED": 1}
    assert state.pending_confirmation == f"rollback-ip:{MANY[1]}"


@pytest.mark.parametrize(("ask_after", "started"), [(1, 1), (2, 2)])
def test_ask_after(ask_after: int, started: int, rig: Rig) -> None:
    """等决定的够 ``ask_after`` 台才停下来问；之前的失败不妨碍后面的开工。"""
    rig.fake.online_ips = list(MANY)
    rig.fake.fail("deploy-ip")
    state = rig.agent.run_deploy_flow(rig.state(control_params={"ask_after": ask_after}))
    assert list(state.ip_states) == MANY[:started]
    assert state.pending_confirmation == f"rollback-ip:{MANY[0]}"


def test_fewer_failures_than_ask_after_are_asked_at_the_end(rig: Rig) -> None:
    """失败不够 ``ask_after`` 台：做完别的再问，不会不问。"""
    rig.fake.fail("deploy-ip", "10.0.0.2")
    state = rig.agent.run_deploy_flow(rig.state(control_params={"ask_after": 9}))
    assert [w.status for w in state.ip_states.values()] == ["SUCCESS", "FAILED", "SUCCESS"]
    assert state.pending_confirmation == "rollback-ip:10.0.0.2"


def test_those_waiting_are_asked_one_by_one(rig: Rig) -> None:
    """几台都在等：一台一台问，问完之前不开新的，每台恰好问一次。"""
    rig.fake.online_ips = list(MANY)
    rig.fake.fail("deploy-ip", times=3)
    state = rig.agent.run_deploy_flow(rig.state(control_params={"ask_after": 3}))
    asked: list[str] = []
    while state.pending_confirmation and len(asked) < 3:
        asked.append(rig.agent.build_confirmation_request(state)["ip"])
        rig.agent.confirm_pending(state, approved=len(asked) % 2 == 0)
        assert len(state.ip_states) == 3
        if len(asked) < 3:
            rig.agent.run_ip_flow(state)
    assert asked == MANY[:3]
    rig.agent.run_ip_flow(state)
    assert Counter(w.status for w in state.ip_states.values()) == {"SUCCESS": 9, "FAILED": 3}
    assert (event_types(state).count("CONFIRMATION_REQUIRED"), state.pending_confirmation) == (3, "")


def test_max_failures_stops_for_good(rig: Rig) -> None:
    """失败满 ``max_failures`` 台：决定做完也不再开新的。"""
    rig.fake.online_ips = list(MANY)
    rig.fake.fail("deploy-ip")
    state = rig.agent.run_deploy_flow(rig.state(control_params={"max_failures": 2}))
    for _ in range(4):
        if state.pending_confirmation:
            rig.agent.confirm_pending(state, approved=True)
        rig.agent.run_deploy_flow(state)
    assert list(state.ip_states) == MANY[:2]
    assert {w.rollback_status for w in state.ip_states.values()} == {"ROLLBACK_DONE"}
    assert state.pending_confirmation == ""


def test_without_max_failures_it_goes_to_the_end(rig: Rig) -> None:
    """没有 ``max_failures``：全部失败也一台一台问到底。"""
    rig.fake.fail("stop-ip")
    state = rig.agent.run_deploy_flow(rig.state())
    while state.pending_confirmation:
        rig.agent.confirm_pending(state, approved=False)
        rig.agent.run_ip_flow(state)
    assert [w.rollback_status for w in state.ip_states.values()] == ["REJECTED_BY_OPERATOR"] * 3


def test_one_run_is_driven_by_one_thread_at_a_time(slow: Rig) -> None:
    """同一个状态被几个线程同时推进：每一步仍只做一次，其余的被告知有人在做。"""
    state = slow.ready(control_params={"max_parallel": 2})
    problems: list[str] = []

    def drive() -> None:
        """推进一次，记下遇到的问题。"""
        try:
            slow.agent.run_ip_flow(state)
        except Exception as error:  # noqa: BLE001 —— 记下来由主线程断言
            problems.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=drive) for _ in range(4)]
    for thread in threads:
        thread.start()
        time.sleep(0.005)
    for thread in threads:
        thread.join()
    assert set(Counter(slow.calls).values()) == {1}
    assert all(problem.startswith("RunHeldError") for problem in problems)
    assert {w.status for w in state.ip_states.values()} == {"SUCCESS"}
