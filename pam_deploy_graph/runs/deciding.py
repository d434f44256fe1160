"""把决定记进账本：先问策略，许的一个事务记下，不许的也记下（contract 第 5、8 节）。"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pam_deploy_graph.audit.signing import sign, signed_bytes
from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import AlreadyDecidedError, ConfirmationError, InvalidInputError, PolicyRefusedError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import FIRST_OF_TWO, PLAN, REFUSED, Approval, digest_of
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.policy import Act, Asked, role_parts, role_text, under
from pam_deploy_graph.runs.actor import Actor
from pam_deploy_graph.runs.open_questions import asked_questions, refuse_unoffered
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.site_rules import Site, asked_of, bad_signature, why_outdated, why_void
from pam_deploy_graph.system.safe_text import show_value


@dataclass(frozen=True, slots=True)
class Answered:
    """对一个问题的回答；``digest`` 是给他看过的内容的摘要。"""

    subject: str
    digest: str
    decision: Decision
    operator: str = ""
    note: str = ""
    signature: str = ""


def answered_from(given: Mapping[str, str]) -> Answered:
    """把别处送来的一个回答读成决定。

    Raises:
        InvalidInputError: 缺了哪一项，或不认识的决定。

    """
    try:
        return Answered(**{**given, "decision": Decision(given["decision"])})  # type: ignore[arg-type]  # 键由它自己查
    except (KeyError, TypeError, ValueError):
        raise InvalidInputError(tr("送来的决定看不懂：应有 subject、digest 与 decision")) from None


def signed(run_id: str, nonce: str, answers: Sequence[Answered], key: Path) -> list[Answered]:
    """用一把 SSH 私钥签好对一次运行的各个回答。

    Raises:
        InvalidInputError: 签不了；消息是 ssh-keygen 说的。

    """
    return [replace(each, signature=sign(key, signed_bytes(run_id, nonce, each))) for each in answers]


def settle(
    services: Services, run_id: str, answers: Sequence[Answered], actor: Actor
) -> list[Approval | ConfirmationError]:
    """记下一批决定，各有各的结局，许的都在一个事务里。

    Args:
        services: 部件。
        run_id: 哪次运行。
        answers: 各个回答。
        actor: 谁在动手。

    Returns:
        与 ``answers`` 同序：记下的决定（要两个人批准而还差一个的，``subject`` 是 ``plan/1``），
        或 ``AlreadyDecidedError``、``PolicyRefusedError``。

    """
    state, site = services.state_of(run_id), services.site()
    found: list[Approval | ConfirmationError] = []
    allowed: list[Approval] = []
    asked = asked_of(site, state, Act.APPROVE_PLAN, actor.person)  # 一批里只有要做的事与签名各不相同
    for answer in answers:
        wanted = _approval(site, state, answer, actor, asked)
        if reason := _why_not(site, state, answer, asked):
            services.ledger.decide(run_id, _refusal(wanted, reason))
            found.append(
                PolicyRefusedError(tr("{subject}: {reason}；没有作数，已经记下", subject=answer.subject, reason=reason))
            )
        else:
            found.append(wanted)
            allowed.append(wanted)
    outcomes = iter(services.ledger.decide_all(run_id, allowed) if allowed else [])
    services.anchor(run_id)
    settled = [next(outcomes) if isinstance(each, Approval) else each for each in found]
    return [_second(services, run_id, each, wanted) for each, wanted in zip(settled, found, strict=True)]


def settle_asked(
    services: Services, run_id: str, answers: Sequence[Answered], actor: Actor
) -> list[Approval | ConfirmationError]:
    """记下对正问着的问题的回答：给他看过的那一个，问题给出的那几种；别的不收，也不记（contract 第 3、8 节）。

    图之外作决定的都走这里，不论从哪里来：命令行、服务器、网页、多机场部署。要给的与 ``settle`` 相同。

    Returns:
        与 ``answers`` 同序，见 ``settle``；没有收的是 ``ConfirmationError``。

    """
    state = services.state_of(run_id)
    over = services.ledger.get_run(run_id).exit_code is not None
    asked = [] if over else asked_questions(services.ledger, state)
    questions = {(one["subject"], one["digest"]): one for one in asked}
    why = [_why_unasked(services, state, questions, answer) for answer in answers]
    taken = [answer for answer, reason in zip(answers, why, strict=True) if not reason]
    settled = iter(settle(services, run_id, taken, actor) if taken else [])
    return [ConfirmationError(reason) if reason else next(settled) for reason in why]


def _why_unasked(
    services: Services, state: AgentState, questions: Mapping[tuple[str, str], dict[str, Any]], answer: Answered
) -> str:
    """一个回答为什么不收；收的为空串。已有决定的收下，由 ``settle`` 说是谁决定了什么。"""
    key = (answer.subject, answer.digest)
    if key in questions:
        try:
            refuse_unoffered(questions[key], answer.decision)
        except ConfirmationError as error:
            return str(error)
        return ""
    if answer.subject in (PLAN, *state.ip_states) and services.ledger.decision(state.run_id, *key):
        return ""
    return tr(
        "{subject}: 没有在问它，或给人看过之后变了；什么也没有记下，用 status {run_id} 再看",
        subject=show_value(answer.subject),
        run_id=state.run_id,
    )


def refuse_request(site: Site, state: AgentState, actor: Actor) -> None:
    """策略许不许这个人提出部署；不许的记下。

    Raises:
        PolicyRefusedError: 不许；消息说明谁可以。

    """
    asked = asked_of(site, state, Act.REQUEST, actor.person)
    if reason := site.policy.why_not(asked):
        wanted = _approval(site, state, Answered(str(Act.REQUEST), state.run_id, Decision.APPROVE), actor, asked)
        site.ledger.decide(state.run_id, _refusal(replace(wanted, decision=str(Act.REQUEST)), reason))
        raise PolicyRefusedError(reason)


def settle_by_hand(site: Site, state: AgentState, answer: Answered, actor: Actor, workstations: int) -> Approval:
    """自己掌舵的人作的决定：问策略，许的返回要记下的，不许的记下；没有别人批准的那一步，要别人的一律不许。

    Args:
        site: 账本、策略与账户文件。
        state: 这次运行。
        answer: 决定：动手（``plan``），或一台的回滚。
        actor: 谁在动手。
        workstations: 要动几台；还不知道的是 0。

    Raises:
        PolicyRefusedError: 不许，已经记下；消息说明怎么办。

    """
    act = Act.APPROVE_PLAN if answer.subject == PLAN else Act.APPROVE_ROLLBACK
    asked = replace(asked_of(site, state, act, actor.person), workstations=workstations, requester=actor.person)
    wanted = _approval(site, state, answer, actor, asked)
    decided = site.ledger.decision(state.run_id, answer.subject, answer.digest)
    if reason := why_void(site, state, decided) if decided else site.policy.needs_another(asked):
        site.ledger.decide(state.run_id, _refusal(wanted, reason))
        raise PolicyRefusedError(
            tr(
                "{subject}: {reason}；自己掌舵没有请别人批准的一步，请改用 run 或图",
                subject=answer.subject,
                reason=reason,
            )
        )
    return replace(wanted, subject=answer.subject)


def why_not_in_advance(services: Services, run_id: str, actor: Actor) -> str:
    """``--yes`` 能不能代替一次批准：要别人批准、要两个人、要签名的不能，说明原因；能的为空串。"""
    state, site = services.state_of(run_id), services.site()
    return site.policy.needs_another(asked_of(site, state, Act.APPROVE_PLAN, actor.person))


def _why_not(site: Site, state: AgentState, answer: Answered, asked: Asked) -> str:
    """为什么不作数；拒绝计划谁都可以，已经有了决定的不再问（``resume`` 照着它执行，改不了它）。

    计划照的策略与账户文件不是此刻的，此刻的说许也不算：换一份文件，谁都可以是别人。
    """
    if site.ledger.decision(state.run_id, answer.subject, answer.digest):
        return ""
    if answer.subject == PLAN and answer.decision is Decision.REJECT:
        return ""
    act = Act.APPROVE_PLAN if answer.subject == PLAN else Act.APPROVE_ROLLBACK
    reason = why_outdated(site, state)
    reason = reason or site.policy.why_not(replace(asked, act=act, signed=bool(answer.signature)))
    return reason or bad_signature(site, state, answer, asked.person)


def _approval(site: Site, state: AgentState, answer: Answered, actor: Actor, asked: Asked) -> Approval:
    """写成账本的一行；计划要两个人批准而他是第一个的，``subject`` 是 ``plan/1``。"""
    needed = site.policy.approvals_needed(asked.airport, asked.application, asked.workstations)
    more = answer.subject == PLAN and answer.decision is Decision.APPROVE and needed > 1 and not asked.others
    more = more and site.ledger.decision(state.run_id, PLAN, answer.digest) is None
    return Approval(
        FIRST_OF_TWO if more else answer.subject,
        answer.digest,
        str(answer.decision),
        answer.operator or actor.name,
        answer.note,
        0,
        account=actor.account,
        role=role_text(actor.person, asked.roles, under(site.bound)),
        channel=actor.channel,
        signature=answer.signature,
    )


def _refusal(wanted: Approval, reason: str) -> Approval:
    """不许的也记下：谁、想决定什么、为什么不许。"""
    unique = digest_of({"digest": wanted.digest, "at": secrets.token_hex(8)})
    return replace(wanted, subject=f"{REFUSED}:{wanted.subject}"[:64], digest=unique, note=reason)


def _second(
    services: Services, run_id: str, outcome: Approval | ConfirmationError, wanted: Approval | ConfirmationError
) -> Approval | ConfirmationError:
    """两个人同时作第一个批准：后到的就是第二个，除非是同一个人。"""
    if not isinstance(outcome, AlreadyDecidedError) or not isinstance(wanted, Approval):
        return outcome
    if wanted.subject != FIRST_OF_TWO:
        return outcome
    first = services.ledger.decision(run_id, FIRST_OF_TWO, wanted.digest)
    if first is None or role_parts(first.role)[0] == role_parts(wanted.role)[0]:
        return outcome
    return services.ledger.decide_all(run_id, [replace(wanted, subject=PLAN)])[0]
