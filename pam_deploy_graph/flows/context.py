"""流程的上下文：写账本的会话、路由、规则。"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from typing import Any, Self

from pam_deploy_graph.action_router import ActionBackend
from pam_deploy_graph.constants import IpStatus
from pam_deploy_graph.flows.telemetry import Span, no_span
from pam_deploy_graph.ledger import RunSession
from pam_deploy_graph.models import AgentState


@dataclass(frozen=True, slots=True)
class FlowRules:
    """一次运行的规则（contract 第 2 节控制参数）。

    ``hold`` 是灰度做完之后观察的秒数；``confirm_canary`` 为真时灰度之后再请人批准其余的；
    ``force`` 为真时已在目标版本上的也重做。

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

    @classmethod
    def of(cls, control: dict[str, Any], *, self_healing: bool) -> Self:
        """从控制参数取规则；没给的用默认值。"""
        names = {each.name for each in fields(cls)}
        given = {name: value for name, value in control.items() if name in names and value is not None}
        return cls(self_healing=self_healing, **given)


@dataclass(slots=True)
class RunContext:
    """一段流程所需的一切；``stop_requested`` 由外面给，返回真即不再开新工作站。

    ``secret`` 是令牌，只用来把它从应答里抹掉；``after_step`` 在每个全局步骤落盘之后调用。
    """

    session: RunSession
    router: ActionBackend
    rules: FlowRules = field(default_factory=FlowRules)
    stop_requested: Callable[[], bool] = lambda: False
    span: Span = no_span
    secret: str = ""
    after_step: Callable[[], None] = lambda: None

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


def waiting_ips(state: AgentState) -> list[str]:
    """返回正等人决定的工作站，按开工次序。"""
    return [ip for ip, workstation in state.ip_states.items() if workstation.awaits_decision]


def failed_count(state: AgentState) -> int:
    """返回失败或结果未知的台数。"""
    return sum(w["status"] in (IpStatus.FAILED, IpStatus.IN_DOUBT) for w in state.ip_states.values())
