"""从一句话里读应用名与模块名：有标记的看标记，没有的看斜杠和先后（依据 contract 第 2 节）。"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.corrections import kept
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.rules.names.guessed import guess_names, partner
from pam_deploy_graph.llm.rules.names.tokens import EXPLICIT, LEFT_GAP, RIGHT_GAP, Token, find_tokens, joined, markers
from pam_deploy_graph.llm.text.lexicon import FLAGS, word_set

_PAIR_GAP: Final = re.compile(r"\s*/\s*")
_PAIR: Final = 2
_NEVER: Final = re.compile(
    r"app|application|module|component|version|name|airport|the|and|of|to|is|be|should|called|named|on|in|at|for"
    r"|part|piece",
    FLAGS,
)


@dataclass(frozen=True)
class Marker:
    """一个「应用」或「模块」字样，以及紧挨着的左右两个名字。"""

    key: str
    start: int
    end: int
    left: Token | None
    right: Token | None
    explicit: bool


def read_names(draft: Draft, *, guess: bool = True, answering: bool = False) -> None:
    """取走应用名与模块名。

    Args:
        draft: 机场、版本、IP 都已取走的草稿。
        guess: 没有标记也没有斜杠时，是否按先后次序认。
        answering: 是否在回答补问，这时光秃秃的名字也算数。

    """
    written, strange = find_tokens(draft)
    tokens = [token for token in written if not token.common]
    marked = _marked(draft.text, tokens, written)
    pairs = [] if marked else _slashed(draft.text, written, told=bool(draft.versions))
    sure = {token.role: token for token in tokens if token.role}
    said = _first_of_each(marked) or (pairs[0] if pairs else {}) or (sure if len(sure) == _PAIR else {})
    found = dict(said)
    plural = (
        _plural(draft.text, found, tokens)
        | _named_twice(marked, found)
        | set(found if len({*map(_spelling, pairs)}) > 1 else ())
    )
    if (guess or found) and not strange:
        _fill(draft, found, _spare(draft.text, tokens, marked, plural), answering=answering)
        plural |= _plural(draft.text, found, tokens)
        if len(found) == _PAIR and not (marked or pairs) and joined(draft.text, *found.values()):
            plural |= set(found)
    draft.guessed = {*found} - {*said}
    _explain(draft, found, plural, marked=bool(marked))
    _record(draft, found, plural)
    for again in (
        pairs[1:] if pairs and _spelling(pairs[0]) == tuple(draft.params.get(name) for name in pairs[0]) else ()
    ):
        _record(draft, again, plural)
    if strange:
        for key in {"APP_NAME", "MODULE_NAME"} - {*draft.params}:
            draft.leave_open(key, strange)


def _spelling(pair: dict[str, Token]) -> tuple[str, ...]:
    """一对名字怎样写。"""
    return tuple(token.text for token in pair.values())


def _record(draft: Draft, found: dict[str, Token], plural: set[str]) -> None:
    """记下并遮去名字；说了不止一个的不记，键值对写过的照键值对。"""
    for key, token in found.items():
        if key not in draft.params and key not in plural:
            draft.set_param(key, token.text)
        draft.mask(token.start, token.end, key)


def _explain(draft: Draft, found: dict[str, Token], plural: set[str], *, marked: bool) -> None:
    """不止一个，或者不知道是应用还是模块的，告诉人。"""
    if plural:
        why = tr("提到了不止一个应用或模块：一次只部署一个应用的一个模块，请说明是哪一个")
        draft.note(why)
        draft.undecided |= dict.fromkeys(plural - {*draft.params}, why)
    elif len(found) == 1 and "APP_NAME" in found and not marked:
        draft.note(tr("「{text}」按应用名理解；如果它是模块，请说明", text=found["APP_NAME"].text))


def _first_of_each(marked: list[tuple[str, Token]]) -> dict[str, Token]:
    """应用、模块各取第一个有标记的；一个名字只当一种。"""
    found: dict[str, Token] = {}
    for key, token in marked:
        if token not in found.values():
            found.setdefault(key, token)
    return found


def _named_twice(marked: list[tuple[str, Token]], found: dict[str, Token]) -> set[str]:
    """同一种标记下有两个不同的名字，而第二个又不是别的角色。"""
    roles = {token.text for token in found.values()}
    return {key for key, token in marked if token.text not in roles}


def _plural(text: str, found: dict[str, Token], tokens: list[Token]) -> set[str]:
    """用「和」「、」与另一个没有角色的名字并列的，是提到了不止一个。"""
    others = [token for token in tokens if token not in set(found.values())]
    return {key for key, token in found.items() if any(joined(text, token, other) for other in others)}


def _spare(text: str, tokens: list[Token], marked: list[tuple[str, Token]], plural: set[str]) -> list[Token]:
    """还可以按先后分派的名字：没有标记；已知有并列的时候，还要不与别的名字并列。"""
    free = [token for token in tokens if token not in [named for _, named in marked]]
    return [token for token in free if not plural or not any(joined(text, token, other) for other in tokens)]


def _marked(text: str, tokens: list[Token], written: list[Token]) -> list[tuple[str, Token]]:
    """按标记认名字：明写「应用: x」的取右边（常用词也算），其余整句用同一种次序。"""
    marks = [_marker(text, place, tokens, written) for place in markers(text)]
    both = {marker.key for marker in marks if marker.left or marker.right}
    lead_on = next((marker for marker in marks if marker.left or marker.right), None)
    suffix = bool(lead_on and lead_on.left) and not (lead_on and len(both) == 1 and _ambiguous_module(lead_on))
    chosen = []
    for marker in marks:
        prefer = marker.right if marker.explicit or not suffix else marker.left
        if token := prefer or marker.left or marker.right:
            chosen.append((marker, token))
    return _uncorrected(text, chosen)


def _uncorrected(text: str, chosen: list[tuple[Marker, Token]]) -> list[tuple[str, Token]]:
    """同一种标记说了几处的，说错了又更正过的不算。"""
    dropped = set()
    for key in ("APP_NAME", "MODULE_NAME"):
        same = [(marker, token) for marker, token in chosen if marker.key == key]
        flags = kept(text, [(token.start, max(token.end, marker.end)) for marker, token in same])
        dropped |= {token for (_, token), flag in zip(same, flags, strict=True) if not flag}
    return [(marker.key, token) for marker, token in chosen if token not in dropped]


def _ambiguous_module(marker: Marker) -> bool:
    """只说了「x 模块 y」：x 多半是应用，y 才是模块。"""
    return marker.key == "MODULE_NAME" and marker.left is not None and marker.right is not None


def _marker(text: str, place: tuple[str, int, int], tokens: list[Token], written: list[Token]) -> Marker:
    """找出标记左右紧挨着的名字；断定了角色的只归那个角色，并且优先。"""
    key, start, end = place
    stated = next((t for t in written if t.start >= end and not _NEVER.fullmatch(t.text)), None)
    explicit = bool(stated and EXPLICIT.fullmatch(text, end, stated.start) and not _is_said_of_it(text, end, stated))
    left = next((t for t in reversed(tokens) if t.end <= start), None)
    right = stated if explicit else next((t for t in tokens if t.start >= end), None)
    left = left if left and left.role in {"", key} and LEFT_GAP.fullmatch(text, left.end, start) else None
    right = right if right and right.role in {"", key} and RIGHT_GAP.fullmatch(text, end, right.start) else None
    if left and right and bool(left.role) != bool(right.role):
        left, right = (left, None) if left.role else (None, right)
    return Marker(key, start, end, left, right, explicit)


def _is_said_of_it(text: str, end: int, token: Token) -> bool:
    """「the app is down」说的不是名字。"""
    return token.common and text[end : token.start].strip().lower() == "is"


def _slashed(text: str, written: list[Token], *, told: bool) -> list[dict[str, Token]]:
    """``checkin/gate`` 是应用和模块；列出每一对。两边都是常用词的，说了版本才算。"""
    return [
        {"APP_NAME": left, "MODULE_NAME": right}
        for left, right in pairwise(written)
        if _PAIR_GAP.fullmatch(text[left.end : right.start])
        and (not (left.common and right.common) or (told and not _is_phrase(left, right)))
    ]


def _is_phrase(left: Token, right: Token) -> bool:
    """``and/or``、``install/upgrade`` 是平常的话。"""
    words = {left.text.lower(), right.text.lower()}
    return bool(words & word_set("never")) or words <= word_set("acts") or min(map(len, words)) < _PAIR


def _fill(draft: Draft, found: dict[str, Token], spare: list[Token], *, answering: bool) -> None:
    """还缺的补上：已知一个的找它的另一半，一个也没有的按先后猜。"""
    free = [token for token in spare if token not in found.values()]
    if not found:
        guessed = guess_names(draft.text, free, draft.versions, answering=answering)
        found.update(zip(("APP_NAME", "MODULE_NAME"), guessed, strict=False))
    elif len(found) == 1:
        key = "MODULE_NAME" if "APP_NAME" in found else "APP_NAME"
        if other := partner(draft.text, next(iter(found.values())), free, draft.versions):
            found[key] = other
