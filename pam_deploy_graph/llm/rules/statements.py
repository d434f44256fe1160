"""说到机器的分句：地址后面讲的是它的事、点了机器却没有地址，都不知道要不要做它，去问（依据 contract 第 4 节）。

说法在 ``statements.toml``。
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from pam_deploy_graph.constants import PACE
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.draft import MASK, NAMED, Draft
from pam_deploy_graph.llm.rules.remarks import Role, is_wanted
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import compile_all, table

_BREAK: Final = re.compile(r"[,。;!?\n|]|\.\s")
_SLOTS: Final = re.compile(f"[{MASK}{NAMED}]+")
_SHOWN: Final = 40


def weigh_statements(draft: Draft) -> None:
    """逐个分句看：讲一台机器的事的、点了机器没有地址的，留给人定。"""
    scoped = "target_ips" in draft.control
    spoken = draft.with_negated()
    everyone = [
        place
        for place, text in _clauses(spoken)
        if _says("everyone", text) and not _says("these", text) and not _spares(draft, place)
    ]
    for (low, high), text in _clauses(spoken):
        labels = draft.account.labels[low:high]
        kinds = {label[0] for label in labels if label}
        if kinds & {As.QUOTED, As.PAST, As.QUESTION, As.CONDITION}:
            continue
        if kinds and any(label and label[1] in PACE for label in labels) and not _says("sparing", text):
            continue
        places = [low + place for place, label in enumerate(labels) if label and label[1] in _ROLES]
        rest = "exclude_ips" in draft.control and _says("rest", text)
        doubtful = _tells(draft, places, (low, high), everyone) if places else not rest and _points(text, scoped=scoped)
        doubtful = doubtful or (not scoped and bool(places) and _points(text[: places[0] - low], scoped=False))
        if doubtful:
            told = _SLOTS.sub("…", draft.text[low:high]).strip()[:_SHOWN]
            draft.leave_open(
                "target_ips", tr("「{told}」说到了机器，看不出要不要做：请给出要做的 IP（target_ips）", told=told)
            )


_ROLES: Final = frozenset({Role.TARGET, Role.EXCLUDE})


def _clauses(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """逐个分句。"""
    start = 0
    for cut in _BREAK.finditer(text):
        yield (start, cut.start()), text[start : cut.start()]
        start = cut.end()
    yield (start, len(text)), text[start:]


def _tells(draft: Draft, places: list[int], span: tuple[int, int], everyone: list[tuple[int, int]]) -> bool:
    """分句里有地址：后面讲的是它的事；或者别处说了全部，这里又单提一台。"""
    low, high = span
    if _says("hedged", draft.original[places[0] : high]) or _says("topic", draft.original[low : places[0]]):
        return True
    if not any(label and label[1] == Role.TARGET for label in (draft.account.labels[place] for place in places)):
        return False
    if "target_ips" in draft.control and any(not begin <= places[0] < end for begin, end in everyone):
        return True
    after = draft.text[places[-1] + 1 : high]
    return bool(after.strip()) and _says("told_after", after) and not is_wanted(after)


def _spares(draft: Draft, span: tuple[int, int]) -> bool:
    """「除了 A 和 B 都升」：这个分句里点的是不做的几台。"""
    roles = {label[1] for label in draft.account.labels[slice(*span)] if label and label[0] is As.SLOT}
    return Role.EXCLUDE in roles and Role.TARGET not in roles


def _points(text: str, *, scoped: bool) -> bool:
    """分句里没有地址，却点了机器：「靠窗那几台」「the PCs whose label ends in B」。"""
    if _says("everyone", text):
        return False
    return _says("sparing", text) if scoped else _says("pointing", text)


def _says(name: str, text: str) -> bool:
    """一段文字有没有某一类说法。"""
    return any(form.search(text) for form in _forms(name))


@cache
def _forms(name: str) -> tuple[re.Pattern[str], ...]:
    """一类说法。"""
    data = table("statements")
    return compile_all(data[name], **data["words"])
