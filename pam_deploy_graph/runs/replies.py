"""答问题：谁批准的、为什么失败、还剩哪些、现在什么版本、还要多久、答了会怎样；照账本说，问此刻的才去问工作站。

一张表：问的是哪一类（``llm.question_kinds``），由谁来答。什么也不改变；答不了的直说（contract 第 4 节）。
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pam_deploy_graph.constants import DECISIONS, Decision
from pam_deploy_graph.flows.diagnosis import diagnose
from pam_deploy_graph.flows.rollback_question import waiting_questions
from pam_deploy_graph.flows.service_state import UNKNOWN, out_of_service, running_now, version_now, version_text
from pam_deploy_graph.home.run_files import log_folder
from pam_deploy_graph.i18n import EN, Worded, language, msgid, speaking, tr
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.inventory import mentions_in, put_addresses
from pam_deploy_graph.ledger import CANCEL, FIRST_OF_TWO, PLAN, REFUSED, Approval
from pam_deploy_graph.llm import in_english, question_kinds
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.code_words import bare_reason
from pam_deploy_graph.runs.abilities import CAN
from pam_deploy_graph.runs.current_versions import SECONDS, ask_versions
from pam_deploy_graph.runs.lookup import runs_named
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.runs.status import render_standing, standing
from pam_deploy_graph.runs.time_left import time_left
from pam_deploy_graph.system.safe_text import markdown_safe
from pam_deploy_graph.system.shown_time import zoned_moment

MAYBE_ASKED: Final = frozenset({"status", "preview", "unknown"})
"""听成这几种意图的，可能是在问谁批准的、为什么失败之类的事；别的是要做什么。"""
_MOST_NAMED: Final = 10
_MOST_CAUSES: Final = 3
_ASKED: Final = sorted(DECISIONS.values(), key=lambda row: row.decision is Decision.APPROVE)
"""问的是哪一种回答：「不同意」里也有「同意」，所以它在最后。"""
_RUNNING: Final = Worded({True: "在运行", False: "已停止", None: UNKNOWN})
_WHOLE: Final = {
    ("取消", "cancel"): msgid(
        "取消：没有开工的不再做，进行中的做完，这次运行就此结束，不能再继续；做之前会再确认一次。"
    ),
    ("暂停", "paus"): msgid("暂停：不再开新的，进行中的做完就停；说「继续」接着做。"),
    ("继续", "resum"): msgid("继续：从停下的地方接着做，没有开工的会开工。"),
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """一句问话：问的是哪次运行、点了哪几台（没有点名为空）。"""

    services: Services
    state: AgentState
    text: str
    ips: frozenset[str]

    def colon(self, listed: str) -> str:
        """后面跟着清单的冒号；没有清单就没有。"""
        return tr("：") + listed if listed else ""

    def told(self, ips: Iterable[str]) -> list[str]:
        """其中问到的几台；没有点名就是全部。"""
        return [ip for ip in ips if not self.ips or ip in self.ips]

    def listed(self, ips: Sequence[str]) -> str:
        """列出来，连同名称；多了就合成范围。"""
        return show_ips(list(ips), self.state.names)


def kinds_asked(services: Services, text: str) -> tuple[str, ...]:
    """一句话问了哪几类事；不是问句为空。"""
    return question_kinds(put_addresses(text, services.inventory))


def answered(services: Services, text: str, intent: str, run_id: str) -> str:
    """就地答一句：问事情的照账本说，问进度的说出那次运行的处境；不是在问的为空串。"""
    if intent in MAYBE_ASKED and kinds_asked(services, text):
        return reply(services, text, run_id)
    if intent == "status" and services.ledger.exists(run_id):
        return render_standing(standing(services.ledger, run_id, services.inventory), brief=True)
    return ""


def reply(services: Services, text: str, run_id: str = "") -> str:
    """答一句问话。

    Args:
        services: 部件。
        text: 原话；点了运行名的答那一次。
        run_id: 正说着的运行；没有、或还没有登记，就是最近一次。

    """
    with speaking(EN if in_english(text) else language()):
        return _reply(services, text, run_id)


def _reply(services: Services, text: str, run_id: str) -> str:
    """同 ``reply``，用此刻的语言。"""
    kinds = kinds_asked(services, text)
    name = _run_of(services, text, run_id)
    if not name:
        spare = [_effects_in_general(text) if kind == "effects" else tr(CAN) for kind in kinds]
        own = [said for kind, said in zip(kinds, spare, strict=True) if kind in ("effects", "abilities")]
        return "\n".join(own) or tr("还没有任何运行。")
    state = services.state_of(name)
    known = [*(state.planned_ips or ()), *state.target_ips, *state.ip_states, *state.missing_ips]
    said = {ip for mention in mentions_in(text, services.inventory) for ip in mention.ips}
    said |= {ip for ip in known if _names(ip, text)}
    asked = _Asked(services, state, text, frozenset(said))
    head = [] if name == run_id or kinds == ("abilities",) else [tr("运行 {name}：", name=name)]
    return "\n".join([*head, *(_ANSWERS[kind](asked) for kind in kinds)])


def _names(ip: str, text: str) -> bool:
    """话里有没有写着这个地址。"""
    place = text.find(ip)
    return place >= 0 and not text[place + len(ip) : place + len(ip) + 1].isdigit() and not text[:place][-1:].isdigit()


def _run_of(services: Services, text: str, run_id: str) -> str:
    """说的是哪次运行：点了名的，正说着的，最近一次；一次都没有为空串。"""
    names = [run.run_id for run in services.ledger.list_runs()]
    named = next(iter(runs_named(services.ledger.exists, text)), "")
    return named or (run_id if run_id in names else "") or next(iter(names), "")


def _approved(asked: _Asked) -> str:
    """谁提出的、谁批准的、谁作的决定。"""
    found = [one for one in asked.services.ledger.decisions(asked.state.run_id) if asked.told([one.subject])]
    said = [_decision(asked, one) for one in found if not one.subject.startswith(REFUSED)]
    by = asked.state.requested_by
    proposed = tr("由 {by} 提出；", by=by) if by else ""
    shown = tr("；").join(said[-_MOST_NAMED:])
    nobody = tr("还没有人批准。")
    return markdown_safe(proposed + (f"{shown}{tr('。')}" if said else nobody))


def _decision(asked: _Asked, one: Approval) -> str:
    """一个决定：谁、何时、决定了什么。"""
    at, who = zoned_moment(one.decided_at), one.operator or one.account
    who += tr("（{account}）", account=one.account) if one.account and one.account != who else ""
    if one.subject == CANCEL:
        return tr("{who} 在 {at} 取消了它", who=who, at=at)
    about_plan = one.subject in (PLAN, FIRST_OF_TWO)
    meant = DECISIONS[Decision(one.decision)].meaning(plan=about_plan)
    what = tr(meant.label) if about_plan else f"{asked.state.label(one.subject)} {tr(meant.label)}"
    return tr("{what}：{who}，{at}", what=what, who=who, at=at)


def _failed(asked: _Asked) -> str:
    """哪几台失败、停在哪一步、为什么；没有失败的说停下的原因。"""
    state = asked.state
    bad = [ip for ip in asked.told(state.ip_states) if state.ip_states[ip]["failure_reason"]]
    if not bad:
        reason = asked.services.ledger.get_run(state.run_id).reason or ""
        none = tr("没有失败的工作站。")
        return none + (tr("停下的原因：{reason}", reason=reason) if reason else "")
    said = []
    for ip in bad[:_MOST_CAUSES]:
        its = state.ip_states[ip]
        why = bare_reason(its["failure_reason"], its["failed_stage"], ip)
        kept = partial(asked.services.logs.lines, state, ip)
        cause = diagnose(its, asked.services.home, log_folder(state), kept)["summary"]
        said.append(
            tr(
                "{label} {failed_stage}: {why}（{cause}）",
                label=state.label(ip),
                failed_stage=its["failed_stage"],
                why=why,
                cause=cause,
            )
        )
    more = len(bad) - len(said)
    said += [tr("还有 {more} 台，见 report", more=more)] if more > 0 else []
    return tr("失败 {n} 台：", n=len(bad)) + tr("；").join(map(markdown_safe, said))


def _done(asked: _Asked) -> str:
    """做完了哪几台。"""
    ips = [ip for ip in asked.told(asked.state.ip_states) if asked.state.ip_states[ip].tally == "succeeded"]
    total = len(_scope(asked.state))
    return tr("做完 {n}/{total} 台", n=len(ips), total=total) + asked.colon(asked.listed(ips))


def _left(asked: _Asked) -> str:
    """还剩哪几台：没有开工的、进行中的、等人决定的。"""
    states = asked.state.ip_states
    fresh = [ip for ip in asked.told(_scope(asked.state)) if ip not in states]
    busy = [ip for ip in asked.told(states) if states[ip].tally == "running"]
    waiting = [ip for ip in asked.told(states) if states[ip].awaits_decision]
    parts = [
        tr("没有开工 {n} 台", n=len(fresh)) + asked.colon(asked.listed(fresh)),
    ]
    for ips, what in ((busy, tr("进行中")), (waiting, tr("等决定"))):
        counted = tr("{what} {n} 台", what=what, n=len(ips))
        parts += [counted + asked.colon(asked.listed(ips))] if ips else []
    return tr("；").join(parts)


def _stopped(asked: _Asked) -> str:
    """停用的几台，连同何时读到的。"""
    ips = asked.told(out_of_service(asked.state))
    if not ips:
        return tr("照最后读回的，没有停用的。")
    told = [_last_read(asked, ip) for ip in ips[:_MOST_NAMED]]
    return tr("停用 {n} 台：", n=len(ips)) + markdown_safe(tr("；").join(told))


def _last_read(asked: _Asked, ip: str) -> str:
    """账本里最后读回的，连同时刻；没有读过的说没有。"""
    its = asked.state.ip_states.get(ip)
    if its is None or not its["read_at"]:
        return tr("{label} 没有读到过", label=asked.state.label(ip))
    at = zoned_moment(its["read_at"])
    return tr(
        "{label} {version_text}，{running}（{at} 读到）",
        label=asked.state.label(ip),
        version_text=version_text(version_now(its)),
        running=_RUNNING[running_now(its)],
        at=at,
    )


def _versions(asked: _Asked) -> str:
    """此刻各是什么版本：去问工作站；问不到的说最后读回的。"""
    ips = asked.told(_scope(asked.state)) or asked.told(asked.state.ip_states)
    if not ips:
        return tr("还没有定下是哪几台，不知道。")
    groups, silent = ask_versions(asked.services, asked.state, ips)
    said = [
        tr("{what} {n} 台", what=what, n=len(members)) + asked.colon(asked.listed(members))
        for what, members in groups.items()
    ]
    lost = [_last_read(asked, ip) for ip in silent[:_MOST_NAMED]]
    count, wait = len(silent), f"{SECONDS:.0f}"
    more = tr("{wait} 秒内没有问到 {count} 台：", wait=wait, count=count)
    more += markdown_safe(tr("；").join(lost))
    return tr("刚刚问到：") * bool(said) + tr("；").join([*said, *([more] if silent else [])])


def _effects(asked: _Asked) -> str:
    """这样答会做什么：有等着的问题照问题说，没有就说一般的意思。"""
    general = _effects_in_general(asked.text)
    wanted = _decision_named(asked.text)
    if general or wanted is None:
        return general or tr("不知道问的是哪一种回答。")
    told = [q for q in waiting_questions(asked.state) if not asked.ips or q["ip"] in asked.ips]
    if told:
        does = [_effect(asked, question, wanted) for question in told[:_MOST_CAUSES]]
        return markdown_safe(tr("；").join(does) + (tr("……") if len(told) > _MOST_CAUSES else ""))
    row = DECISIONS[wanted]
    if row.on_plan and asked.state.plan_digest and not asked.state.ip_states:
        if wanted is Decision.APPROVE:
            return tr("批准计划：立即照计划开始。")
        return tr("拒绝计划：什么也不做，这次运行结束。")
    return tr("{wanted}：{about}", wanted=wanted, about=tr(row.about))


def _effect(asked: _Asked, question: Mapping[str, Any], wanted: Decision) -> str:
    """对一台这样答会做什么。"""
    does = question["effects"].get(str(wanted)) or question["no_approve"] or tr("不能这样答")
    return tr("{label}：{does}", label=asked.state.label(question["ip"]), does=does)


def _decision_named(text: str) -> Decision | None:
    """问的是哪一种回答。"""
    said = text.lower()
    return next((row.decision for row in _ASKED if any(name in said for name in row.names)), None)


def _effects_in_general(text: str) -> str:
    """取消、暂停、继续会怎样；问的不是它们为空串。"""
    said = text.lower()
    return next((tr(told) for words, told in _WHOLE.items() if any(word in said for word in words)), "")


def _scope(state: AgentState) -> list[str]:
    """这次要做的：计划里的，或已经定下的。"""
    return list(state.planned_ips or state.target_ips)


_ANSWERS: Final[dict[str, Callable[[_Asked], str]]] = {
    "approved": _approved,
    "failed": _failed,
    "done": _done,
    "left": _left,
    "stopped": _stopped,
    "versions": _versions,
    "remaining": lambda asked: time_left(asked.services, asked.state),
    "effects": _effects,
    "abilities": lambda _: tr(CAN),
}
