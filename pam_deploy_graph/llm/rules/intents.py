"""从遮去了参数的文字判断意图（依据 contract 第 4 节）；说法与次序在 ``data/intents.toml``。"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.llm.rules.draft import MASK, NAMED, squeeze
from pam_deploy_graph.llm.text.clauses import Clause, speaks
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table, words
from pam_deploy_graph.llm.validation import Intent

GUESSED: Final = 0.5
"""没有规则认得的说法，听模型的，把握至多是这么多。"""
_RETURNS = frozenset({Intent.RESUME, Intent.ROLLBACK})
"""部署的话里也会出现这些词（「没问题再继续」「回到 2.3.4 重新部署」），说全了就按部署理解。"""
_AT_ONCE = frozenset({Intent.RESUME, Intent.CANCEL, Intent.PAUSE})
"""听到就做，不再问人。"""
_CLAUSE = re.compile(r"(?:[^,。;!?\n.]|\.(?=\S))+")
_BREAK = re.compile(r"[,。;!?\n:]|\.\s")
_PARAMETER = re.compile(rf"{MASK}|\d\.\d")
_ASKS = re.compile(r"(?:\?|吗|没|没有|呢)$")
_HOW_MANY = re.compile(r"[几哪]|多少|\b(?:how many|which|what)\b", FLAGS)
_COURTESY = re.compile(rf"[\s,。;{MASK}]*ok(?:ay)?\s*\?", FLAGS)
"""「……，ok？」是客气，不是在问进度。"""
_SHORT = 7
_FEW_WORDS = 3
"""叫停或回滚的一句话最多几个字、几个词。"""
_ASKED = frozenset({Intent.STATUS, Intent.PREVIEW, Intent.UNKNOWN})
"""只是问一问、看一看的：问句里的也听。"""
LOST = msgid("没有听出要做什么：可以说部署、预演、进度、继续、回滚、暂停或取消")
_NAME_PAIR = re.compile(r"[a-z][\w-]*/[\w-]+", FLAGS)


@dataclass(frozen=True)
class Verdict:
    """意图、把握（0 到 1）和中文理由。"""

    intent: Intent
    confidence: float
    reason: str


@dataclass(frozen=True)
class _Rule:
    """一条规则：哪些说法算、哪些说法不算、看哪一份文字、是不是只在没说全时看。"""

    intent: Intent
    says: tuple[re.Pattern[str], ...]
    unless: tuple[re.Pattern[str], ...]
    on_meant: bool
    bare_only: bool


@cache
def _rules() -> tuple[_Rule, ...]:
    """规则表，按次序。"""
    data = table("intents")
    lexicon = dict(data["lexicon"])
    return tuple(
        _Rule(
            intent=Intent(rule["intent"]),
            says=compile_all(rule["says"], **lexicon),
            unless=compile_all(rule.get("unless", []), **lexicon),
            on_meant=rule.get("on") == "meant",
            bare_only=rule.get("when") == "bare",
        )
        for rule in data["rule"]
    )


def _speaks_of(topic: str, text: str) -> bool:
    """一段文字有没有闲话表里的某一类词。"""
    return any(form.search(text) for form in _topics(topic))


@cache
def _topics(name: str) -> tuple[re.Pattern[str], ...]:
    """闲话表里的一组说法。"""
    return compile_all(table("intents")["chatter"][name])


def _without_chatter(clause: re.Match[str]) -> str:
    """与部署无关的分句不听。"""
    text = clause.group()
    idle = _speaks_of("strong", text) or (_speaks_of("weak", text) and not _speaks_of("ours", text))
    return "" if idle else text


@dataclass(frozen=True)
class Said:
    """判断意图要看的：``whole`` 是整句（遮去了参数，问句还在），``heard`` 是肯定的分句，``meant`` 又去掉了否定。

    ``background`` 是不算数的分句里说到的动作（「上周升过」），没有为空；``ordered`` 是肯定的分句里有要做的事。
    """

    whole: str
    heard: str
    meant: str
    background: str = ""
    ordered: bool = False
    aside: bool = False
    """有没有不算数的分句。"""
    about_it: bool = True
    """不算数的分句里有没有就着这件事说的；各有所指（「上次装的 2.4.4」）的只是背景。"""
    asked: str = ""
    """只说了应用、模块和版本，接着就它问的一句；没有为空。"""


def judge(said: Said, *, complete: bool, held: bool, suggested: Intent | None = None) -> Verdict:
    """判断意图。

    Args:
        said: 要看的各份文字。
        complete: 版本和名字都说了，即使没有动词也听得出是部署。
        held: 说过「先别动」「不要执行」。
        suggested: 模型认为的意图；没有哪条规则说得准时才听。

    Returns:
        意图、把握和理由。

    """
    texts = [squeeze(_NAME_PAIR.sub(MASK, text)) for text in (said.whole, said.heard, said.meant)]
    texts = texts if complete else [_CLAUSE.sub(_without_chatter, text) for text in texts]
    matched = dict(_matches(*texts, complete=complete))
    aside = "" if said.ordered or (complete and not said.about_it) else said.background
    asked = [intent for intent in matched if intent in _ASKED]
    if held and (complete or matched.keys() & {Intent.PREVIEW, Intent.DEPLOY}) and asked[:1] != [Intent.UNKNOWN]:
        return _held(matched, said)
    for intent, word in matched.items():
        if intent is Intent.UNKNOWN:
            return Verdict(intent, 0.0, tr("说的是「{word}」，与部署无关", word=word))
        if intent is Intent.DEPLOY and aside:
            break
        if intent is Intent.RESUME and Intent.ROLLBACK in matched and MASK in said.heard:
            continue  # 「接着把甲退回去」：要做的是退回
        if intent is Intent.STATUS and complete and said.ordered and speaks(said.whole, "polite"):
            continue
        if intent is Intent.CANCEL and _speaks(said.whole, "for_now") and not _speaks(said.whole, "for_good"):
            intent = Intent.PAUSE  # noqa: PLW2901 —— 之后还要接着做的是暂停
        return Verdict(intent, 0.9, tr("原话里有「{word}」", word=word))
    if aside := aside or (said.asked if complete and not said.ordered else ""):
        return Verdict(Intent.UNKNOWN, 0.0, tr("「{background}」不是现在要做的事", background=aside))
    if complete:
        return Verdict(Intent.DEPLOY, 0.6, tr("说了应用、模块和版本，按部署理解"))
    return _listening_to(suggested, Verdict(Intent.UNKNOWN, 0.0, tr(LOST)))


def _listening_to(suggested: Intent | None, own: Verdict) -> Verdict:
    """规则说不准的听模型的；不再问人就算数的那几种除外，要人明说。"""
    if suggested is None or suggested in {own.intent, *_AT_ONCE}:
        return own
    return Verdict(suggested, own.confidence, tr("没有规则认得的说法，按模型的判断"))


def _held(matched: dict[Intent, str], said: Said) -> Verdict:
    """说了先别动：要看计划的是预演，别的没有要做的事。"""
    if Intent.PREVIEW in matched:
        return Verdict(Intent.PREVIEW, 0.9, tr("原话要求先不执行"))
    return Verdict(
        Intent.UNKNOWN,
        0.0,
        tr("「{background}」：没有要做的事；要看计划请说「预演」", background=said.background or tr("先不做")),
    )


def ends_rollout(part: Clause, text: str) -> bool:
    """「不搞了」「停止升级」说的是叫停，不是否定；「别取消」「今晚不升 2.3.4」，别处说了是哪个应用的，不是。"""
    if part.mood != "negated" or _PARAMETER.search(part.text) or NAMED in text or speaks(part.text, "undoes"):
        return False
    rules = [rule for rule in _rules() if rule.intent in {Intent.CANCEL, Intent.PAUSE}]
    return any(form.search(part.text) for rule in rules for form in rule.says)


def _matches(whole: str, heard: str, meant: str, *, complete: bool) -> Iterator[tuple[Intent, str]]:
    """按次序给出匹配到的意图和说法；要做的事只从肯定的分句里听。"""
    for rule in _rules():
        text = whole if rule.intent in _ASKED else meant if rule.on_meant else heard
        if (rule.bare_only and complete) or any(form.search(text) for form in rule.unless):
            continue
        for match in (match for form in rule.says if (match := form.search(text))):
            if not (complete and _is_aside(rule.intent, text, match)):
                yield rule.intent, match.group().strip()[:20]
                break


def _is_aside(intent: Intent, text: str, match: re.Match[str]) -> bool:
    """说全了的部署里，这个词是不是另有所指：背景、条件（「……就停」「完成后汇报」），而不是现在要做的事。"""
    if intent in {Intent.DEPLOY, Intent.PREVIEW} or (intent is Intent.RESUME and _speaks(text, "unfinished")):
        return False
    if _COURTESY.fullmatch(match.group().strip()) and _speaks(text, "deploys"):
        return True
    before, after = _BREAK.split(text[: match.start()]), _BREAK.split(text[match.end() :])
    clause = before[-1] + match.group() + after[0]
    if _speaks(clause.strip(), "bounds"):
        return True
    nearby = [*before[-2:], *([match.group()] if intent is Intent.STATUS and not _HOW_MANY.search(clause) else [])]
    if any(_speaks(part, "condition") or (MASK in part and len(part.strip()) <= _FEW_WORDS) for part in nearby):
        return True
    if not _PARAMETER.search(clause):
        return not _is_order(intent, clause.strip(), text)
    return _speaks("".join(after[1:]), "deploys") or (intent in _RETURNS and _speaks(text, "deploys"))


def _is_order(intent: Intent, clause: str, text: str) -> bool:
    """不带参数的分句是不是要做的事：短短一句叫停或回滚，或者整句以问进度收尾。"""
    if intent in {Intent.CANCEL, Intent.ROLLBACK}:
        return len(clause) <= _SHORT or (clause.isascii() and len(clause.split()) <= _FEW_WORDS)
    return intent is Intent.STATUS and text.endswith(clause) and bool(_ASKS.search(text))


def _speaks(text: str, group: str) -> bool:
    """一段文字有没有 ``words.toml`` 里的某一组说法。"""
    return any(form.search(text) for form in words(group))
