"""没有标记的名字怎么认：看两个名字之间的话、离版本多远、像不像名字（依据 contract 第 2 节）。"""

import re
from itertools import pairwise
from typing import Final

from pam_deploy_graph.llm.rules.draft import MASK, Draft, lead
from pam_deploy_graph.llm.rules.names.tokens import Token, owned, owner_first
from pam_deploy_graph.llm.text.lexicon import FLAGS, word_set
from pam_deploy_graph.llm.validation import Intent

_VERB_BEFORE: Final = re.compile(
    r"(?:部署|升级?|安装|装|更新|推送?|发布?|上线|换|把|给|将|的|要|\b(?:deploy|install|upgrade|update|roll\s*out|push|ship|put|bring|take|get|need|move|release|roll\s*back|revert|restore)(?:ing)?|\b(?:plan|steps|preview|dry[\s-]?run)\s+(?:for|of))"
    rf"(?:\s|一下|一?[个套]|the\b|our\b|new\b|{MASK}|[:,])*$",
    FLAGS,
)
_CHANGED_AFTER: Final = re.compile(r"\s+(?:[a-z]+ed|taken|brought|put|kept)\s+(?:up\s+)?(?:from|to|onto|at)\b", FLAGS)
_WANTED_AFTER: Final = re.compile(r"\s*(?:要|需要|得|想|该)?(?:升级|更新|部署|升)", FLAGS)
_SENTENCE: Final = re.compile(r"[。!?\n;]|\.\s")
CODE_LIKE: Final = re.compile(r"[$<>{}|&?=]|;(?!\s)|\s-\w|\b(?:what|who|where|how|why|when)\b", FLAGS)
_WORD: Final = re.compile(r"[A-Za-z0-9][\w.-]*", FLAGS)
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_ASKING: Final = re.compile(r"\s*(?:(?:so|and|ok)\s*,?\s*)?(?:what|how|which|will|would|does|is|can)\b", FLAGS)
_LAST: Final = re.compile(r"[\s.?!]*")
_PAIR: Final = 2
_NEAR: Final = 3
_FAR: Final = 25

Spans = list[tuple[int, int]]


def may_guess(draft: Draft, intent: Intent, *, answering: bool) -> bool:
    """没有标记的字母串能不能当作名字：要部署、说了版本时能，回答补问时能，中文句子里夹着的能。"""
    if intent is Intent.ROLLBACK and not draft.versions:
        return "AIRPORT_CODE" in draft.params
    if intent is Intent.UNKNOWN:
        return not CODE_LIKE.search(draft.text) and (answering or _looks_paired(draft.text))
    return intent in {Intent.DEPLOY, Intent.PREVIEW} or bool(draft.versions or _CHINESE.search(draft.text))


def _looks_paired(text: str) -> bool:
    """只有两个词，又都不是虚词：多半是应用和模块。"""
    found = _WORD.findall(text)
    return len(found) == _PAIR and not word_set("stop") & {word.lower() for word in found}


def guess_names(text: str, tokens: list[Token], versions: Spans, *, answering: bool) -> list[Token]:
    """一个标记也没有时，按次序给出应用、模块（可能只有一个，也可能没有）。

    Args:
        text: 其余参数都已遮去的文字。
        tokens: 可能的名字，按先后。
        versions: 版本写在哪里；一个版本也没有的，名字要有更硬的凭据。
        answering: 是否在回答补问，这时光秃秃的名字也算数。

    Returns:
        先应用后模块。

    """
    hard = [token for token in tokens if not token.soft]
    if any(len(run) > _PAIR and _CHINESE.search(text) and not _told_apart(text, run) for run in _runs(text, hard)):
        return []
    pairs = [pair for run in _runs(text, tokens) for pair in pairwise(run) if _likely(text, pair, versions)]
    firm = [pair for pair in pairs if versions or answering or owned(text, *pair) or _asked_for(text, pair[0])]
    if firm:
        best = max(firm, key=lambda pair: (_score(text, pair, versions), pair[1].start))
        return list(best) if owner_first(text, *best) else [best[1], best[0]]
    return _lone(text, hard, versions, answering=answering)


def _likely(text: str, pair: tuple[Token, Token], versions: Spans) -> bool:
    """两个里有一个是普通的词时，要明说了从属，或者挨着版本。"""
    softness = sum(token.soft for token in pair)
    beside = owned(text, *pair) or _closeness(pair[0].start, pair[1].end, versions) > 1.5  # noqa: PLR2004 —— 挨着
    beside = beside or bool(_CHANGED_AFTER.match(text, pair[1].end))
    return softness == 0 or (softness == 1 and beside)


def partner(text: str, known: Token, tokens: list[Token], versions: Spans) -> Token | None:
    """已知一个名字，找它的另一半：紧挨着的最好，隔了句子又不像名字的不要。"""
    scored = [(_affinity(text, known, token, versions), token) for token in tokens if _near(text, known, token)]
    best = max(scored, key=lambda item: item[0], default=None)
    return best[1] if best and best[0] > 0 else None


def _near(text: str, known: Token, token: Token) -> bool:
    """普通的词要紧挨着已知的名字才算。"""
    left, right = sorted((known, token), key=lambda item: item.start)
    return not token.soft or owner_first(text, left, right) is not None


def _affinity(text: str, known: Token, token: Token, versions: Spans) -> float:
    """一个名字与已知的名字有多亲近；不大于 0 的不是一家。"""
    left, right = sorted((known, token), key=lambda item: item.start)
    gap = text[left.end : right.start]
    score = 2.0 + token.shaped + _closeness(token.start, token.end, versions) - len(gap.replace(MASK, "")) / 15
    score += 4 * (owner_first(text, left, right) is not None) + bool(_asked_for(text, token))
    return score - 2 * bool(_SENTENCE.search(gap))


def _runs(text: str, tokens: list[Token]) -> list[list[Token]]:
    """紧挨着的名字收成一串一串。"""
    runs: list[list[Token]] = []
    for token in tokens:
        if runs and owner_first(text, runs[-1][-1], token) is not None:
            runs[-1].append(token)
        else:
            runs.append([token])
    return runs


def _told_apart(text: str, run: list[Token]) -> bool:
    """一串三个以上的名字里，有没有两个明说了从属。"""
    return any(owned(text, *pair) or "|" in text[pair[0].end : pair[1].start] for pair in pairwise(run))


def _score(text: str, pair: tuple[Token, Token], versions: Spans) -> float:
    """两个名字像不像应用与模块。"""
    left, right = pair
    said = 2 * owned(text, left, right) + (_asked_for(text, left) is not None)
    return said + left.shaped + right.shaped + 2 * _closeness(left.start, right.end, versions)


def _closeness(start: int, end: int, versions: Spans) -> float:
    """离最近的版本有多近：挨着是 2，越远越小。"""
    gap = min((max(begin - end, start - stop, 0) for begin, stop in versions), default=_FAR)
    return 2.0 if gap <= _NEAR else max(0.0, 1.5 - gap / _FAR)


def _asked_for(text: str, token: Token) -> re.Match[str] | None:
    """前面紧挨着「部署」「把」，或后面紧跟「要升级」。"""
    return _VERB_BEFORE.search(lead(text, token.start)) or _WANTED_AFTER.match(text, token.end)


def _trails(text: str, token: Token, versions: Spans) -> bool:
    """英文问句末尾、版本之后的一个普通的词，多半是动词：``what does 2.3.4 involve``。"""
    after = versions and token.start >= max(end for _, end in versions)
    return bool(after and not token.shaped and _ASKING.match(text) and _LAST.fullmatch(text, token.end))


def _lone(text: str, tokens: list[Token], versions: Spans, *, answering: bool) -> list[Token]:
    """没有成对的：整句只有一两个就都要，否则要挨着版本或动词。"""
    if answering or (versions and len(tokens) <= _PAIR):
        return [token for token in tokens if answering or not _trails(text, token, versions)][:_PAIR]
    near = [
        token
        for token in tokens
        if _asked_for(text, token) or (versions and _closeness(token.start, token.end, versions) > 1)
    ]
    return near[:_PAIR] if versions else near[:1]
