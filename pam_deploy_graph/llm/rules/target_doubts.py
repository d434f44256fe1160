"""核对要做哪几台：又提了一遍的地址、说了地址却没有一台要做的、格子里写着不做的、地名没有听懂的，去问。

不看说法，看账目（依据 contract 第 4 节）；说法在 ``doubts.toml``。
"""

import re
from collections.abc import Iterator
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.address_items import ITEM, is_clock
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.rules.left_over import is_free, segment, speaks_of_pace
from pam_deploy_graph.llm.rules.machines import RECALLS
from pam_deploy_graph.llm.rules.remarks import Role, role_of
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import forms_of

_SINGLE: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_WORDS: Final = re.compile(r"[a-z]{3,}|[\u4e00-\u9fff]{2,}", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[。!?\n]|\.\s")
_NEAR: Final = 30
_FEWEST: Final = 2
_CUT: Final = re.compile(r"[,。;!?\n]")


def doubt_targets(draft: Draft) -> None:
    """核对各台；有疑的去问 ``target_ips``。"""
    _said_again(draft)
    _served(draft)
    _none_wanted(draft)
    _places(draft)


def doubt_recalled(draft: Draft) -> None:
    """要退回的：有的地址与「退」写在一个分句里，有的在别的分句里另说着事，不知道那几台要不要退，去问。"""
    recalled, aside = False, ""
    for low, high in _segments(draft.original):
        said = draft.original[low:high]
        if not any(label == (As.SLOT, "target_ips") for label in draft.account.labels[low:high]):
            continue
        rest = ITEM.sub(" ", said)
        recalled = recalled or bool(RECALLS.search(rest))
        if _WORDS.search(rest) and not RECALLS.search(rest) and role_of(rest) is not Role.TARGET:
            aside = aside or said.strip()
    if recalled and aside:
        draft.leave_open("target_ips", tr("「{said}」：请说明要不要退回它（target_ips）", said=aside[:40]))


def _segments(text: str) -> Iterator[tuple[int, int]]:
    """逐个分句。"""
    start = 0
    for cut in _CUT.finditer(text):
        yield start, cut.start()
        start = cut.end()
    yield start, len(text)


def _said_again(draft: Draft) -> None:
    """一台点过名，别处又单独提到它而没有说清为什么：看不出要不要做。"""
    targets = set(draft.control.get("target_ips") or ())
    seen: set[str] = set()
    for match in _SINGLE.finditer(draft.original):
        ip, (start, end) = match.group(), match.span()
        if ip not in seen or ip not in targets:
            seen.add(ip)
            continue
        low, high = segment(draft.original, start, end)
        alone = len(set(_SINGLE.findall(draft.original[low:high]))) == 1
        beside = draft.original[low:start] + draft.original[end:high]
        claimed = {label[1] for label in draft.account.labels[low:high] if label and label[0] is As.SLOT}
        unclear = _WORDS.search(beside) and role_of(beside) is Role.UNKNOWN
        if alone and unclear and claimed <= {"target_ips", "scope", "intent"} and not speaks_of_pace(draft, low, high):
            draft.leave_open("target_ips", tr("又提到了 {ip}：请说明要不要做它（target_ips）", ip=ip))


def _served(draft: Draft) -> None:
    """要做的一台，同一句里前面说的是跳板、日志、授权之类，或者后面说了不：不知道是不是要做它。"""
    for start, end in draft.account.spans("target_ips"):
        low = max((cut.end() for cut in _SENTENCE.finditer(draft.original, 0, start)), default=0)
        cut = _SENTENCE.search(draft.original, end)
        spans = {
            "service": (max(low, start - _NEAR), start),
            "denied": (end, cut.start() if cut else len(draft.original)),
        }
        for name, (begin, stop) in spans.items():
            found = (form.search(draft.original, begin, stop) for form in forms_of("doubts", name))
            said = next((match for match in found if match and is_free(draft, *match.span(), filler=True)), None)
            if said and not ITEM.search(draft.original, said.end(), start):
                told = draft.original[begin:end].strip() if name == "service" else draft.original[start:stop].strip()
                draft.leave_open("target_ips", tr("「{part}」：请说明要不要做它（target_ips）", part=told[:40]))


def _none_wanted(draft: Draft) -> None:
    """说了几个地址，没有一个读作要做或不做的：不当作全部；另有用处的一台又在要做的范围之内：要不要做它。"""
    targets = {*draft.control.get("target_ips", ())} - {*draft.control.get("exclude_ips", ())}
    for start, end in draft.account.spans(Role.OTHER):
        for ip in _SINGLE.findall(draft.original[start:end]):
            if ip in targets:
                draft.leave_open(
                    "target_ips", tr("{ip} 另有用处，又在要做的里面：请说明要不要做它（target_ips）", ip=ip)
                )
    if draft.control.keys() & {"target_ips", "exclude_ips"} or (As.SLOT, "scope") in draft.account.labels:
        return
    places = [item.start() for item in ITEM.finditer(draft.original) if not is_clock(item)]
    other = [place for place in places if (label := draft.account.labels[place]) and label[1] == Role.OTHER]
    if len(other) >= _FEWEST:
        draft.leave_open("target_ips", tr("说了几个地址，没有听出哪几台要做：请给出 IP（target_ips）"))


def _places(draft: Draft) -> None:
    """像在说哪几台的话没有着落，或者落在不算数的分句里。"""
    if draft.control.keys() & {"target_ips", "exclude_ips"}:
        return
    for match in (match for form in forms_of("doubts", "places") for match in form.finditer(draft.original)):
        labels = draft.account.labels[match.start() : match.end()]
        unread = any(label is None or label[0] in {As.UNREAD, As.PAST} for label in labels)
        if unread:
            said = match.group().strip()
            draft.leave_open("target_ips", tr("「{said}」像在说做哪几台，没有听懂：请给出 IP（target_ips）", said=said))
