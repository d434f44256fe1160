"""一波：同时推进若干工作站，做完一台补一台；满足停止条件就不再开新的。"""

from collections import deque
from collections.abc import Iterable

import anyio

from pam_deploy_graph.constants import IpStatus
from pam_deploy_graph.flows.context import RunContext, failed_count, waiting_ips
from pam_deploy_graph.flows.workstation import run_workstation
from pam_deploy_graph.models import AgentState


class Dispatcher:
    """决定下一台是谁；计数随结果更新，不必每次扫描全部工作站。"""

    def __init__(self, ctx: RunContext, fresh: Iterable[str]) -> None:
        """上次没做完的排在最前，它们不受停止条件限制。"""
        self._ctx = ctx
        self._unfinished = deque(unfinished_ips(ctx.state))
        self._fresh = deque(fresh)
        self._waiting = len(waiting_ips(ctx.state))
        self._failed = failed_count(ctx.state)

    def next_ip(self) -> str | None:
        """返回下一台；没有了或不该再开时为 ``None``。"""
        if self._unfinished:
            return self._unfinished.popleft()
        return self._fresh.popleft() if self._fresh and self.may_start() else None

    def may_start(self) -> bool:
        """是否可以再开一台：没人要求停、等决定的不够多、失败没到上限。"""
        rules = self._ctx.rules
        if self._ctx.stop_requested() or self._waiting >= rules.ask_after:
            return False
        return rules.max_failures is None or self._failed < rules.max_failures

    def count_failure(self) -> None:
        """又有一台失败。"""
        self._waiting += 1
        self._failed += 1


async def run_wave(ctx: RunContext, fresh: Iterable[str]) -> None:
    """推进上次没做完的和 ``fresh`` 里的工作站，最多 ``max_parallel`` 台同时进行。

    Raises:
        LedgerError: 账本写不进去；其余在途的一并停下，由恢复时查证。

    """
    dispatcher = Dispatcher(ctx, fresh)
    try:
        async with anyio.create_task_group() as group:
            for _ in range(ctx.rules.max_parallel):
                group.start_soon(_slot, ctx, dispatcher)
    except* Exception as errors:  # noqa: BLE001  任务组把异常包成一组；只取第一个原样抛出
        raise _first(errors) from None


async def _slot(ctx: RunContext, dispatcher: Dispatcher) -> None:
    """一个并发位：一台接一台。"""
    while (ip := dispatcher.next_ip()) is not None:
        if not await run_workstation(ctx, ip):
            dispatcher.count_failure()


def unfinished_ips(state: AgentState) -> list[str]:
    """返回开了工而没有结果的工作站（上次中断时在途的）。"""
    return [ip for ip, workstation in state.ip_states.items() if workstation["status"] == IpStatus.RUNNING]


def fresh_ips(state: AgentState) -> list[str]:
    """返回还没开工的目标，按次序。"""
    return [ip for ip in state.target_ips if ip not in state.ip_states]


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """取出异常组里的第一个真正的异常。"""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
