"""一次运行正等着什么，以及一次回答答的是其中哪几个。"""

import re
from collections.abc import Sequence
from typing import Any, Final

from pam_deploy_graph.constants import PLAN_DECISIONS, Ask, Decision, ExitCode
from pam_deploy_graph.errors import ConfirmationError, InvalidInputError
from pam_deploy_graph.flows.dispatch import unfinished_ips
from pam_deploy_graph.flows.rollback_question import waiting_questions
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inventory import Inventory
from pam_deploy_graph.ledger import PLAN, Approval, Ledger
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.actor import Actor
from pam_deploy_graph.runs.past_failures import with_cautions
from pam_deploy_graph.runs.registration import has_begun
from pam_deploy_graph.runs.services import Services

_SURE: Final = re.compile(r"\s*(?:确认|确定|是的?|对|yes|y|confirm(?:ed)?|sure)[\s。.!！]*", re.IGNORECASE)
_REFUSED: Final = re.compile(
    r"\s*(?:不(?:了|要|用|行|必|取消|继续)?|别|算了|no|n|nope|don.?t|never ?mind)[\s。.!！]*", re.IGNORECASE
)
_BARE: Final = re.compile(
    r"\s*(?:请|那就?)?(?:继续|接着|接着做|继续吧|接着做吧|resume|continue|go on|carry on)[\s。.!！]*", re.IGNORECASE
)
_CODE: Final = re.compile(r"[0-9A-Fa-f]{10,64}")


def open_questions(ledger: Ledger, state: AgentState) -> list[dict[str, Any]]:
    """返回还没有人回答的问题。"""
    return [q for q in asked_questions(ledger, state) if _decision(ledger, state.run_id, q) is None]


def asked_questions(ledger: Ledger, state: AgentState) -> list[dict[str, Any]]:
    """返回问着的问题（含已有决定而还没有执行的）：计划，或各台工作站；各有 ``subject`` 与 ``digest``。

    刚失败、正有进程读它的实情的还不问：答了，读到的与问的不同，又要再问一遍。
    """
    untouched = not has_begun(state)
    if state.plan_digest and (untouched or state.plan_stage):
        plan = {"subject": PLAN, "digest": state.plan_digest, "type": str(Ask.PLAN), "text": state.plan_text}
        if untouched or _decision(ledger, state.run_id, plan) is None:
            return [plan]
    questions = workstation_questions(state)
    reading = [q["ip"] for q in questions if "reading" in state.ip_states[q["ip"]]]
    if reading and ledger.holder(state.run_id):
        questions = [question for question in questions if question["ip"] not in reading]
    return with_cautions(ledger, state, questions)


def owed_ips(ledger: Ledger, state: AgentState) -> list[str]:
    """返回取消之后还欠着的工作站：中断的，以及有了决定而还没有执行的。"""
    decided = [q["ip"] for q in workstation_questions(state) if _decision(ledger, state.run_id, q)]
    return unfinished_ips(state) + decided


def outlives_cancel(ledger: Ledger, state: AgentState) -> bool:
    """取消之后还有没有要执行完才结束的决定：说好了的重试不算，取消了就不再重试。"""
    decided = (_decision(ledger, state.run_id, question) for question in workstation_questions(state))
    return any(found is not None and found.decision != Decision.RETRY for found in decided)


def workstation_questions(state: AgentState) -> list[dict[str, Any]]:
    """返回各台工作站的问题，``subject`` 是它的地址。"""
    return [question | {"subject": question["ip"]} for question in waiting_questions(state)]


def _decision(ledger: Ledger, run_id: str, question: dict[str, Any]) -> Approval | None:
    """一个问题的决定。"""
    return ledger.decision(run_id, question["subject"], question["digest"])


def cancel_costs(state: AgentState) -> str:
    """取消一次已经开工的运行要付什么代价；没有还没开工的为空串（contract 第 4 节）。"""
    left = [ip for ip in state.target_ips if ip not in state.ip_states]
    if not left or not state.completed_global_steps:
        return ""
    return tr("取消运行 {run_id}：{n} 台不再做，取消后不能继续。", run_id=state.run_id, n=len(left))


def is_sure(text: str) -> bool:
    """是不是明明白白地说了确认；别的话都不是。"""
    return bool(_SURE.fullmatch(text))


def is_refused(text: str) -> bool:
    """要人再说一遍的时候，说的是不是「不」。"""
    return bool(_REFUSED.fullmatch(text))


def goes_on_bare(text: str) -> bool:
    """是不是光秃秃的「继续」：听到就做；别的说法先问一句（contract 第 4 节）。"""
    return bool(_BARE.fullmatch(text))


def cancel_run(services: Services, run_id: str, actor: Actor) -> dict[str, Any]:
    """记下 ``actor`` 取消了它；没有进程正做着、也不欠什么的，就此结束。

    Returns:
        ``holder`` 是正做着它的进程，``exit_code`` 是就此结束的退出码，没有都为 ``None``；``owed`` 是还要做完的工作站。

    Raises:
        ConfirmationError: 运行已经结束。

    """
    ledger = services.ledger
    record = ledger.get_run(run_id)
    if record.exit_code is not None:
        raise ConfirmationError(
            tr("运行 {run_id} 已经结束（退出码 {exit_code}），没有可取消的", run_id=run_id, exit_code=record.exit_code)
        )
    ledger.cancel(run_id, actor.name, channel=actor.channel, account=actor.account)
    services.anchor(run_id)
    owed, holder = owed_ips(ledger, services.state_of(run_id)), ledger.holder(run_id)
    over = not owed and not holder
    if over:
        services.finish(run_id, ExitCode.STOPPED, tr("{actor} 取消了这次运行", actor=actor.name))
    said = {"run_id": run_id, "cancelled_by": actor.name, "holder": holder, "owed": owed}
    return said | {"exit_code": int(ExitCode.STOPPED) if over else None}


def question_on(ledger: Ledger, run_id: str) -> list[dict[str, Any]]:
    """返回一次运行问着的问题（含已有决定而还没有执行的）。

    Raises:
        ConfirmationError: 运行已经结束，或没有在等的。

    """
    if ledger.get_run(run_id).exit_code is not None:
        raise ConfirmationError(tr("运行 {run_id} 已经结束，当前没有待确认事项", run_id=run_id))
    questions = asked_questions(ledger, ledger.load_state(run_id, keep_events=False))
    if not questions:
        raise ConfirmationError(tr("运行 {run_id} 当前没有待确认事项", run_id=run_id))
    return questions


def pick(
    questions: Sequence[dict[str, Any]], ips: Sequence[str], digests: Sequence[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """挑出这一次要答的问题。

    Args:
        questions: 问着的问题。
        ips: 只答这几台，地址或名称；空的是不限。
        digests: 只答给人看过的这几个（摘要的开头，至少 10 位）；空的是不限。

    Returns:
        要答的问题，与摘要已经对不上任何问题的那几个。

    Raises:
        ConfirmationError: 指定的工作站不在等决定。
        InvalidInputError: 摘要不合规则。

    """
    refuse_bad_codes(digests)
    subjects = [question["subject"] for question in questions]
    stock = Inventory.of_names({q["subject"]: q["name"] for q in questions if q.get("name")})
    wanted = [stock.address_of(ip) for ip in ips]
    if strangers := [ip for ip in wanted if ip not in subjects]:
        raise ConfirmationError(
            tr(
                "{strangers} 不在等决定；正等着的是 {subjects}",
                strangers=tr("、").join(strangers),
                subjects=tr("、").join(subjects),
            )
        )
    chosen = [q for q in questions if not wanted or q["subject"] in wanted]
    if not digests:
        return chosen, []
    codes = [one.lower() for one in digests]
    gone = [code for code in codes if not any(q["digest"].startswith(code) for q in chosen)]
    return [q for q in chosen if any(q["digest"].startswith(code) for code in codes)], gone


def refuse_bad_codes(digests: Sequence[str]) -> None:
    """``--digest`` 要写够位数：空着的、太短的，哪一份都对得上。

    Raises:
        InvalidInputError: 有一个不合规则。

    """
    if strange := [one for one in digests if not _CODE.fullmatch(one)]:
        raise InvalidInputError(
            tr("--digest 的值 {strange!r} 应为摘要的开头，至少 10 位十六进制；status 里有", strange=strange[0])
        )


def still_open(ledger: Ledger, run_id: str, questions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """其中还没有人决定的；都有人决定了就是全部，由记录的一方逐个说明。"""
    return [q for q in questions if _decision(ledger, run_id, q) is None] or list(questions)


def refuse_unoffered(question: dict[str, Any], decision: Decision) -> None:
    """问题没有给出的回答不收。"""
    if question["subject"] == PLAN:
        if decision not in PLAN_DECISIONS:
            raise ConfirmationError(tr("计划只能批准或拒绝，不能 --{decision}", decision=decision))
        return
    allowed = question["allowed_decisions"]
    if decision not in allowed:
        why = question["no_approve"] if decision is Decision.APPROVE else tr("它没有可接着做的")
        raise ConfirmationError(
            tr(
                "{subject} 不能 --{decision}：{why}；可以用 --{allowed}",
                subject=question["subject"],
                decision=decision,
                why=why,
                allowed=tr(" 或 --").join(allowed),
            )
        )
