"""路由与后端的约定（contract 第 3 节）。"""

import asyncio
from typing import Any

import pytest

from pam_deploy_graph.action_router import ActionBackend, ActionRouter, call_backend
from pam_deploy_graph.constants import ACTIONS, build_action_backends
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.models import ActionResult, AgentState
from tests.patience import patience


class Named:
    """记下收到什么的后端；应答带齐应有的键。"""

    def __init__(self, name: str) -> None:
        """后端名。"""
        self.name = name
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """照单回答。"""
        self.calls.append((action, kwargs))
        return ActionResult(True, action, self.name, dict.fromkeys(ACTIONS[action].gives, "x"))


class Empty:
    """说成功而什么也不给的后端。"""

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """空的应答。"""
        return ActionResult(True, action, "fake")


class Broken:
    """总是抛异常的后端。"""

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """抛异常。"""
        raise ConnectionError("线断了")


def _state(strategy: str) -> AgentState:
    """这种策略的状态。"""
    return AgentState("r1", {}, strategy, build_action_backends(strategy))


def _router() -> tuple[ActionRouter, dict[str, Named]]:
    """三个后端都在的路由。"""
    runners = {name: Named(name) for name in ("script", "mcp", "fake")}
    router = ActionRouter(script_runner=runners["script"], mcp_runner=runners["mcp"], fake_runner=runners["fake"])
    return router, runners


@pytest.mark.parametrize("strategy", ["hybrid_node_mcp", "script_only", "fake"])
@pytest.mark.parametrize("action", ACTIONS)
async def test_each_action_goes_to_its_backend(action: str, strategy: str) -> None:
    """每个动作只到策略指定的那个后端，参数原样转交，同步与异步一样。"""
    router, runners = _router()
    state = _state(strategy)
    for result in (
        router.run_action(state, action, ip="10.0.0.1", note=1),
        await router.arun_action(state, action, ip="10.0.0.1", note=1),
    ):
        assert (result.ok, result.action, result.backend) == (True, action, state.action_backends[action])
    assert runners[state.action_backends[action]].calls == [(action, {"ip": "10.0.0.1", "note": 1})] * 2
    assert sum(len(runner.calls) for runner in runners.values()) == 2


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_answer_without_the_keys_it_owes_is_a_failure(action: str) -> None:
    """说成功而缺应有的键，就是失败；消息写出缺的每一个键。"""
    router = ActionRouter(fake_runner=Empty())
    for result in (router.run_action(_state("fake"), action), await router.arun_action(_state("fake"), action)):
        assert not result.ok
        assert all(key in result.error_summary for key in ACTIONS[action].gives)


async def test_a_backend_that_is_not_there() -> None:
    """没有配置的后端：失败并写出动作与后端，不会换一个后端去做。"""
    others = Named("script"), Named("fake")
    router = ActionRouter(script_runner=others[0], fake_runner=others[1])
    state = _state("hybrid_node_mcp")
    for result in (router.run_action(state, "deploy-ip"), await router.arun_action(state, "deploy-ip")):
        assert not result.ok
        assert not result.in_doubt
        assert "deploy-ip" in result.error_summary
        assert "mcp" in result.error_summary
    assert [other.calls for other in others] == [[], []]


def test_an_unknown_action_is_a_failure() -> None:
    """动作表里没有的动作：没有后端接，失败。"""
    router, _ = _router()
    assert not router.run_action(_state("fake"), "format-disk").ok


def test_the_state_decides_each_time() -> None:
    """调用者改了 ``action_backends``，下一次就按新的走。"""
    router, runners = _router()
    state = _state("fake")
    state.action_backends["stop-ip"] = "mcp"
    router.run_action(state, "stop-ip", ip="10.0.0.1")
    assert (len(runners["mcp"].calls), len(runners["fake"].calls)) == (1, 0)


@pytest.mark.parametrize("backend", [ActionRouter(), FakeActionRunner(), Named("x")])
def test_what_a_backend_is(backend: object) -> None:
    """有 ``run_action`` 的就是后端，路由自己也是。"""
    assert isinstance(backend, ActionBackend)


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_exception_is_a_failed_result(action: str) -> None:
    """后端抛异常：会改变外界的是结果未知，只读的是失败；消息写出原因。"""
    for backend in (Broken(), ActionRouter(fake_runner=Broken())):
        result = await call_backend(backend, _state("fake"), action)
        assert (result.ok, result.in_doubt) == (False, ACTIONS[action].changes)
        assert "线断了" in result.error_summary


async def test_a_synchronous_backend_does_not_block_the_loop() -> None:
    """只有同步接口的后端在工作线程里跑，事件循环照转。"""
    started, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Waiting(Named):
        """等放行的后端。"""

        def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
            """告诉循环已经开始，等它放行。"""
            loop.call_soon_threadsafe(started.set)
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(timeout=patience(10))
            return super().run_action(state, action, **kwargs)

    task = asyncio.create_task(ActionRouter(fake_runner=Waiting("fake")).arun_action(_state("fake"), "stop-ip"))
    await asyncio.wait_for(started.wait(), patience(10))
    release.set()
    assert (await task).ok


def test_router_takes_keywords_only() -> None:
    """三个后端按名字给，不按位置。"""
    positional: Any = ActionRouter
    with pytest.raises(TypeError):
        positional(FakeActionRunner())
