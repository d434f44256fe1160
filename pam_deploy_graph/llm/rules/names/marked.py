"""照说法就能断定的应用名与模块名：「x 应用的 y 模块」「app x module y」「x/y 2.3.4」（依据 contract 第 2 节）。

先于别的提取器认出来，名字因此可以是 ``rollback``、``can``、``gate2`` 这样在别处另有意思的词。
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.rules.gazetteer import gazetteer
from pam_deploy_graph.llm.rules.names.tokens import LEFT_GAP, RIGHT_GAP, Token, markers, spelled
from pam_deploy_graph.llm.text.lexicon import FLAGS, word_set

_FIRM: Final = re.compile(r"应用|子?模块|模组|组件|插件")
"""单独一个也算数的标记；「系统」「部分」和英文的标记要成对。"""
_STATED: Final = re.compile(r"\)?\s*(?:应该?是|是|为|叫做?|写|填|=|:|(?:\bis\s+)?\b(?:named|called)\b)\s*", FLAGS)
_CODE: Final = re.compile(r"[A-Z]{3}")
_VERSION: Final = re.compile(r"v?\d+(?:\.\d+)+", FLAGS)
_TOLD_AFTER: Final = re.compile(
    r"\s*(?:软件|系统|程序|应用|software\b|app\b)?\s*(?:模[块组]|组件|\bmodule\b|(?:版本号?|\bversion|\bver|升级?[到至]?|更新[到至]?|\bto|到|至|->|:|-)?\s*v?\d+(?:\.\d+)+)",
    FLAGS,
)
_THEN_VERSION: Final = re.compile(
    r"\s+(?:(?:upgradation|upgrade|update|build|release|version|ver|to|at|on|onto|now|up|is)\.?\s+){0,3}v?\d+(?:\.\d+)+(?![\d.]*/)",
    FLAGS,
)
_STARTS: Final = re.compile(r"(?:^|[.!?:\n]\s*|\s-\s)$")
_FAR: Final = 30


@dataclass
class _Mark:
    """一个标记：是应用还是模块，左右紧挨着的词，以及断定了的名字。"""

    role: str
    text: str
    start: int
    end: int
    left: Token | None
    right: Token | None
    chosen: Token | None = None


def read_sure_names(draft: Draft) -> None:
    """把断定了的名字记在草稿里，文字换成记号：后面的提取器不会再当成别的。"""
    tokens = [token for token in spelled(draft.text) if not _VERSION.fullmatch(token.text)]
    names = {**_slashed(draft.text, tokens), **_marked(draft.text, tokens)} or _beside_version(draft.text, tokens)
    for token, role in names.items():
        draft.name(token.start, token.end, role, token.text)


def _beside_version(text: str, tokens: list[Token]) -> dict[Token, str]:
    """没有斜杠也没有标记：``checkin gate to 3.0.1``，紧挨着版本的两个词。"""
    found: dict[Token, str] = {}
    for left, right in pairwise(tokens):
        apart = text[left.end : right.start].strip(" ") or not _THEN_VERSION.match(text, right.end)
        if apart or any(map(_ordinary, (left, right))) or gazetteer().pattern.fullmatch(left.text):
            continue
        if found:
            return {}
        found = {_lowered(text, left, right): "APP_NAME", right: "MODULE_NAME"}
    return found


def _ordinary(token: Token) -> bool:
    """虚词、动词、三字码、带数字的，不当名字。"""
    word = token.text.lower()
    listed = any(word in word_set(name) for name in ("stop", "never", "lead", "tail"))
    return listed or bool(_CODE.fullmatch(token.text)) or not token.text.replace("-", "").isalpha()


def _lowered(text: str, left: Token, right: Token) -> Token:
    """句首大写的 ``Ramp tablet`` 写成小写。"""
    starts = left.text.istitle() and right.text.islower() and _STARTS.search(text[: left.start])
    return replace(left, text=left.text.lower()) if starts else left


def _slashed(text: str, tokens: list[Token]) -> dict[Token, str]:
    """``x/y`` 后面紧跟着版本或「模块」；``PVG/x`` 不是。"""
    found: dict[Token, str] = {}
    for left, right in pairwise(tokens):
        apart = text[left.end : right.start] != "/" or text[max(0, left.start - 1) : left.start] == "/"
        if not (apart or _CODE.fullmatch(left.text)) and _TOLD_AFTER.match(text, right.end):
            found |= {_lowered(text, left, right): "APP_NAME", right: "MODULE_NAME"}
    return found


def _marked(text: str, tokens: list[Token]) -> dict[Token, str]:
    """标记旁边的名字：先定只有一边可能的，再定多半在一边的；另一个标记照同一个方向。"""
    marks = _marks(text, tokens)
    for side in (_only_side, _likely_side):
        for mark in marks:
            mark.chosen = mark.chosen or side(text, mark)
        for one, other in pairwise(marks):
            if one.role != other.role and other.start - one.end <= _FAR:
                _follow(one, other)
                _follow(other, one)
    paired = {id(mark) for pair in pairwise(marks) if _is_pair(*pair) for mark in pair}
    return {
        mark.chosen: mark.role
        for mark in marks
        if mark.chosen and (id(mark) in paired or (_FIRM.match(mark.text) and _plain(text, mark, mark.chosen)))
    }


def _marks(text: str, tokens: list[Token]) -> list[_Mark]:
    """找出标记，连同左右紧挨着的词。"""
    marks = []
    for role, start, end in markers(text):
        left = next((token for token in reversed(tokens) if token.end <= start), None)
        right = next((token for token in tokens if token.start >= end), None)
        left = left if left and LEFT_GAP.fullmatch(text, left.end, start) else None
        right = right if right and RIGHT_GAP.fullmatch(text, end, right.start) else None
        marks.append(_Mark(role, text[start:end], start, end, _possible(text, left), _possible(text, right)))
    return marks


def _possible(text: str, token: Token | None) -> Token | None:
    """可能是名字的词；``x/y`` 里的另说。"""
    if not token or token.text.lower() in word_set("never"):
        return None
    return None if "/" in text[max(0, token.start - 1) : token.end + 1] else token


def _only_side(text: str, mark: _Mark) -> Token | None:
    """只有一边可能是名字的那一边；两边都可能的为空。"""
    left, right = mark.left, mark.right
    if right and _STATED.fullmatch(text, mark.end, right.start):
        return right
    if left and (not right or mark.text.endswith("的") or right.text.lower() in word_set("tail")):
        return left
    return None if left else right


def _likely_side(_text: str, mark: _Mark) -> Token | None:
    """两边都可能时，左边是「deploy」或三字码的，名字在右边。"""
    left = mark.left
    return mark.right if left and (left.text.lower() in word_set("lead") or _CODE.fullmatch(left.text)) else None


def _follow(known: _Mark, unknown: _Mark) -> None:
    """一个标记的名字在哪一边，另一个的也在哪一边。"""
    if known.chosen and not unknown.chosen:
        side = unknown.left if known.chosen is known.left else unknown.right
        unknown.chosen = side if side is not known.chosen and side and not _CODE.fullmatch(side.text) else None


def _is_pair(one: _Mark, other: _Mark) -> bool:
    """两个标记相距不远，一个是应用一个是模块，名字都定了，又不是同一个。"""
    near = one.role != other.role and other.start - one.end <= _FAR
    return near and bool(one.chosen and other.chosen) and one.chosen != other.chosen


def _plain(text: str, mark: _Mark, chosen: Token) -> bool:
    """单独一个标记的名字不能是动词，除非前面有「把」「的」，或者明说「应用：x」。"""
    if chosen is mark.right:
        return chosen.text.lower() not in word_set("lead") or bool(_STATED.fullmatch(text, mark.end, chosen.start))
    told = text[max(0, chosen.start - 2) : chosen.start].strip()[-1:] in {"把", "将", "对", "的"}
    return told or not (chosen.text.lower() in word_set("lead") or _CODE.fullmatch(chosen.text))
