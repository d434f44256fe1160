"""流程的上下文：写账本的会话、路由、规则。"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import anyio

from pam_deploy_graph.action_router import ActionBackend
from pam_deploy_graph.constants import CONTROLS, IpStatus
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.flows.telemetry import Span, no_span
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.shares import in_numbers
from pam_deploy_graph.inputs.targeting import scope_size
from pam_deploy_graph.ledger import Approval, RunSession
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.system.safe_text import show_value


@dataclass(frozen=True, slots=True)
class FlowRules:
    """一次运行的规则：管流程的控制参数，各行的意思见 ``constants.controls``；份额都已折成台数。

    ``self_healing`` 为真时做规定动作之外的事：开工前查询、结果未知时先查证、没送出去的重试
    （图与命令行用）；为假时一步不多（``PamDeployAgent`` 用，contract 第 6 节）。
    """

    self_healing: bool = False
    max_parallel: int = 1
    ask_after: int = 1
    max_failures: int | None = None
    canary: int = 0
    hold: int = 0
    confirm_canary: bool = False
    force: bool = False
    waves: Sequence[int] = ()
    pause_between: int = 0

    @classmethod
    def of(cls, control: Mapping[str, Any], *, self_healing: bool, scope: int = 0) -> Self:
        """从控制参数取规则；没给的用默认值。

        Args:
            control: 检查过的控制参数。
            self_healing: 做不做规定动作之外的事。
            scope: 范围里有几台，份额按它折成台数。

        Raises:
            InvalidInputError: 有不认识的控制参数；悄悄丢掉就等于没有照要求做。

        """
        if strange := [name for name in control if name not in CONTROLS]:
            known = tr("、").join(CONTROLS)
            raise InvalidInputError(
                tr(
                    "不认识的控制参数 {strange}：可用的是 {known}",
                    strange=tr("、").join(map(show_value, strange)),
                    known=known,
                )
            )
        names = {each.name for each in fields(cls)}
        numbers = in_numbers(control, scope)
        given = {name: value for name, value in numbers.items() if name in names and value is not None}
        return cls(self_healing=self_healing, **given)

    @classmethod
    def of_run(cls, state: AgentState, *, self_healing: bool) -> Self:
        """一次运行此刻的规则。"""
        return cls.of(state.control_params, self_healing=self_healing, scope=scope_size(state))


@dataclass(slots=True)
class RunContext:
    """一段流程所需的一切；``stop_requested`` 由外面给，返回真即不再开新工作站；``paused`` 只说人要停一停。

    ``after_step`` 在每个全局步骤落盘之后调用；``node_allow`` 是 ``PAM_NODE_ALLOW`` 的各项，
    ``also_bound`` 是批准一并管着的其他设置（策略、账户文件、``PAM_NODE_ALLOW``），
    ``held`` 说一个键出自的运行在不在这份账本里，``vet`` 说明账本里的一个决定为什么不合策略，合的为空串。
    """

    session: RunSession
    router: ActionBackend
    rules: FlowRules = field(default_factory=FlowRules)
    stop_requested: Callable[[], bool] = lambda: False
    span: Span = no_span
    after_step: Callable[[], None] = lambda: None
    node_allow: Sequence[str] = ()
    also_bound: Mapping[str, str] = field(default_factory=dict)
    held: Callable[[str], bool] = lambda _key: True
    paused: Callable[[], bool] = lambda: False
    vet: Callable[[AgentState, Approval], str] = lambda _state, _approval: ""
    lookup: anyio.Lock = field(default_factory=anyio.Lock)
    step_seconds: float = math.inf
    """一步最长开新的几秒；宿主的作业有时限的才有。"""
    looked_up_at: float = -math.inf
    """NODE 连不上时问 HOME 它在哪里：一次一个，隔一会儿才再问。"""

    @property
    def state(self) -> AgentState:
        """当前运行的状态。"""
        return self.session.state


def record(kind: str, **fields: Any) -> Callable[[RunContext], Awaitable[None]]:
    """返回只记一个事件的流程。"""

    async def work(ctx: RunContext) -> None:
        """记下并等它落盘。"""
        await ctx.session.append({"type": kind, **fields})

    return work


async def wait(ctx: RunContext, seconds: int) -> bool:
    """等够这么久为真；中途被要求停下为假。"""
    deadline = anyio.current_time() + seconds
    while (left := deadline - anyio.current_time()) > 0:
        if ctx.stop_requested():
            return False
        await anyio.sleep(min(left, 0.5))
    return True


def waiting_ips(state: AgentState) -> list[str]:
    """返回正等人决定的工作站，按开工次序。"""
    return [ip for ip, workstation in state.ip_states.items() if workstation.awaits_decision]


def failed_count(state: AgentState) -> int:
    """返回失败或结果未知的台数。"""
    return sum(w["status"] in (IpStatus.FAILED, IpStatus.IN_DOUBT) for w in state.ip_states.values())
