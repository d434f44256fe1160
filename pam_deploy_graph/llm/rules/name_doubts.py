"""核对名字：没有着落的词像名字、猜出来的两个隔着别的话、说了不是它的，去问；说法在 ``doubts.toml``。"""

import re
from functools import partial
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.rules.gazetteer import worldwide
from pam_deploy_graph.llm.rules.left_over import is_free, segment
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import FLAGS, forms_of, word_set

_forms: Final = partial(forms_of, "doubts")
"""``doubts.toml`` 里的一组说法。"""
_NAMES: Final = ("APP_NAME", "MODULE_NAME")
_LATIN: Final = re.compile(r"(?<![\w.@/-])[a-z][a-z0-9_-]{2,}(?![\w@])", FLAGS)
_SENTENCE: Final = re.compile(r"[,。!?\n]|\.\s")
_GAP: Final = re.compile(r"\s?(?:[:/]|\b(?:release|version|ver|v)\b)?\s?", FLAGS)
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")


def doubt_names(draft: Draft) -> None:
    """逐项核对名字；有疑的去问应用与模块各是什么。"""
    _names(draft)
    _apart(draft)
    _spelled(draft)
    _negated(draft)


def _spelled(draft: Draft) -> None:
    """汉字句子里，与名字在同一个分句的字母词没有着落：也许才是名字。"""
    named = [place for place, label in enumerate(draft.account.labels) if label and label[1] in _NAMES]
    for name in draft.guessed & {*_NAMES}:
        speaks = any(
            draft.original[start - 1 : start] in {"", "\n"} and draft.original[end : end + 1] == ":"
            for start, end in draft.account.spans(name)
        )
        if speaks:
            draft.leave_open(name, tr("{get} 像是说话的人：请说明 {name}", get=draft.params.get(name, ""), name=name))
    for match in _LATIN.finditer(draft.original) if _HAN.search(draft.original) else ():
        low, high = segment(draft.original, *match.span())
        near = any(low <= place < high for place in named) and _HAN.search(draft.original, low, high)
        word = match.group()
        read_as = {value.lower() for value in draft.params.values()}
        known = word.lower() in word_set("stop") | word_set("soft") | read_as or word.istitle()
        told = not (known or _is_verb(draft, *match.span())) and not draft.undecided.keys() & {*_NAMES}
        if near and told and all(label is None for label in draft.account.labels[slice(*match.span())]):
            for name in _NAMES:
                draft.leave_open(name, tr("「{word}」像是名字，没有听懂：请说明应用与模块各是什么", word=word))


def _names(draft: Draft) -> None:
    """挨着名字、版本的词像名字而没有着落：问应用与模块。"""
    known = {draft.params.get(name, "").lower() for name in _NAMES}
    apps = {start for start, _ in draft.account.spans("APP_NAME") if draft.original[start - 1 : start] == " "}
    beside = (
        {end for name in _NAMES for _, end in draft.account.spans(name)},
        {start for start, _ in draft.versions},
        apps if _beside(draft) else set(),
    )
    for match in _LATIN.finditer(draft.original):
        word, (start, end) = match.group(), match.span()
        common = word.lower() in known | word_set("stop") | word_set("soft") or not is_free(draft, start, end)
        common = common or _is_verb(draft, start, end)
        if common or "MODULE_NAME" not in draft.params:
            continue
        before_name = any(draft.original[end:place] == " " for place in beside[2]) and word not in word_set("never")
        after_name = any(_GAP.fullmatch(draft.original[place:start]) for place in beside[0] if place <= start)
        to_version = any(_GAP.fullmatch(draft.original[end:place]) for place in beside[1] if end <= place)
        if (after_name and draft.guessed & {*_NAMES}) or to_version or before_name:
            for name in _NAMES:
                draft.leave_open(name, tr("「{word}」像是名字，没有听懂：请说明应用与模块各是什么", word=word))


def _is_verb(draft: Draft, start: int, end: int) -> bool:
    """一句话开头的小写词，这一句里又没有别的动词：``chuck lostfound desk 1.8.2 on ...`` 的 chuck。"""
    low = max((cut.end() for cut in _SENTENCE.finditer(draft.original, 0, start)), default=0)
    cut = _SENTENCE.search(draft.original, end)
    said = {label[1] for label in draft.account.labels[low : cut.start() if cut else None] if label}
    opens = not draft.original[low:start].strip() and draft.original[low:end].islower()
    return opens and "intent" not in said and "AIRPORT_CODE" in draft.params


def _beside(draft: Draft) -> bool:
    """名字是不是照紧挨着版本的两个词认的：那样前面再挨着一个词，就不知道是哪两个。"""
    spans = [next(draft.account.spans(name), None) for name in _NAMES]
    return all(spans) and draft.original[spans[0][1] : spans[1][0]].strip(" ") == ""  # type: ignore[index]  # all 看过了


def _apart(draft: Draft) -> None:
    """猜出来的名字与另一个名字隔着别的话：署名、动词、地名也会这样，不当作一对；地名不是名字。"""
    for name in _NAMES:
        if draft.params.get(name, "").lower() in word_set("never"):
            draft.leave_open(
                name, tr("「{value}」不像 {name}：请说明应用与模块各是什么", value=draft.params[name], name=name)
            )
    spans = [next(draft.account.spans(name), None) for name in _NAMES]
    if not draft.guessed & {*_NAMES} or not all(spans):
        return
    (_, end), (start, _) = sorted(span for span in spans if span)
    labels = draft.account.labels
    between = "".join(
        draft.original[at]
        for at in range(end, start)
        if (labels[at] or (As.UNREAD, ""))[1] not in {"VERSION_NUMBER", *_NAMES}
    )
    placed = {name for name in draft.guessed & {*_NAMES} if draft.params.get(name, "").lower() in worldwide().cities}
    far = {*_NAMES} & draft.guessed if not any(form.fullmatch(between) for form in _forms("between_names")) else set()
    for name in far | placed:
        draft.leave_open(
            name, tr("「{value}」不像 {name}：请说明应用与模块各是什么", value=draft.params.get(name, ""), name=name)
        )


def _negated(draft: Draft) -> None:
    """「是双流不是天府」：说了不是的那一个，不能是读出来的值。"""
    for name in _NAMES:
        value = draft.params.get(name, "")
        for start, end in draft.account.spans(name) if value else ():
            said = draft.original[start:end].strip().lower()
            if said == value.lower() and any(
                form.search(draft.original[max(0, start - 12) : start]) for form in _forms("not")
            ):
                draft.leave_open(name, tr("说了不是 {value}：请说明是哪一个", value=value))
                break
