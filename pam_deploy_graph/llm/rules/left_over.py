"""没有人认领的话：没有意思的放过，余下的念给人听；像在说范围、限度、版本、机场的去问（依据 contract 第 4 节）。"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import groupby
from typing import Any, Final

from pam_deploy_graph.constants import CONTROLS, PACE
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.decision_lexicon import strange_in
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.rules.remarks import Role, role_of
from pam_deploy_graph.llm.rules.statements import weigh_statements
from pam_deploy_graph.llm.span_account import As, Span
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, forms_of, table, word_set
from pam_deploy_graph.llm.text.normalise import trace
from pam_deploy_graph.llm.text.numbers import to_int
from pam_deploy_graph.llm.validation import Intent

_forms: Final = partial(forms_of, "filler")
"""``filler.toml`` 里的一组说法。"""
_ACTS: Final = frozenset({Intent.DEPLOY, Intent.PREVIEW, Intent.ROLLBACK})
_IP: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_WORD: Final = re.compile(r"[a-z][a-z']*", FLAGS)
_MARKS: Final = re.compile(r"[\W_]+")
_TOLD: Final = re.compile(r"[\u4e00-\u9fff]|[a-z]{3}|\d{2}", FLAGS)
_SEGMENT: Final = re.compile(r"[,。;!?\n]|\.\s")
_AMOUNT: Final = compile_all([r"(?:一共|总共|[计共])?{N}\s*[台个俩部](?:机器|工作站)?"])[0]
_PLAIN: Final = frozenset({*CONTROLS, "AIRPORT_CODE", "APP_NAME", "MODULE_NAME", "VERSION_NUMBER", Role.OTHER})
"""说得出值的各项；动作、范围的字样不算。"""
_SHOWN: Final = 40
_MANY: Final = 6
_TOO_MANY: Final = 40
"""这么多处没有听懂的话，不必逐处掂量。"""
_CLAUSE: Final = 200
"""一处的左右最多看多远。"""


def settle_left(draft: Draft, intent: Intent) -> None:
    """给剩下的话一个交代。

    Args:
        draft: 各个提取器都读过了的草稿。
        intent: 判断出来的意图；不动手的不用问。

    """
    _explain(draft)
    for start, end in draft.account.left():
        _sweep(draft, start, end)
    _count(draft)
    unread = _joined(draft)
    if len(unread) > _TOO_MANY and intent in _ACTS:
        draft.leave_open("target_ips", tr("有 {n} 处没有听懂：请说短些，并给出要做的 IP（target_ips）", n=len(unread)))
        unread = unread[:_TOO_MANY]
    if intent not in _ACTS:
        return
    if intent is not Intent.PREVIEW:
        for start, end in unread:
            _weigh(draft, start, end, limits=intent is Intent.DEPLOY)
    if intent is Intent.DEPLOY:
        _weigh_addresses(draft, unread)
        _weigh_doubts(draft)
        weigh_statements(draft)
    said = [draft.text[start:end].strip(" ,.;:") for start, end in unread]
    if said := [text for text in said if any(map(str.isalnum, text))]:
        shown = tr("、").join(tr("「{text}」", text=text[:_SHOWN]) for text in said[:_MANY])
        more = tr(" 等 {n} 处", n=len(said)) if len(said) > _MANY else ""
        draft.note(tr("没有听懂：{shown}{more}", shown=shown, more=more))


def left_in(account: Sequence[Span]) -> Iterator[str]:
    """没有人认领、也不是在说同意的各段原文。"""
    for told, run in groupby(account, lambda span: span.kind not in {As.UNREAD, As.FILLER}):
        spans = list(run)
        text, start = "".join(span.text for span in spans), spans[0].start
        unread = {place for span in spans if span.kind is As.UNREAD for place in range(span.start, span.end)}
        if unread and not told:
            heard = trace(text)
            strange = {start + heard.starts[place] for place in strange_in(heard.text)} & unread
            yield "".join(said for place, said in enumerate(text, start) if place in strange)


def _explain(draft: Draft) -> None:
    """认领别处已经读出来、另说一遍的话。"""
    known = {"target_ips": "target_ips", "exclude_ips": "exclude_ips", "canary": "canary", "waves": "canary"}
    groups = dict.fromkeys(["always", *(group for name, group in known.items() if name in draft.control)])
    for group in groups:
        for form in _tables("explained", group):
            for start, end in draft.account.left():
                for found in form.finditer(draft.text, start, end):
                    kind = As.FILLER if group == "always" else As.SLOT
                    draft.account.claim(*found.span(), kind, "" if group == "always" else "scope")


def _count(draft: Draft) -> None:
    """点了名，又说了几台：对不上就问。"""
    named = draft.control.get("target_ips") or []
    for start, end in draft.account.left() if named else ():
        for found in _AMOUNT.finditer(draft.text, start, end):
            if to_int(found["n"]) == len(named):
                draft.account.claim(*found.span(), As.SLOT, "scope")


def _sweep(draft: Draft, start: int, end: int) -> None:
    """认领一段里没有意思的字、说动作与名目的字。"""
    text = draft.text[start:end]
    for name, kind, label in (
        ("intent", As.SLOT, "intent"),
        ("marker", As.FILLER, ""),
        ("everyone", As.SLOT, "scope"),
        ("filler", As.FILLER, ""),
    ):
        for form in _forms(name):
            for found in form.finditer(text):
                draft.account.claim(start + found.start(), start + found.end(), kind, label)
    for found in _WORD.finditer(text):
        word = found.group().lower()
        if word in word_set("stop") and word not in _weighty() and not _smells(word):
            draft.account.claim(start + found.start(), start + found.end(), As.FILLER)
    for found in _MARKS.finditer(text):
        draft.account.claim(start + found.start(), start + found.end(), As.FILLER)


def _joined(draft: Draft) -> list[tuple[int, int]]:
    """没有人认领的各段；中间只隔着虚词的连成一段来念。"""
    spans: list[tuple[int, int]] = []
    for start, end in draft.account.left():
        between = draft.account.labels[spans[-1][1] : start] if spans else []
        near = spans and all(label and label[0] is As.FILLER for label in between)
        if near and not _SEGMENT.search(draft.text, spans[-1][1], start):
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    return spans


def _weigh(draft: Draft, start: int, end: int, *, limits: bool) -> None:
    """像在说要紧的事的，那一项去问；已经读出来的限度不再问。"""
    text = draft.text[start:end]
    low, high = segment(draft.text, start, end)
    paced = speaks_of_pace(draft, start, end)
    found = (match.span() for form in _forms("scope") for match in form.finditer(draft.text, low, high))
    if not paced and not _scoped(draft) and any(begin < end and stop > start for begin, stop in found):
        draft.leave_open(
            "target_ips", tr("「{text}」像在说做哪几台，没有听懂：请给出 IP（target_ips）", text=text.strip()[:_SHOWN])
        )
    for name, forms in limit_forms() if limits else ():
        told = name in draft.control or (name == "max_parallel" and "waves" in draft.control)
        if not told and not in_pace(draft, start, end) and any(form.search(text) for form in forms):
            draft.leave_open(
                name, tr("「{text}」像在说限度，没有听懂：请说明 {name}", text=text.strip()[:_SHOWN], name=name)
            )
            break
    if (
        limits
        and "VERSION_NUMBER" not in draft.params
        and any(form.search(text) for form in _tables("versions", "VERSION_NUMBER"))
    ):
        draft.leave_open(
            "VERSION_NUMBER", tr("「{text}」像在说版本，没有听懂：请说明是哪一版", text=text.strip()[:_SHOWN])
        )


def _scoped(draft: Draft) -> bool:
    """范围已经说了：点了地址，或者说了全部。"""
    named = draft.control.keys() & {"target_ips", "exclude_ips"}
    return bool(named) or any(label == (As.SLOT, "scope") for label in draft.account.labels)


def _weigh_addresses(draft: Draft, unread: list[tuple[int, int]]) -> None:
    """地址旁边有没听懂的话：不知道那是不是在说不要动它，去问。"""
    for start, end in unread:
        text = draft.text[start:end].strip(" ,.;:")
        role = role_of(text)
        if role is Role.TARGET or not _TOLD.search(text):
            continue
        low, high = segment(draft.text, start, end)
        if role is Role.UNKNOWN:
            high = start  # 写在前面的多半是位置、名目；说它怎样的写在后面
        if _beside_target(draft, (start, end), (low, high), both=role is not Role.UNKNOWN):
            draft.leave_open(
                "target_ips", tr("地址旁边的「{text}」没有听懂：请说明要不要做那几台（target_ips）", text=text[:_SHOWN])
            )


def _beside_target(draft: Draft, place: tuple[int, int], span: tuple[int, int], *, both: bool) -> bool:
    """同一个分句里，前面（``both`` 为真时后面也算）最近的一项是要做的地址。"""
    (start, end), (low, high) = place, span
    labels = draft.account.labels
    said = [label if label and label[0] is As.SLOT and label[1] in _PLAIN else None for label in labels[low:high]]
    ahead = next(filter(None, reversed(said[: start - low])), None)
    behind = next(filter(None, said[end - low :]), None)
    return any(label == (As.SLOT, "target_ips") for label in (ahead, *([behind] if both else [])))


def _weigh_doubts(draft: Draft) -> None:
    """说到一台做过什么、出过什么的：看不出要不要做它，去问；说清了不要做、另有用处的不问。"""
    for part in draft.doubts:
        labels = [label for label in draft.account.labels[part.start : part.end] if label]
        settled = any(label[1] in {Role.EXCLUDE, Role.OTHER} for label in labels)
        told = _IP.sub(" ", part.text)
        asked = part.mood == "question" and role_of(told) is Role.EXCLUDE
        settled = settled or role_of(told) in {Role.EXCLUDE, Role.OTHER}
        if (settled and not asked) or any(label[0] is As.QUOTED for label in labels):
            continue
        draft.leave_open(
            "target_ips", tr("「{part}」：请说明要不要做它（target_ips）", part=part.text.strip()[:_SHOWN])
        )


def is_free(draft: Draft, start: int, end: int, *, filler: bool = False) -> bool:
    """一段文字有没有着落；``filler`` 为真时算作没有意思的也算没有着落。"""
    labels = draft.account.labels[start:end]
    idle = {As.FILLER, As.QUESTION} if filler else {As.QUESTION}
    return all(label is None or label[0] in idle for label in labels)


def in_pace(draft: Draft, start: int, end: int) -> bool:
    """同一个分句里已经读出了一项限度：余下的字是它的说明。"""
    low, high = segment(draft.text, start, end)
    return any(label and label[1] in PACE for label in draft.account.labels[low:high])


def speaks_of_pace(draft: Draft, start: int, end: int) -> bool:
    """同一个分句说的是不是节奏、限度：里面的数目不是哪几台。"""
    low, high = segment(draft.original, start, end)
    return any(form.search(draft.original, low, high) for form in _forms("pacing"))


def segment(text: str, start: int, end: int) -> tuple[int, int]:
    """一段话所在的分句。"""
    floor = max(0, start - _CLAUSE)
    low = max((cut.end() for cut in _SEGMENT.finditer(text, floor, start)), default=floor)
    cut = _SEGMENT.search(text, end, end + _CLAUSE)
    return low, cut.start() if cut else min(len(text), end + _CLAUSE)


def _smells(word: str) -> bool:
    """一个词像不像在说要紧的事。"""
    named = [*_forms("scope"), *(form for _, forms in limit_forms() for form in forms)]
    return any(form.search(word) for form in named)


@cache
def _weighty() -> frozenset[str]:
    """不是名字、却有分量的词：没有人认领就不能当作没有意思。"""
    return frozenset(table("filler")["weighty"].split())


@cache
def limit_forms() -> tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]:
    """各项限度的说法。"""
    data: dict[str, Any] = table("pace")["unheard"]
    return tuple((name, compile_all(forms)) for name, forms in data.items())


def limit_named(text: str) -> str:
    """一段话像在说哪一项限度；没有为空串。"""
    return next((name for name, forms in limit_forms() if any(form.search(text) for form in forms)), "")


def paced(text: str) -> bool:
    """一段话里有没有节奏、限度的字样。"""
    return any(form.search(text) for form in _forms("pacing"))


@cache
def _tables(group: str, name: str) -> tuple[re.Pattern[str], ...]:
    """一组里的一项。"""
    return compile_all(table("filler")[group][name])
