"""等人决定的事写成卡片：一个原因一张，与其余不同的另成一张；每张带着看到的全部摘要（contract 第 5、8 节）。"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pam_deploy_graph.constants import DECISIONS, PLAN_DECISIONS, Decision
from pam_deploy_graph.flows.diagnosis import diagnose
from pam_deploy_graph.flows.service_state import version_text
from pam_deploy_graph.home.run_files import log_folder
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import FIRST_OF_TWO, PLAN
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.policy import Act
from pam_deploy_graph.report.decision_text import Alike, group_alike
from pam_deploy_graph.report.html.networks import ranges
from pam_deploy_graph.report.plan_text import change_part, other_part
from pam_deploy_graph.runs.open_questions import open_questions
from pam_deploy_graph.runs.site_rules import Site, asked_of, why_outdated
from pam_deploy_graph.runs.status import SHORT_DIGEST

if TYPE_CHECKING:
    from pam_deploy_graph.console.live import Live
    from pam_deploy_graph.console.room import Room

COUNTED_FROM: Final = 50
"""满这么多台的，要把台数打出来才作数：大的决定不是顺手一点。"""
_WHAT: Final = ("AIRPORT_CODE", "APP_NAME", "MODULE_NAME", "VERSION_NUMBER")


@dataclass(frozen=True, slots=True)
class Option:
    """一种回答：按钮上写什么，选了会怎样，为什么不是您的（能答的为空串）。"""

    decision: str
    button: str
    effect: str
    why_not: str


@dataclass(slots=True)
class Card:
    """一张卡片；``shown`` 是各个对象与给人看过的摘要。"""

    run_id: str
    plan: bool
    params: Mapping[str, str]
    requester: str
    since: int
    shown: list[tuple[str, str]]
    options: list[Option]
    dark: Sequence[str]
    group: Alike | None = None
    text: str = ""
    changes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    first: str = ""
    evidence: list[dict[str, Any]] = field(default_factory=list)
    left: int = 0

    @property
    def code(self) -> str:
        """一张卡片的名字：第一个摘要的开头；电话里报它，两边看的就是同一张。"""
        return self.shown[0][1][:SHORT_DIGEST]

    @property
    def count(self) -> int:
        """管几台。"""
        return self.left if self.plan else len(self.shown)

    @property
    def what(self) -> str:
        """哪座机场、哪个应用、模块、版本。"""
        airport, app, module, version = (self.params[name] for name in _WHAT)
        return f"{airport} {app}/{module} {version}"

    @property
    def ranges(self) -> list[str]:
        """哪几台，连号合并。"""
        return [] if self.plan else ranges(ip for ip, _ in self.shown)

    @property
    def counted(self) -> bool:
        """要不要把台数打出来。"""
        return self.count >= COUNTED_FROM

    @property
    def mine(self) -> bool:
        """有没有一种回答是看的人答得了的。"""
        return any(not option.why_not for option in self.options)

    def versions(self) -> tuple[str, str]:
        """开工前与此刻读回的版本；计划没有。"""
        if self.group is None:
            return "", ""
        asked = self.group.question
        return version_text(asked["version_before"]), version_text(asked["version_now"])


def cards_of(room: "Room", live: "Live", person: str) -> list[Card]:
    """一次运行等着的，给 ``person`` 看；停用的在前，然后是台数多的。只在管账本的线程里用。"""
    state, ledger, site = live.state, room.services.ledger, room.services.site()
    if state.exit_code is not None or ledger.get_run(state.run_id).cancelled_by:
        return []
    questions = open_questions(ledger, state)
    if questions and questions[0]["subject"] == PLAN:
        return [_plan_card(site, state, questions[0], person, live.dark)]
    found = [_group_card(room, site, state, group, questions, person, live.dark) for group in group_alike(questions)]
    return sorted(found, key=lambda card: not any(ip in card.dark for ip, _ in card.shown))


def _plan_card(site: Site, state: AgentState, asked: Mapping[str, Any], person: str, dark: Sequence[str]) -> Card:
    """等批准的计划。"""
    count = len(state.planned_ips or [])
    first = site.ledger.decision(state.run_id, FIRST_OF_TWO, str(asked["digest"]))
    card = Card(
        run_id=state.run_id,
        plan=True,
        params=state.params,
        requester=state.requested_by or state.registered_by,
        since=state.asked_at,
        shown=[(PLAN, str(asked["digest"]))],
        options=[_plan_option(site, state, decision, count, person) for decision in map(Decision, PLAN_DECISIONS)],
        dark=dark,
        text=str(asked["text"]),
        left=count,
    )
    card.changes, card.others = change_part(card.text), other_part(card.text)
    card.first = first.operator if first else ""
    return card


def _plan_option(site: Site, state: AgentState, decision: Decision, count: int, person: str) -> Option:
    """对计划的一种回答；拒绝谁都可以。"""
    why = "" if decision is Decision.REJECT else _why_not(site, state, Act.APPROVE_PLAN, person)
    effect = tr("照下面的计划开始做") if decision is Decision.APPROVE else tr("这次运行到此为止，一台也不动")
    return Option(str(decision), _button(decision, count, plan=True), effect, why)


def _group_card(
    room: "Room",
    site: Site,
    state: AgentState,
    group: Alike,
    questions: Iterable[Mapping[str, Any]],
    person: str,
    dark: Sequence[str],
) -> Card:
    """情形相同的几台。"""
    digests = {str(one["ip"]): str(one["digest"]) for one in questions}
    why = _why_not(site, state, Act.APPROVE_ROLLBACK, person)
    effects = group.question["effects"]
    first = group.ips[0]
    kept = partial(room.services.logs.lines, state, first)
    found = diagnose(state.ip_states[first], room.home, log_folder(state), kept)
    return Card(
        run_id=state.run_id,
        plan=False,
        params=state.params,
        requester=state.requested_by or state.registered_by,
        since=min(state.ip_states[ip].get("asked_at", 0) for ip in group.ips),
        shown=[(ip, digests[ip]) for ip in group.ips],
        options=[
            Option(str(each), _verb(group, each), effects[str(each)], why) for each in DECISIONS if str(each) in effects
        ],
        dark=[ip for ip in dark if ip in digests],
        group=group,
        evidence=found["evidence"],
        left=len(state.target_ips) - len(state.ip_states),
    )


def _verb(group: Alike, decision: Decision) -> str:
    """按钮上的动词；本来就在原来版本上的，同意只是把它启动。"""
    asked = group.question
    starts = decision is Decision.APPROVE and asked["version_now"] == asked["to_version"] and asked["running"] is False
    if starts:
        return tr("启动 {n} 台", n=len(group.ips))
    return _button(decision, len(group.ips), plan=False)


def _button(decision: Decision, count: int, *, plan: bool) -> str:
    """按钮上的话：做什么，几台。"""
    row = DECISIONS[decision]
    said = row.meaning(plan=plan).button
    return tr(said, n=count) if said else tr("{word} {n} 台", word=tr(row.word), n=count)


def _why_not(site: Site, state: AgentState, act: Act, person: str) -> str:
    """为什么这个按钮不是他的；是的为空串。"""
    return why_outdated(site, state) or site.policy.why_not(asked_of(site, state, act, person))
