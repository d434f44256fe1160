"""自己掌舵时账本上的事：问策略，记下决定，接过来自检查点文件的运行。"""

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import AlreadyDecidedError
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.ledger import PLAN, Approval, Ledger, digest_of
from pam_deploy_graph.ledger.fold import PROGRESS_FIELDS
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.people import PeopleBook, open_people
from pam_deploy_graph.policy import Policy, bound_by, open_policy
from pam_deploy_graph.runs.actor import Actor, local_actor
from pam_deploy_graph.runs.deciding import Answered, refuse_request, settle_by_hand
from pam_deploy_graph.settings import Settings


@dataclass(frozen=True, slots=True)
class Helm:
    """掌舵的人与管着他的策略；没有策略文件就什么都许。"""

    ledger: Ledger
    policy: Policy
    people: PeopleBook | None
    actor: Actor

    @property
    def bound(self) -> dict[str, str]:
        """记在决定里的策略与账户文件。"""
        return bound_by(self.policy, self.people)

    @classmethod
    def of(cls, ledger: Ledger, settings: Settings) -> Self:
        """按设置打开策略与账户文件。

        Raises:
            InvalidInputError: 有一个读不懂。

        """
        people = open_people(settings.pam_people)
        return cls(ledger, open_policy(settings.pam_policy), people, local_actor(people, "agent", settings.sudo_user()))

    def first(
        self, work: Callable[[RunContext], Awaitable[None]], workstations: Callable[[AgentState], int]
    ) -> Callable[[RunContext], Awaitable[None]]:
        """返回先问策略（设了 ``PAM_POLICY`` 的）再做的流程；``workstations`` 说要动几台。"""

        async def asked_first(ctx: RunContext) -> None:
            """问过再做。"""
            self.refuse_to_act(ctx.state, workstations(ctx.state))
            await work(ctx)

        return asked_first

    def refuse_to_act(self, state: AgentState, workstations: int) -> None:
        """动手之前问策略：他可不可以提出，可不可以自己批准；动到工作站的，记下是他批准的。

        Raises:
            PolicyRefusedError: 不可以，已经记下。

        """
        if not self.policy.path:
            return
        refuse_request(self, state, self.actor)
        shown = {"run_id": state.run_id, "nonce": state.nonce, "workstations": workstations}
        going = self.settle(state, Answered(PLAN, digest_of(shown), Decision.APPROVE), workstations)
        if workstations:
            recorded(self.ledger, state.run_id, going)

    def settle(self, state: AgentState, answer: Answered, workstations: int = 1) -> Approval:
        """问策略，返回要记下的决定；不许的抛 ``PolicyRefusedError``。"""
        return settle_by_hand(self, state, answer, self.actor, workstations)


def recorded(ledger: Ledger, run_id: str, mine: Approval) -> Approval:
    """记下决定；别人已作了同样的决定而没来得及执行的，执行他的。"""
    try:
        return ledger.decide(run_id, mine)
    except AlreadyDecidedError:
        theirs = ledger.decision(run_id, mine.subject, mine.digest)
        if theirs is None or theirs.decision != mine.decision:
            raise
        return theirs


def adoption(ledger: Ledger, state: AgentState) -> dict[str, Any] | None:
    """账本里没有这次运行（例如检查点来自别处）时登记它，并把已有进度作为一个事件接过来。"""
    if ledger.exists(state.run_id):
        return None
    ledger.create_run(state)
    state.ledger_seq = 0
    return {"type": "RUN_ADOPTED", "progress": copy.deepcopy({name: getattr(state, name) for name in PROGRESS_FIELDS})}
