"""核对放下没有听的话：否定的、有条件的里头另有数目、机场、名字、范围的，不知道要怎么办，去问（依据 contract 第 4 节）。

放下一段话，只有它照 ``doubts.toml`` 的 ``idle`` 确实不改变什么、或者只是另一项限度的一部分时才不作声。
"""

import re
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Final

from pam_deploy_graph.constants import PACE
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.rules.gazetteer import gazetteer
from pam_deploy_graph.llm.rules.left_over import limit_named, paced
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.clauses import speaks
from pam_deploy_graph.llm.text.lexicon import FLAGS, forms_of

_forms: Final = partial(forms_of, "doubts")
_ASIDE: Final = frozenset({As.CONDITION, As.NEGATED})
_KNOWN: Final = frozenset({"VERSION_NUMBER", "execution_strategy", "target_ips", "exclude_ips", "other_address"})
"""认得出是哪一项的，不在这里核对。"""
_DOTTED: Final = re.compile(r"v?\d+(?:\.\d+)+", FLAGS)
_NUMBER: Final = re.compile(
    r"(?<![第头前这那])(?:\d+|[两三四五六七八九十]+)(?![年月日点号])|\b(?:two|three|four|five|six|seven|eight|nine|ten|half)\b",
    FLAGS,
)
_ADDRESS: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_FILLER: Final = (As.FILLER, "")
_CONTENT: Final = re.compile(r"[\u4e00-\u9fff]|[a-z]{2}", FLAGS)
_MARKS: Final = re.compile(r"[\s\W_]*")
_SHOWN: Final = 30


def doubt_aside(draft: Draft) -> None:
    """逐段核对；有疑的那一项去问，说的是整件事不做的记下。"""
    for start, end in _runs(draft):
        said = draft.original[start:end]
        if _names_another(draft, said) or _is_idle(draft, said, start, end):
            continue
        text, negated = _DOTTED.sub("", said), draft.account.labels[start] == (As.NEGATED, "")
        scoped = _ADDRESS.search(draft.original) or _says("bearing", text)
        if negated and speaks(text, "refused") and not scoped:
            draft.not_now = draft.not_now or said.strip()[:_SHOWN]
            continue
        name = _asked(draft, said)
        if name not in draft.control and not (name == "AIRPORT_CODE" and name not in draft.params):
            draft.leave_open(name, tr("「{said}」没有算进去：请说明 {name}", said=said.strip()[:_SHOWN], name=name))


def _runs(draft: Draft) -> Iterator[tuple[int, int]]:
    """放下的各段；只隔着标点、虚词的连成一段。"""
    spans: list[tuple[int, int]] = []
    labels = draft.account.labels
    for aside, run in groupby(range(len(labels)), lambda place: _set_aside(labels[place])):
        places = list(run)
        if not aside:
            continue
        joined = spans and _MARKS.fullmatch(draft.original[spans[-1][1] : places[0]])
        if joined:
            spans[-1] = spans[-1][0], places[-1] + 1
        else:
            spans.append((places[0], places[-1] + 1))
    yield from spans


def _set_aside(label: tuple[As, str] | None) -> bool:
    """一个字是不是放下了、又不知道是哪一项。"""
    return label is not None and label[0] in _ASIDE and label[1] not in _KNOWN


def _names_another(draft: Draft, said: str) -> bool:
    """里头说到另一座机场、说不是读出来的名字：问那一项。"""
    places = [codes for match in gazetteer().pattern.finditer(said) for codes, _ in [gazetteer().lookup(match.group())]]
    if "AIRPORT_CODE" in draft.params and any(draft.params["AIRPORT_CODE"] not in codes for codes in places):
        draft.leave_open("AIRPORT_CODE", tr("「{said}」又说到别的机场：请说明是哪一座", said=said.strip()[:_SHOWN]))
        return True
    words = {word.lower() for word in re.findall(r"[A-Za-z][\w-]+", said)}
    named = [name for name in ("APP_NAME", "MODULE_NAME") if draft.params.get(name, "").lower() in words]
    markers = [
        name
        for name, form in zip(("APP_NAME", "MODULE_NAME"), _forms("unknown_name"), strict=True)
        if form.search(said)
    ]
    for name in {*named, *markers}:
        draft.leave_open(name, tr("「{said}」：请说明 {name}", said=said.strip()[:_SHOWN], name=name))
    return bool(named or markers)


def _is_idle(draft: Draft, said: str, start: int, end: int) -> bool:
    """不改变什么的：紧挨着一项限度、是它的一部分的；没有数目，没有说到机器、动作、限度的；说退路的。"""
    text = _DOTTED.sub("", said)
    labels = draft.account.labels
    before = next((label for label in reversed(labels[:start]) if label != _FILLER), None)
    after = next((label for label in labels[end:] if label != _FILLER), None)
    if not _CONTENT.search(text) or any(label and label[1] in PACE for label in (before, after)):
        return True
    if _NUMBER.search(text):
        return False
    if _says("idle", text):
        return True
    negated = all(label and label[0] is As.NEGATED for label in labels[start:end])
    return negated and not (_says("bearing", text) or speaks(text, "refused") or limit_named(text) == "max_parallel")


def _says(group: str, text: str) -> bool:
    """一段文字有没有 ``doubts.toml`` 里的某一组说法。"""
    return any(form.search(text) for form in _forms(group))


def _asked(draft: Draft, said: str) -> str:
    """说的像哪一项：有三字码的是机场，有数目的照限度的说法，别的是哪几台。"""
    text = _DOTTED.sub("", said)
    if any(code in gazetteer().codes for code in re.findall(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", said)):
        return "AIRPORT_CODE"
    limit, counted = limit_named(text), _NUMBER.search(text)
    if limit and (counted or limit == "max_parallel"):
        return limit
    return "max_parallel" if counted and ("target_ips" in draft.control or paced(text)) else "target_ips"
