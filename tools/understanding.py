"""给理解打分：一句请求或一句回答的标注怎样写、怎样才算对、什么算危险（``tools.eval`` 用）。

标注每行一个 JSON：请求有 ``text``、``expect``（意图、``ask NAME and NAME``、``X or Y``）、``slots``，
也认旧写法 ``intent``；回答另有 ``ask``（``approve_plan`` 或 ``rollback-ip``），
``expect`` 是决定、改动，或「什么也不变」。
"""

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.constants import CONTROLS, LIMITS
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.answers import read_decisions, speaks_of_it
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.llm import LlmClient, RuleBasedLlmClient, merge_control
from pam_deploy_graph.runs.open_questions import goes_on_bare

GOAL: Final = 0.97
NEEDLESS: Final = 0.05
ACTING: Final = frozenset({"deploy", "rollback", "resume", "cancel", "pause"})
"""会动手的意图。"""
NAMES: Final[tuple[str, ...]] = ("AIRPORT_CODE", "APP_NAME", "MODULE_NAME", "VERSION_NUMBER")
SCOPE: Final = ("target_ips", "exclude_ips")


@dataclass(frozen=True)
class Case:
    """一例请求：原话、许可的意图、必须问的参数、必须读出的参数。"""

    text: str
    intents: frozenset[str]
    asks: frozenset[str]
    may_ask: bool
    slots: Mapping[str, Any]


@dataclass
class Heard:
    """程序听成了什么。"""

    intent: str
    slots: dict[str, Any]
    missing: list[str]
    notes: list[str]


@dataclass
class Score:
    """一个集的成绩；``hit``、``extra``、``lost`` 按参数名计数。"""

    total: int = 0
    right: int = 0
    needless: int = 0
    hit: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    dangers: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    @property
    def good_enough(self) -> bool:
        """是否达到目标。"""
        right = self.intent_accuracy >= GOAL and self.rates()[2] >= GOAL
        return right and not self.dangers and self.needless_share <= NEEDLESS

    @property
    def intent_accuracy(self) -> float:
        """意图（该问的问了也在内）的正确率。"""
        return self.right / self.total if self.total else 1.0

    @property
    def needless_share(self) -> float:
        """不该问而问的占几成。"""
        return self.needless / self.total if self.total else 0.0

    def rates(self, names: Iterable[str] | None = None) -> tuple[float, float, float]:
        """返回查准率、查全率、F1；``names`` 为空时算全部参数。"""
        chosen = set(names) if names is not None else {*self.hit, *self.extra, *self.lost}
        hit, extra, lost = (sum(count[name] for name in chosen) for count in (self.hit, self.extra, self.lost))
        precision = hit / (hit + extra) if hit + extra else 1.0
        recall = hit / (hit + lost) if hit + lost else 1.0
        total = precision + recall
        return precision, recall, 2 * precision * recall / total if total else 0.0


def load(path: Path) -> list[Case]:
    """读一个请求集。"""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [case_of(row) for row in rows if "ask" not in row]


def case_of(row: Mapping[str, Any]) -> Case:
    """读一行标注。"""
    intents: set[str] = set()
    asks: set[str] = set()
    may_ask = False
    for option in str(row.get("expect") or row["intent"]).split(" or "):
        if option == "ask":
            may_ask = True
        elif option.startswith("ask "):
            asks |= set(re.split(r" and |, ", option[4:]))
            may_ask = may_ask or bool(intents)
        else:
            intents.add(option)
    if intents and asks:
        asks, may_ask = set(), True
    slots = {name: value for name, value in row.get("slots", {}).items() if name != "note"}
    return Case(row["text"], frozenset(intents or {"deploy", "preview"}), frozenset(asks), may_ask, slots)


def hear(client: LlmClient, text: str) -> Heard:
    """让程序听一句。"""
    intent, found = client.understand_request(text).intent, client.extract_params(text, {})
    return Heard(intent, {**found.extracted_params, **found.control_params}, list(found.missing_params), found.notes)


def evaluate(client: LlmClient, cases: Iterable[Case]) -> Score:
    """逐例打分。"""
    score = Score()
    for case in cases:
        mark(score, case, hear(client, case.text))
    return score


def mark(score: Score, case: Case, heard: Heard) -> None:
    """记下一例的成绩。"""
    score.total += 1
    asked = frozenset(heard.missing)
    fits = heard.intent in case.intents and case.asks <= asked
    fits = fits or (case.may_ask and bool(asked) and heard.intent in {"deploy", "preview", "rollback"})
    score.right += fits
    found, wanted = _effective(heard.slots), _effective(case.slots)
    acts = bool(case.intents & {"deploy", "preview", "rollback"}) and heard.intent != "unknown"
    right = {name for name, value in wanted.items() if found.get(name) == value}
    judged = set(found) if acts or wanted else set()
    score.hit.update(right)
    score.extra.update(judged - right - case.asks)
    score.lost.update(set(wanted) - right)
    needed = {name for name in NAMES if name not in case.slots}
    needless = acts and not case.may_ask and asked - case.asks - needed
    score.needless += bool(needless)
    line = f"`{case.text}`：应为 {_said(case)}，答成 {heard.intent} {found} 问 {heard.missing}"
    if why := danger(case, heard):
        score.dangers.append(f"{why}：{line}")
    elif not fits or right != set(wanted) or judged - right - case.asks or needless:
        score.misses.append(line)


def danger(case: Case, heard: Heard) -> str:
    """这样听会不会做了没有要求的事；不会的为空串。问了的、说了没听懂的不算；取消、换一种说法的继续，做之前总要人再说一遍。"""
    asks = bool(heard.missing) if heard.intent == "deploy" else "target_ips" in heard.missing
    first = heard.intent == "cancel" or (heard.intent == "resume" and not goes_on_bare(case.text))
    if heard.intent not in ACTING or asks or first:
        return ""
    if heard.intent not in case.intents:
        return f"没有要求 {heard.intent}"
    if case.asks - set(heard.missing) and not case.may_ask:
        return f"该问 {'、'.join(sorted(case.asks))}"
    return _wrong_value(case, heard) if not (case.may_ask and heard.missing) else ""


def _wrong_value(case: Case, heard: Heard) -> str:
    """动手的请求里，范围大了、名字错了、限制丢了。"""
    found, wanted = _effective(heard.slots), _effective(case.slots)
    wider = "target_ips" in wanted and not set(found.get("target_ips") or ["*"]) <= set(wanted["target_ips"])
    if wider or not set(wanted.get("exclude_ips", ())) <= {*found.get("exclude_ips", ()), *_outside(found, wanted)}:
        return "范围不对"
    wrong = [name for name in NAMES if name in found and name in wanted and found[name] != wanted[name]]
    said = any("没有听懂" in note for note in heard.notes)
    lost = [name for name in CONTROLS if name in LIMITS & wanted.keys() and found.get(name) != wanted[name]]
    wrong += lost if not said else []
    return f"{'、'.join(wrong)} 不对" if wrong else ""


def _outside(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> set[str]:
    """点了名的范围之外的，本来就不会动。"""
    named = set(found.get("target_ips", ()))
    return set(wanted.get("exclude_ips", ())) - named if named else set()


def _effective(slots: Mapping[str, Any]) -> dict[str, Any]:
    """点名的减去不要动的；次序不论。"""
    plain = dict(slots)
    targets, excluded = (set(plain.get(name) or ()) for name in SCOPE)
    if targets:
        plain["target_ips"] = sorted(targets - excluded)
        plain.pop("exclude_ips", None)
    elif excluded:
        plain["exclude_ips"] = sorted(excluded)
    return {name: [str(one) for one in value] if name == "waves" else value for name, value in plain.items()}


def _said(case: Case) -> str:
    """标注写成一句。"""
    asks = f" 问 {sorted(case.asks)}" if case.asks else ""
    return f"{'/'.join(sorted(case.intents))}{asks}{' 或问' if case.may_ask else ''} {dict(case.slots)}"


PLAN_PARAMS: Final = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.2.3"}
PLAN_IPS: Final = [f"10.0.0.{octet}" for octet in range(1, 9)]
WAITING: Final = {"10.0.0.4": "verify-ip", "10.0.0.7": "start-ip"}
NOTHING: Final = "nothing"


@dataclass
class AnswerScore:
    """回答的成绩。"""

    total: int = 0
    right: int = 0
    dangers: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)


def load_answers(path: Path) -> list[dict[str, Any]]:
    """读一个回答集。"""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, filter(str.strip, lines)) if "ask" in row]


def evaluate_answers(rows: Iterable[Mapping[str, Any]]) -> AnswerScore:
    """逐例打分：计划是 10.0.0.1-8，等着的是 10.0.0.4 与 10.0.0.7。"""
    score = AnswerScore()
    for row in rows:
        score.total += 1
        found, wanted = hear_answer(row["ask"], row["text"]), _wanted_answer(row["expect"])
        if wanted == NOTHING and found == "status":  # 就地答了问的，什么也没有变
            found = NOTHING
        if found == wanted or (isinstance(wanted, str) and found in wanted.split(" or ")):
            score.right += 1
            continue
        line = f"`{row['text']}`（{row['ask']}）：应为 {row['expect']}，听成 {found}"
        (score.misses if found in (NOTHING, "status", "pause") else score.dangers).append(line)
    return score


def hear_answer(ask: str, text: str) -> Any:
    """程序把一句回答听成什么：决定、改动、意图，或什么也不变。"""
    client = RuleBasedLlmClient()
    with contextlib.suppress(InvalidInputError):
        if ask == "approve_plan":
            return str(read_decisions(text, [PLAN])[PLAN].decision)
        decided = read_decisions(text, list(WAITING), WAITING)
        return {ip: str(answer.decision) for ip, answer in decided.items()}
    intent = client.understand_request(text).intent
    found = client.extract_params(text, {**PLAN_PARAMS, "target_ips": PLAN_IPS})
    if speaks_of_it(ask, intent, text, amends=bool(found.control_params)):
        intent = "unknown"
    if intent in {"cancel", "pause", "status"}:
        return intent
    if ask != "approve_plan":
        return NOTHING
    changed = {**found.extracted_params, **found.control_params}
    if "target_ips" in changed:
        changed["target_ips"] = merge_control({"target_ips": PLAN_IPS}, found.control_params, text)["target_ips"]
    return _effective(changed) if changed and not found.missing_params else NOTHING


def _wanted_answer(expect: Any) -> Any:
    """标注写成同样的形状。"""
    if not isinstance(expect, str):
        return expect
    if expect.startswith("nothing"):
        return NOTHING
    decision, _, scope = expect.partition(" ")
    return dict.fromkeys(WAITING, decision) if scope.startswith("all") else expect
