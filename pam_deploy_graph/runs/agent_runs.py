"""自己掌舵时账本上的事：问策略，记下决定，接过来自检查点文件的运行。"""

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from pam_deploy_graph.constants import Ask, Decision, IpStatus
from pam_deploy_graph.errors import AlreadyDecidedError, ConfirmationError, InvalidInputError
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.rollback_question import question_digest, question_of
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import canonical_ip
from pam_deploy_graph.ledger import PLAN, Approval, Ledger, digest_of
from pam_deploy_graph.ledger.fold import PROGRESS_FIELDS
from pam_deploy_graph.models import AgentState, IpState
from pam_deploy_graph.runs.actor import Actor, local_actor
from pam_deploy_graph.runs.deciding import Answered, refuse_request, settle_by_hand
from pam_deploy_graph.runs.site_rules import Site
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.safe_text import show_value


@dataclass(frozen=True, slots=True)
class Helm:
    """掌舵的人与管着他的策略；没有策略文件就什么都许。"""

    site: Site
    actor: Actor

    @classmethod
    def of(cls, ledger: Ledger, settings: Settings) -> Self:
        """按设置打开策略与账户文件。

        Raises:
            InvalidInputError: 有一个读不懂。

        """
        site = Site.read(ledger, settings)
        return cls(site, local_actor(site.people, "agent", settings.sudo_user()))

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
        if not self.site.policy.path:
            return
        refuse_request(self.site, state, self.actor)
        shown = {"run_id": state.run_id, "nonce": state.nonce, "workstations": workstations}
        going = self.settle(state, Answered(PLAN, digest_of(shown), Decision.APPROVE), workstations)
        if workstations:
            recorded(self.site.ledger, state.run_id, going)

    def settle(self, state: AgentState, answer: Answered, workstations: int = 1) -> Approval:
        """问策略，返回要记下的决定；不许的抛 ``PolicyRefusedError``。"""
        return settle_by_hand(self.site, state, answer, self.actor, workstations)


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


def question_asked(state: AgentState) -> dict[str, Any]:
    """正等着的问题；上次回滚没有成功的，原因写在前面。"""
    asked = question_of(state, ip := pending_ip(state))
    if why := state.ip_states.get(ip, IpState()).get("rollback_failure"):
        asked["failure_reason"] = tr(
            "上次回滚没有成功：{why}；原来的失败：{failure_reason}", why=why, failure_reason=asked["failure_reason"]
        )
    return asked


def digest_shown(state: AgentState) -> str:
    """调用者手里的问题的摘要：他看过、要回答的就是它；手里没有等着的为空串。"""
    state.adopt_ip_states()
    if not state.pending_confirmation:
        return ""
    ip = pending_ip(state)
    state.ip_states.setdefault(ip, IpState({"status": str(IpStatus.FAILED)}))
    return question_digest(state, ip)


def refuse_unseen(state: AgentState, shown: str) -> None:
    """追上账本之后，等着的还是他看过的那个问题，才记他的回答；不是的，新的问题照旧等着。

    Raises:
        ConfirmationError: 问题变了，或他手里没有问题。

    """
    if digest_shown(state) != shown:
        raise ConfirmationError(
            tr("{pending_ip} 的问题变了，没有记下；看过 build_confirmation_request 再答", pending_ip=pending_ip(state))
        )


def pending_ip(state: AgentState) -> str:
    """从待确认事项取出工作站。"""
    if not state.pending_confirmation:
        raise ConfirmationError(tr("当前没有待确认事项"))
    kind, _, ip = state.pending_confirmation.partition(":")
    if kind != Ask.ROLLBACK:
        raise ConfirmationError(tr("不支持的确认类型: {kind}", kind=kind))
    try:
        return canonical_ip(ip)
    except InvalidInputError:
        raise ConfirmationError(
            tr(
                "待确认事项 {pending_confirmation} 没有写明是哪台工作站",
                pending_confirmation=show_value(state.pending_confirmation),
            )
        ) from None
