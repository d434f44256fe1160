"""核对做法：动手之前有没有批准，决定合不合策略，签名对不对（docs/audit.md）。"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pam_deploy_graph.audit.bundle import Bundle
from pam_deploy_graph.audit.chains import events_of
from pam_deploy_graph.audit.signing import signed_bytes, why_bad
from pam_deploy_graph.constants import ACTIONS, Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import CANCEL, FIRST_OF_TWO, PLAN, REFUSED
from pam_deploy_graph.policy import (
    NOT_SET,
    PEOPLE,
    POLICY,
    Act,
    Asked,
    policy_of,
    role_parts,
    role_under,
    under,
    under_words,
)

_PROPOSED: Final = ("PLAN_PROPOSED", "AMENDMENT_PROPOSED")


class Row:
    """一个决定；签名盖着的那几样。"""

    def __init__(self, row: dict[str, Any]) -> None:
        """第一份与第二份批准签的都是计划。"""
        self.subject = PLAN if row["subject"] == FIRST_OF_TWO else str(row["subject"])
        self.digest, self.decision, self.note = str(row["digest"]), str(row["decision"]), str(row["note"])


def approvals(bundle: Bundle) -> Iterator[str]:
    """先有批准，才有动手：计划的批准在第一个会改变外界的动作之前，回滚的同意在回滚之前。"""
    decided = {(row["subject"], row["digest"]): row["decision"] for row in bundle.decisions}
    planned = any(event["type"] == "PLAN_PROPOSED" for _, event in events_of(bundle))
    yield from _amendments(bundle, decided)
    approved, agreed, told = False, set[str](), set[str]()
    for seq, event in events_of(bundle):
        kind, ip, stage = event["type"], event.get("ip", ""), event.get("stage", "")
        if kind == "PLAN_APPROVED":
            approved = True
            if decided.get((PLAN, event["digest"])) != Decision.APPROVE:
                yield tr("第 {seq} 行照批准动手，而那份计划的批准不在决定里", seq=seq)
        elif kind == "CONFIRMATION_APPROVED":
            agreed.add(ip)
        elif kind in ("INTENT", "ACTION_DONE", "ROLLBACK_DONE") and stage in ACTIONS and ACTIONS[stage].changes:
            if planned and not approved and "plan" not in told:
                told.add("plan")
                yield tr("第 {seq} 行的 {stage} 没有批准过的计划", seq=seq, stage=stage)
            if stage == "rollback-ip" and ip not in agreed and ip not in told:
                told.add(ip)
                yield tr("第 {seq} 行回滚了 {ip}，没有人同意过", seq=seq, ip=ip)


def _amendments(bundle: Bundle, decided: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """途中的改动：生效的都有批准。"""
    asked = ""
    for seq, event in events_of(bundle):
        if event["type"] == "AMENDMENT_PROPOSED":
            asked = event["digest"]
        settled = event["type"] == "AMENDMENT_SETTLED" and event["approved"]
        if settled and decided.get((PLAN, asked)) != Decision.APPROVE:
            yield tr("第 {seq} 行照批准改动，而那个改动的批准不在决定里", seq=seq)


def questions(bundle: Bundle) -> Iterator[str]:
    """每个决定都答着什么：计划是提出过的，工作站是这次运行做过、在那之前写着的；自己掌舵的没有提出过计划。"""
    plans, first = set[str](), dict[str, int]()
    for seq, event in events_of(bundle):
        first.setdefault(event.get("ip", ""), seq)
        if event["type"] in _PROPOSED:
            plans.add(event["digest"])
    for row in bundle.decisions:
        subject = row["subject"]
        if not _answers(subject):
            continue
        about_plan = subject in (PLAN, FIRST_OF_TWO)
        known = not plans or row["digest"] in plans if about_plan else first.get(subject, math.inf) <= row["head_seq"]
        if not known:
            yield tr(
                "第 {number} 个决定（{subject} → {decision}）什么也没有答：这次运行没有问过它",
                number=row["number"],
                subject=subject,
                decision=row["decision"],
            )


def _answers(subject: str) -> bool:
    """一个决定是不是回答了什么：取消、不许而没有作数的不是。"""
    return subject != CANCEL and not subject.startswith(f"{REFUSED}:")


def policy(bundle: Bundle) -> Iterator[str]:
    """决定合不合策略；计划里写着的策略与手上这一份不同的，说明没法核对。"""
    plans = {event["digest"]: event for _, event in events_of(bundle) if event["type"] in _PROPOSED}
    shown = {plan.get("endpoints", {}).get(POLICY, NOT_SET) for plan in plans.values()}
    shown = (shown | {str(event.get("policy", "")) for _, event in events_of(bundle)}) - {"", NOT_SET}
    if not shown:
        return
    digest = hashlib.sha256(bundle.policy.encode()).hexdigest()
    if not bundle.policy or any(digest not in text for text in shown):
        yield tr("照的策略是 {shown}，手上没有这一份，没法核对", shown=tr("、").join(sorted(shown)))
        return
    try:
        rules = policy_of(bundle.policy, bundle.policy_path)
    except InvalidInputError as error:
        yield str(error)
        return
    for row in bundle.decisions:
        if asked := _asked(bundle, row, plans.get(row["digest"])):
            alone = _alone(rules.approvals_needed, asked) if row["subject"] == PLAN else ""
            if reason := rules.why_not(asked) or alone:
                yield tr(
                    "第 {number} 个决定（{subject} → {decision}）不合策略：{reason}",
                    number=row["number"],
                    subject=row["subject"],
                    decision=row["decision"],
                    reason=reason,
                )


def same_site(bundle: Bundle) -> Iterator[str]:
    """每个决定照的策略与账户文件，是它作出时计划写着的那些；从前的版本没有写账户文件，没法核对。"""
    plans = [(seq, event["endpoints"]) for seq, event in events_of(bundle) if "endpoints" in event]
    for row in bundle.decisions:
        shown = [bound for seq, bound in plans if seq <= row["head_seq"]]
        if not _answers(row["subject"]) or not shown:
            continue
        then, mine = under(shown[-1]), role_under(row["role"])
        if mine != then and (PEOPLE in shown[-1] or mine):
            what = tr(
                "第 {number} 个决定（{subject} → {decision}）",
                number=row["number"],
                subject=row["subject"],
                decision=row["decision"],
            )
            yield tr(
                "{what}照的是 {under_words}，计划写着的是 {under_words2}",
                what=what,
                under_words=under_words(mine),
                under_words2=under_words(then),
            )


def _asked(bundle: Bundle, row: dict[str, Any], plan: dict[str, Any] | None) -> Asked | None:
    """把一个决定写成策略听得懂的样子；拒绝计划、取消谁都可以，不许的本来就没有作数，这些不问，为 ``None``。"""
    person, roles = role_parts(row["role"])
    params, subject = _params(bundle), row["subject"]
    where = (params.get("AIRPORT_CODE", ""), params.get("APP_NAME", ""), person, roles)
    if subject not in (PLAN, FIRST_OF_TWO):
        return Asked(Act.APPROVE_ROLLBACK, *where, signed=bool(row["signature"])) if _answers(subject) else None
    if row["decision"] != Decision.APPROVE or plan is None:
        return None
    first = [
        r for r in bundle.decisions if (r["subject"], r["digest"]) == (FIRST_OF_TWO, row["digest"]) and r is not row
    ]
    return Asked(
        Act.APPROVE_PLAN,
        *where,
        workstations=len(plan["target_ips"]),
        requester=plan.get("requested_by", ""),
        others=[role_parts(each["role"])[0] for each in first],
        signed=bool(row["signature"]),
    )


def _alone(needed: Any, asked: Asked) -> str:
    """要两个人而只有一个的。"""
    wants = needed(asked.airport, asked.application, asked.workstations)
    return tr("要 {wants} 个人批准，只有一个", wants=wants) if wants > 1 and not asked.others else ""


def _params(bundle: Bundle) -> dict[str, str]:
    """登记的参数；看不懂的为空。"""
    try:
        return dict(json.loads(bundle.run["input"])["params"])
    except (ValueError, KeyError, TypeError):
        return {}


def signatures(bundle: Bundle) -> Iterator[str]:
    """每个签名都由那个人的公钥核对。"""
    for row in bundle.decisions:
        if not row["signature"] or row["subject"].startswith(f"{REFUSED}:"):
            continue
        person, _ = role_parts(row["role"])
        content = signed_bytes(bundle.run_id, bundle.nonce, Row(row))
        if not bundle.allowed_signers:
            yield tr("第 {number} 个决定签了名，而没有公钥可以核对（PAM_PEOPLE 或 --signers）", number=row["number"])
        elif reason := why_bad(row["signature"], content, person, bundle.allowed_signers):
            yield tr(
                "第 {number} 个决定的签名不对（{person}）：{reason}",
                number=row["number"],
                person=person or tr("不知道是谁"),
                reason=reason,
            )
