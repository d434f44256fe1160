"""该停的时候就停：从记下失败的那个事件起，账本里再没有新开工的工作站（contract 第 2 节 ``ask_after``）。"""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_deploy_graph.constants import IP_ACTION_SEQUENCE
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.flows.context import FlowRules, RunContext, failed_count, waiting_ips
from pam_deploy_graph.flows.dispatch import same_failures
from pam_deploy_graph.flows.rollout import Lookup, budget_spent, can_go_on, run_step
from pam_deploy_graph.ledger import Approval
from pam_deploy_graph.ledger.fold import apply
from pam_deploy_graph.ledger.rows import read_rows
from pam_deploy_graph.models import ActionResult, AgentState, Event
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.services import Services
from tests.graph.desk import PARAMS

IPS = [f"10.0.0.{n}" for n in range(1, 11)]
ACTIONS = ["query-ip", *IP_ACTION_SEQUENCE]
STARTS = ("IP_START", "IP_SKIPPED")

CALLS = [(ip, action) for ip in IPS for action in ACTIONS]
faults = st.dictionaries(st.sampled_from(IPS), st.sampled_from(ACTIONS), min_size=1, max_size=8)
latencies = st.randoms().map(lambda dice: {call: dice.choice([0, 0, 0, 2, 20]) for call in CALLS})
controls = st.fixed_dictionaries(
    {"max_parallel": st.sampled_from([1, 2, 3, 6]), "ask_after": st.integers(1, 4)},
    optional={"max_failures": st.integers(1, 5), "canary": st.integers(1, 3)},
)


class SlowFake(FakeActionRunner):
    """每台每个动作各有自己的快慢（毫秒）的假后端。"""

    def __init__(self, latency: dict[tuple[str, str], int]) -> None:
        """没有写的不慢。"""
        super().__init__(online_ips=IPS)
        self._latency = latency

    async def arun_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """先等，再答。"""
        await anyio.sleep(self._latency.get((kwargs.get("ip", ""), action), 0) / 1000)
        return self.run_action(state, action, **kwargs)


@settings(max_examples=8, deadline=None)
@given(bad=faults, latency=latencies, control=controls)
def test_no_workstation_starts_after_what_stops_dispatch(
    bad: dict[str, str], latency: dict[tuple[str, str], int], control: dict[str, Any]
) -> None:
    """任何故障、快慢与并发：照账本的行号看，每一台开工之前都还没到该停的时候。"""
    fake = SlowFake(latency)
    for ip, action in bad.items():
        fake.fail(action, ip)
    with tempfile.TemporaryDirectory() as folder:
        services = Services(home=Path(folder), given_router=fake)
        try:
            rows, rules = _rolled_out(services, control)
        finally:
            services.close()
    assert sum(event["type"] in STARTS for row in rows for event in row) >= 1
    state = AgentState("r", dict(PARAMS), "fake")
    for row in rows:
        if any(event["type"] in STARTS for event in row):
            assert len(waiting_ips(state)) < rules.ask_after
            assert not budget_spent(state, rules), failed_count(state)
            assert not same_failures(state)
        for event in row:
            apply(state, event)


def _rolled_out(services: Services, control: dict[str, Any]) -> tuple[list[list[Event]], FlowRules]:
    """推到底：问到的一律保持现状；返回账本的各行与用的规则。"""
    request = RunRequest(PARAMS, "fake", "r", services.home, control_params=control, target_ips=IPS)
    register(services.ledger, request)
    state = services.drive("r", _online)
    rules = FlowRules.of(state.control_params, self_healing=True)
    while can_go_on(state, rules):
        state = services.drive("r", _step(_undecided))
        state = services.drive("r", _step(_rejected))
    return [row for _, row in read_rows(services.ledger.engine, services.ledger.get_run("r").run_no)], rules


async def _online(ctx: RunContext) -> None:
    """十台都在线。"""
    values = {"IP": IPS, "AIRPORT_CODE": "PEK"}
    await ctx.session.append({"type": "ACTION_DONE", "stage": "get-online-ips", "values": values})


async def _undecided(_ip: str, _digest: str) -> Approval | None:
    """还没有人决定。"""
    return None


async def _rejected(ip: str, digest: str) -> Approval | None:
    """一律保持现状。"""
    return Approval(ip, digest, "reject", "op", "", 0)


def _step(decision_of: Lookup) -> Callable[[RunContext], Awaitable[None]]:
    """照这些决定走一步。"""

    async def work(ctx: RunContext) -> None:
        """一步。"""
        await run_step(ctx, decision_of)

    return work


def test_the_log_of_a_failure_holds_nothing_up_and_lets_nothing_through() -> None:
    """取日志慢的时候：失败一记下就不再开新的，不等日志回来。"""
    fake = SlowFake({("10.0.0.1", "download-log"): 300})
    fake.fail("deploy-ip", "10.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        services = Services(home=Path(folder), given_router=fake)
        request = RunRequest(PARAMS, "fake", "r", services.home, control_params={"max_parallel": 2}, target_ips=IPS)
        register(services.ledger, request)
        services.drive("r", _online)
        state = services.drive("r", _step(_undecided))
        services.close()
    assert list(state.ip_states) == ["10.0.0.1", "10.0.0.2"]
