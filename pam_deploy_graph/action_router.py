"""动作路由：按状态里的「动作 -> 后端」把动作交给对应的 runner。

路由本身也是一个后端（有 ``run_action``），因此可以整个换掉。
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeGuard, runtime_checkable

from anyio import CapacityLimiter, to_thread

from pam_deploy_graph.constants import ACTIONS, MAX_IN_FLIGHT, Backend, ScriptExit, build_action_backends
from pam_deploy_graph.constants.backends import load_backend
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import ActionResult, AgentState

__all__ = [
    "ActionBackend",
    "ActionRouter",
    "build_action_backends",
    "call_backend",
    "end_run",
    "endpoints_of",
    "find_package",
]


@runtime_checkable
class ActionBackend(Protocol):
    """后端：任何有 ``run_action`` 的对象；另有 ``arun_action`` 协程者优先用它。"""

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """做一个动作并返回结果；意料之中的失败不抛异常。"""
        ...


class AsyncActionBackend(ActionBackend, Protocol):
    """另有协程接口的后端：不占线程。"""

    async def arun_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """同 ``run_action``，在事件循环里做。"""
        ...


class PackageFinder(ActionBackend, Protocol):
    """能在动手之前说出 HOME 有没有这个版本的后端。"""

    async def find_package(self, state: AgentState) -> ActionResult | None:
        """只查不传；说不准的为 ``None``。"""
        ...


class ActionRouter:
    """把每个动作交给策略指定的 runner；别人的后端按入口点的名字找到，用到才建。"""

    def __init__(
        self,
        *,
        script_runner: ActionBackend | None = None,
        mcp_runner: ActionBackend | None = None,
        fake_runner: ActionBackend | None = None,
        token: Callable[[], str] = lambda: "",
    ) -> None:
        """收下三种 runner，用不到的可以不给；``token`` 在建别人的后端时给出 PAM 的令牌。"""
        self._token = token
        self._runners: Final[dict[str, ActionBackend | None]] = {
            Backend.SCRIPT: script_runner,
            Backend.MCP: mcp_runner,
            Backend.FAKE: fake_runner,
        }

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """同步做一个动作。

        Args:
            state: 当前运行；用到 ``action_backends``、参数和配置文件路径。
            action: 动作名。
            **kwargs: ``ip``、``hash_code``、``stop_first``、``idempotency_key`` 等。

        Returns:
            结果；成功应答缺少应有的键时不算成功。

        """
        runner = self._runner(state, action)
        if isinstance(runner, ActionResult):
            return runner
        return _answer(action, runner.run_action(state, action, **kwargs))

    async def arun_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """异步做一个动作；只有同步接口的 runner 在工作线程里跑。"""
        runner = self._runner(state, action)
        if isinstance(runner, ActionResult):
            return runner
        return await call_backend(runner, state, action, **kwargs)

    async def find_package(self, state: AgentState) -> ActionResult | None:
        """问负责 ``upload-package`` 的后端：没有给出安装包时，HOME 有没有这个版本；它不会查就是 ``None``。"""
        runner = self._runner(state, "upload-package")
        return None if isinstance(runner, ActionResult) else await find_package(runner, state)

    def endpoints(self, state: AgentState) -> dict[str, str]:
        """这次运行的各个后端要用的地址与程序。"""
        names = dict.fromkeys(state.action_backends.values())
        return {key: value for name in names for key, value in _endpoints(self._runners.get(name), state).items()}

    def end_run(self, run_id: str) -> None:
        """这次运行结束了：让为它留着会话的 runner 关掉。"""
        for runner in self._runners.values():
            end_run(runner, run_id)

    def _runner(self, state: AgentState, action: str) -> ActionBackend | ActionResult:
        """找出负责的 runner；没有时返回说明原因的失败结果。"""
        name = state.action_backends.get(action, "")
        try:
            runner = self._runners.get(name) or self._other(name)
        except Exception as error:  # noqa: BLE001  别人写的，什么都可能抛出
            reason = tr(
                "{action} 要走的后端 {name} 建不起来：{kind}: {error}",
                action=action,
                name=name,
                kind=type(error).__name__,
                error=error,
            )
            return ActionResult.failure(action, name, reason, exit_code=ScriptExit.CONFIG)
        if runner is not None:
            return runner
        reason = tr(
            "{action} 要走的后端 {name} 没有配置；请检查策略 {execution_strategy}",
            action=action,
            name=name or tr("（未指定）"),
            execution_strategy=state.execution_strategy,
        )
        return ActionResult.failure(action, name, reason, exit_code=ScriptExit.CONFIG)

    def _other(self, name: str) -> ActionBackend | None:
        """建一个装着的别人的后端；没有这个名字的为 ``None``。"""
        factory = load_backend(name) if name and name not in self._runners else None
        if factory is not None:
            self._runners[name] = factory(self._token())
        return self._runners.get(name)


async def call_backend(backend: ActionBackend, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
    """异步调用任一后端；后端抛出的异常对会改变外界的动作而言是「结果未知」；进来的都遮过秘密。"""
    try:
        if _is_async(backend):
            return _answer(action, await backend.arun_action(state, action, **kwargs)).masked()
        found = await to_thread.run_sync(lambda: backend.run_action(state, action, **kwargs), limiter=_limiter())
        return _answer(action, found).masked()
    except Exception as error:  # noqa: BLE001  后端是别人写的，什么都可能抛出；一台的意外不能掀翻整批
        reason = tr("{action} 的后端出错：{kind}: {error}", action=action, kind=type(error).__name__, error=error)
        name = state.action_backends.get(action, "")
        doubt = ACTIONS[action].changes
        return ActionResult.failure(action, name, reason, in_doubt=doubt, exit_code=ScriptExit.UNKNOWN).masked()


def end_run(backend: object, run_id: str) -> None:
    """告诉一个后端这次运行结束了；不为运行留着什么的后端不必理会。"""
    if callable(ended := getattr(backend, "end_run", None)):
        ended(run_id)


async def find_package(backend: ActionBackend, state: AgentState) -> ActionResult | None:
    """查 HOME 有没有这个版本；不会查的后端为 ``None``。"""
    return await backend.find_package(state) if _finds(backend) else None


async def endpoints_of(backend: ActionBackend, state: AgentState) -> dict[str, str]:
    """这次运行接到哪里：节点的地址，加上后端说得出的（``PAM_`` 开头的是自己设置的，其余是 HOME 给出的）。"""
    named = await to_thread.run_sync(_endpoints, backend, state)
    return ({"NODE_URL": state.node_url} if state.node_url else {}) | named


def _endpoints(backend: object, state: AgentState) -> dict[str, str]:
    """一个后端要用的地址与程序；它不说就为空。"""
    tell = getattr(backend, "endpoints", None)
    return dict(tell(state)) if callable(tell) else {}


def _finds(backend: ActionBackend) -> TypeGuard[PackageFinder]:
    """这个后端会不会查。"""
    return inspect.iscoroutinefunction(getattr(type(backend), "find_package", None))


def _answer(action: str, found: object) -> ActionResult:
    """核对后端的应答：要是一个 ``ActionResult``，成功的要带齐动作表要求的键（contract 第 3 节）。

    别人写的后端可以有自己的结果类型：有 ``ok`` 与 ``values`` 就照它读。

    Raises:
        TypeError: 应答不是结果。

    """
    if isinstance(found, ActionResult):
        return found.checked()
    ok, values = getattr(found, "ok", None), getattr(found, "values", None)
    if not isinstance(ok, bool) or not isinstance(values, Mapping):
        raise TypeError(
            tr("{action} 的应答应为 ActionResult，得到的是 {kind}", action=action, kind=type(found).__name__)
        )
    backend, reason = getattr(found, "backend", ""), getattr(found, "error_summary", "")
    return ActionResult(ok, action, str(backend), dict(values), str(reason or "")).checked()


def _is_async(backend: ActionBackend) -> TypeGuard[AsyncActionBackend]:
    """这个后端有没有自己的协程接口；按类型记住，每次动作都要问。"""
    return _has_coroutine(type(backend))


@functools.cache
def _has_coroutine(kind: type) -> bool:
    """这种类型有没有 ``arun_action`` 协程。"""
    return inspect.iscoroutinefunction(getattr(kind, "arun_action", None))


@functools.cache
def _limiter() -> CapacityLimiter:
    """同步后端用的线程数上限；并发由 ``max_parallel`` 决定，这里只防失控。"""
    return CapacityLimiter(MAX_IN_FLIGHT)
