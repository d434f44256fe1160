"""从遮去了参数的文字判断意图（依据 contract 第 4 节）。"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pam_deploy_graph.llm.draft import squeeze
from pam_deploy_graph.llm.lexicon import FLAGS, compile_all, table
from pam_deploy_graph.llm.validation import Intent

_HEARD_FIRST = frozenset({Intent.UNKNOWN, Intent.PREVIEW, Intent.CANCEL, Intent.STATUS})
"""这几种意图的说法本身常带否定（「别升级了」），所以看去掉否定之前的文字。"""
_CONDITION = re.compile(r"就|则|便|后|再|并|一旦|的话|如果|要是|若|\b(?:if|when|once|after|then|and)\b", FLAGS)
_DEPLOYS = re.compile(r"部署|升|装|发布|上线|更新|换|\b(?:deploy|upgrade|install|roll\s*out|update)", FLAGS)
_RETURNS = frozenset({Intent.RESUME, Intent.ROLLBACK})
"""部署的话里也会出现这些词（「没问题再继续」「回到 2.3.4 重新部署」），说全了就按部署理解。"""


@dataclass(frozen=True)
class Verdict:
    """意图、把握（0 到 1）和中文理由。"""

    intent: Intent
    confidence: float
    reason: str


@cache
def _rules() -> tuple[tuple[Intent, tuple[re.Pattern[str], ...]], ...]:
    """意图的说法，按次序。"""
    return tuple((Intent(rule["intent"]), compile_all(rule["patterns"])) for rule in table("intents")["rule"])


def judge(heard: str, meant: str, *, complete: bool, held: bool) -> Verdict:
    """判断意图。

    Args:
        heard: 遮去参数、还留着否定的文字。
        meant: 又去掉了否定的文字。
        complete: 版本和名字都说了，即使没有动词也听得出是部署。
        held: 说过「先别动」「不要执行」。

    Returns:
        意图、把握和理由。

    """
    matched = dict(_matches(squeeze(heard), squeeze(meant), complete=complete))
    if held:
        return _held(matched, complete=complete)
    for intent, word in matched.items():
        if intent is Intent.UNKNOWN:
            return Verdict(intent, 0.0, f"说的是「{word}」，与部署无关")
        return Verdict(intent, 0.9, f"原话里有「{word}」")
    if complete:
        return Verdict(Intent.DEPLOY, 0.6, "说了应用、模块和版本，按部署理解")
    return Verdict(Intent.UNKNOWN, 0.0, "没有听出要做什么：可以说部署、预演、进度、继续、回滚或取消")


def _held(matched: dict[Intent, str], *, complete: bool) -> Verdict:
    """说了先别动：提到要做的事就是预演，什么都没提就是叫停。"""
    if complete or matched.keys() & {Intent.PREVIEW, Intent.DEPLOY}:
        return Verdict(Intent.PREVIEW, 0.9, "原话要求先不执行")
    return Verdict(Intent.CANCEL, 0.7, "原话要求不要执行")


def _matches(heard: str, meant: str, *, complete: bool) -> Iterator[tuple[Intent, str]]:
    """按次序给出匹配到的意图和说法；要部署什么说全了的话，不拿条件里的词当意图。"""
    for intent, patterns in _rules():
        text = heard if intent in _HEARD_FIRST else meant
        for match in (match for pattern in patterns if (match := pattern.search(text))):
            if not (complete and _is_aside(intent, text, match)):
                yield intent, match.group().strip()[:20]
                break


def _is_aside(intent: Intent, text: str, match: re.Match[str]) -> bool:
    """说全了的部署里，这个词是不是另有所指：与部署无关的闲话，或者「……就停」「完成后汇报」这样的条件。"""
    if intent in {Intent.DEPLOY, Intent.PREVIEW}:
        return False
    if intent is Intent.UNKNOWN:
        return True
    clause = re.split(r"[,。;!\n]", text[: match.end() if intent is Intent.STATUS else match.start()])[-1]
    return bool(_CONDITION.search(clause)) or (intent in _RETURNS and bool(_DEPLOYS.search(text)))
