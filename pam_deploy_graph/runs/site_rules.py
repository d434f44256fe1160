"""站点的规矩：此刻的策略与账户文件许不许一件事，记着的决定还作不作数，提出的计划照的是不是它们（contract 第 8 节）。"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from pam_deploy_graph.audit.signing import Signable, signed_bytes, why_bad
from pam_deploy_graph.constants import Decision
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import FIRST_OF_TWO, PLAN, Approval, Ledger
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.people import PeopleBook, open_people
from pam_deploy_graph.policy import (
    Act,
    Asked,
    Policy,
    bound_by,
    open_policy,
    role_parts,
    role_under,
    under,
    under_words,
)
from pam_deploy_graph.settings import Settings


@dataclass(frozen=True, slots=True)
class Site:
    """此刻站点的规矩：读一次，一件事从头问到底都照它；下一件事、动手之前再读。

    ``policy`` 没有设的什么都许，``people`` 没有设为 ``None``，``bound`` 是批准一并管着的设置此刻的样子。
    """

    ledger: Ledger
    policy: Policy
    people: PeopleBook | None
    bound: Mapping[str, str]

    @classmethod
    def read(cls, ledger: Ledger, settings: Settings) -> Self:
        """按设置读策略与账户文件，各一次。

        Raises:
            InvalidInputError: 有一个读不懂。

        """
        policy, people = open_policy(settings.pam_policy), open_people(settings.pam_people)
        return cls(ledger, policy, people, bound_by(policy, people) | settings.pinned())


def asked_of(site: Site, state: AgentState, act: Act, person: str, digest: str = "") -> Asked:
    """把一个人要做的事写成策略听得懂的样子；``digest`` 是哪份计划，不给就是此刻提出的。"""
    airport, book, digest = state.params["AIRPORT_CODE"], site.people, digest or state.plan_digest
    roles = book.people[person].roles_at(airport) if book and person in book.people else []
    first = site.ledger.decision(state.run_id, FIRST_OF_TWO, digest) if digest else None
    return Asked(
        act,
        airport,
        state.params["APP_NAME"],
        person,
        roles,
        workstations=len(state.planned_ips or []),
        requester=state.requested_by,
        others=[role_parts(first.role)[0]] if first else [],
    )


def why_outdated(site: Site, state: AgentState) -> str:
    """提出的计划照的策略与账户文件不是此刻的：说出原来的与此刻的；还没有计划、没有变的为空串。"""
    then, now = under(state.endpoints), under(site.bound)
    if not state.plan_digest or then == now:
        return ""
    return tr(
        "计划照的是 {under_words}，此刻的是 {under_words2}；用 resume {run_id} 照此刻的再问",
        under_words=under_words(then),
        under_words2=under_words(now),
        run_id=state.run_id,
    )


def why_void(site: Site, state: AgentState, approval: Approval) -> str:
    """动手之前再问一遍：账本里记着的这个决定，照此刻的策略还作不作数；作数的为空串。

    拒绝计划谁都可以，所以不问。
    """
    on_plan = approval.subject in (PLAN, FIRST_OF_TWO)
    if on_plan and approval.decision != Decision.APPROVE:
        return ""
    if (then := role_under(approval.role)) != (now := under(site.bound)):
        return tr(
            "它照的是 {under_words}，此刻的是 {under_words2}",
            under_words=under_words(then),
            under_words2=under_words(now),
        )
    act = Act.APPROVE_PLAN if on_plan else Act.APPROVE_ROLLBACK
    person, _ = role_parts(approval.role)
    asked = replace(asked_of(site, state, act, person, approval.digest), signed=bool(approval.signature))
    first = None
    if approval.subject == FIRST_OF_TWO:
        asked = replace(asked, others=[])
    elif on_plan and site.policy.approvals_needed(asked.airport, asked.application, asked.workstations) > 1:
        first = site.ledger.decision(state.run_id, FIRST_OF_TWO, approval.digest)
        if first is None:
            return tr("策略要求两个人批准，只有一个")
    why = site.policy.why_not(asked) or bad_signature(site, state, approval, person)
    return why or (why_void(site, state, first) if first else "")


def bad_signature(site: Site, state: AgentState, signed: Signable, person: str) -> str:
    """签了名而核对不了的说明为什么：没有公钥可以核对的签名什么也证明不了；没有签、核对得上的为空串。"""
    signature = getattr(signed, "signature", "")
    if not signature:
        return ""
    signers = site.people.allowed_signers() if site.people else ""
    subject = PLAN if signed.subject == FIRST_OF_TWO else signed.subject
    content = signed_bytes(state.run_id, state.nonce, signed, subject)
    why = why_bad(signature, content, person, signers) if signers else tr("账户文件（PAM_PEOPLE）里没有公钥")
    return tr("签名核对不了：{why}", why=why) if why else ""
