"""一波：同时推进若干工作站，做完一台补一台；满足停止条件、或到了时候，就不再开新的。"""

from collections import deque
from collections.abc import Iterable
from itertools import takewhile
from typing import Final

import anyio

from pam_deploy_graph.constants import IpStatus
from pam_deploy_graph.flows.context import RunContext, failed_count, waiting_ips
from pam_deploy_graph.flows.diagnosis import cause_of
from pam_deploy_graph.flows.step_time import StepTime
from pam_deploy_graph.flows.workstation import run_workstation
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.system.task_group import task_group

SAME_FAILURES: Final = 3
"""接连几台同样的失败就不再开新的。"""


class Dispatcher:
    """决定下一台是谁；计数随记下失败的那个事件走，不等它的日志取回来，也不必每次扫描全部工作站。"""

    def __init__(self, ctx: RunContext, fresh: Iterable[str]) -> None:
        """上次做到一半的排在最前，它们不受停止条件限制；说好了重试而还没有动手的随后，叫停了就不做。"""
        self._ctx = ctx
        unfinished = unfinished_ips(ctx.state)
        self._begun = deque(ip for ip in unfinished if "retrying" not in ctx.state.ip_states[ip])
        self._again = deque(ip for ip in unfinished if "retrying" in ctx.state.ip_states[ip])
        self._fresh = deque(fresh)
        self._waiting = len(waiting_ips(ctx.state))
        self._failed = failed_count(ctx.state)
        self._places: dict[str, int] = {}
        self._causes: dict[int, str] = {}
        self._stopped = bool(refused_ips(ctx.state))
        self._settled = settled_causes(ctx.state)
        self.step_time = StepTime(len(ctx.state.target_ips), ctx.rules.max_parallel, ctx.step_seconds)

    def next_ip(self) -> str | None:
        """返回下一台；没有了或不该再开时为 ``None``。"""
        ip = None
        if self._begun:
            ip = self._begun.popleft()
        elif not self.step_time.is_up():
            if self._again:
                ip = None if self._halted() else self._again.popleft()
            elif self._fresh and self.may_start():
                ip = self._fresh.popleft()
        if ip is not None:
            self._places[ip] = len(self._places)
        return ip

    def may_start(self) -> bool:
        """是否可以再开一台：没人要求停、等决定的不够多、失败没到上限、没有接连同样的失败。"""
        rules = self._ctx.rules
        if self._halted() or self._ctx.state.moved or self._waiting >= rules.ask_after:
            return False
        return rules.max_failures is None or self._failed < rules.max_failures

    def _halted(self) -> bool:
        """叫停了：有人要求，宿主或别的进程取消，令牌不行，或接连同样的失败。"""
        return self._stopped or self._ctx.stop_requested()

    def failed(self, ip: str) -> list[Event]:
        """又记下了一台的失败：立刻计数；接连同样的失败刚好攒够时，返回要一并记下的事件。"""
        self._waiting += 1
        self._failed += 1
        cause = cause_of(ip, self._ctx.state.ip_states[ip])
        if not self._ctx.rules.self_healing or self._stopped:
            return []
        if refused_ips(self._ctx.state):  # 令牌不行，再开多少台都一样：只问一次
            self._stopped = True
            return [{"type": "SAME_FAILURES", "cause": cause}]
        if cause in self._settled:
            return []
        self._stopped = self._in_a_row(self._places[ip], cause) >= SAME_FAILURES
        return [{"type": "SAME_FAILURES", "cause": cause}] if self._stopped else []

    def _in_a_row(self, place: int, cause: str) -> int:
        """记下一个失败，返回它与左右挨着的共几台是同一个毛病。

        按开工的次序看：同时推进许多台时，有结果的先后说明不了什么。
        """
        self._causes[place] = cause
        alike = [self._causes.get(place + step) == cause for step in range(1 - SAME_FAILURES, SAME_FAILURES)]
        before, after = reversed(alike[: SAME_FAILURES - 1]), alike[SAME_FAILURES:]
        return 1 + sum(1 for _ in takewhile(bool, before)) + sum(1 for _ in takewhile(bool, after))


async def run_wave(ctx: RunContext, fresh: Iterable[str]) -> None:
    """推进上次没做完的和 ``fresh`` 里的工作站，最多 ``max_parallel`` 台同时进行。

    Raises:
        LedgerError: 账本写不进去；其余进行中的一并停下，由恢复时查证。

    """
    dispatcher = Dispatcher(ctx, fresh)
    async with task_group() as group:
        for _ in range(ctx.rules.max_parallel):
            group.start_soon(_slot, ctx, dispatcher)


async def _slot(ctx: RunContext, dispatcher: Dispatcher) -> None:
    """一个并发位：一台接一台。"""
    while (ip := dispatcher.next_ip()) is not None:
        began = anyio.current_time()
        await run_workstation(ctx, ip, dispatcher)
        dispatcher.step_time.done(began)


def same_failures(state: AgentState) -> bool:
    """为接连同样的失败停了下来，而那个毛病还没有人决定：多半是版本或环境的问题，先问一次再说。"""
    if refused_ips(state):
        return True
    if not state.same_cause or state.same_cause in settled_causes(state):
        return False
    return any(cause_of(ip, state.ip_states[ip]) == state.same_cause for ip in waiting_ips(state))


def refused_ips(state: AgentState) -> set[str]:
    """等人决定的里面，因为令牌不行而没有做成的。"""
    return {ip for ip in waiting_ips(state) if state.ip_states[ip]["unauthorised"]}


def settled_causes(state: AgentState) -> set[str]:
    """已经有人决定过的毛病；同一个毛病只问一次，不再为它停下。"""
    decided = ((ip, w) for ip, w in state.ip_states.items() if w["failure_reason"] and not w.awaits_decision)
    return {cause_of(ip, workstation) for ip, workstation in decided}


def unfinished_ips(state: AgentState) -> list[str]:
    """返回开了工而没有结果的工作站（上次中断时进行中的）。"""
    return [ip for ip, workstation in state.ip_states.items() if workstation["status"] == IpStatus.RUNNING]


def fresh_ips(state: AgentState) -> list[str]:
    """返回还没开工的目标，按次序。"""
    return [ip for ip in state.target_ips if ip not in state.ip_states]
