"""从一句话里读应用名与模块名：有标记的看标记，没有的看斜杠和先后（依据 contract 第 2 节）。"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import islice, pairwise
from typing import Final

from pam_deploy_graph.llm.draft import Draft
from pam_deploy_graph.llm.lexicon import FLAGS, table, word_set

_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LEFT_GAP: Final = re.compile(r" ?(?:这个|那个|的|里的|下面的|下的)? ?$")
_RIGHT_GAP: Final = re.compile(r"\s*(?:是|为|叫做?|named|called|is|=|:|-(?=\s))?\s*$", FLAGS)
_EXPLICIT: Final = re.compile(r"\s*(?:是|为|叫做?|named|called|is|=|:|-(?=\s))\s*$", FLAGS)
_PAIR_GAP: Final = re.compile(r"\s*/\s*")
_RUN_GAP: Final = re.compile(r"\s*(?:的|里的|下的|中的|里|那个|这个|'s|/)?\s*(?:那个|这个)?\s*|\s*[(,、]\s*", FLAGS)
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_PAIR: Final = 2
_MOST_TOKENS: Final = 300
_AND: Final = re.compile(r"\s*(?:和|与|及|以及|、|跟|\band\b|&)\s*(?:the\s*)?", FLAGS)
_OF: Final = re.compile(r"\s*(?:of|in|from)\s*(?:the\s*)?", FLAGS)


@dataclass(frozen=True)
class Token:
    """一个可能的名字。"""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Marker:
    """一个「应用」或「模块」字样，以及紧挨着的左右两个名字。"""

    key: str
    start: int
    left: Token | None
    right: Token | None
    explicit: bool


@cache
def _markers() -> re.Pattern[str]:
    """应用与模块的标记。"""
    return re.compile(
        rf"(?P<APP_NAME>{table('names')['app']})|(?P<MODULE_NAME>{table('names')['module']})",
        FLAGS,
    )


def read_names(draft: Draft, *, guess: bool = True) -> None:
    """取走应用名与模块名。

    Args:
        draft: 机场、版本、IP 都已取走的草稿。
        guess: 没有标记也没有斜杠时，是否按先后次序认。

    """
    tokens, strange = _tokens(draft)
    marked = _marked(draft.text, tokens)
    pairs = [] if marked else _slashed(draft.text, tokens)
    found = _first_of_each(marked) or (pairs[0] if pairs else {})
    plural = _plural(draft.text, found, tokens) | _named_twice(marked, found) | set(found if len(pairs) > 1 else ())
    if (guess or found) and not strange:
        _fill(draft.text, found, _spare(draft.text, tokens, marked, plural))
        plural |= _plural(draft.text, found, tokens)
        if len(found) == _PAIR and not (marked or pairs) and _joined(draft.text, *found.values()):
            plural |= set(found)
    if plural:
        draft.note("提到了不止一个应用或模块：一次只部署一个应用的一个模块，请说明是哪一个")
    elif len(found) == 1 and "APP_NAME" in found and not marked:
        draft.note(f"「{found['APP_NAME'].text}」按应用名理解；如果它是模块，请说明")
    for key, token in found.items():
        if key not in draft.params and key not in plural:
            draft.set_param(key, token.text)
    for token in found.values():
        draft.mask(token.start, token.end)


def _first_of_each(marked: list[tuple[str, Token]]) -> dict[str, Token]:
    """应用、模块各取第一个有标记的。"""
    found: dict[str, Token] = {}
    for key, token in marked:
        found.setdefault(key, token)
    return found


def _named_twice(marked: list[tuple[str, Token]], found: dict[str, Token]) -> set[str]:
    """同一种标记下有两个不同的名字，而第二个又不是别的角色。"""
    roles = {token.text for token in found.values()}
    return {key for key, token in marked if token.text not in roles}


def _plural(text: str, found: dict[str, Token], tokens: list[Token]) -> set[str]:
    """用「和」「、」与另一个没有角色的名字并列的，是提到了不止一个。"""
    others = [token for token in tokens if token not in set(found.values())]
    return {key for key, token in found.items() if any(_joined(text, token, other) for other in others)}


def _spare(text: str, tokens: list[Token], marked: list[tuple[str, Token]], plural: set[str]) -> list[Token]:
    """还可以按先后分派的名字：没有标记；已知有并列的时候，还要不与别的名字并列。"""
    free = [token for token in tokens if token not in [named for _, named in marked]]
    return [token for token in free if not plural or not any(_joined(text, token, other) for other in tokens)]


def _joined(text: str, one: Token, other: Token) -> bool:
    """两个名字之间是不是只有「和」「、」之类。"""
    if one == other:
        return False
    left, right = sorted((one, other), key=lambda token: token.start)
    return bool(_AND.fullmatch(text[left.end : right.start]))


def _tokens(draft: Draft) -> tuple[list[Token], bool]:
    """可能的名字：不是常用词，含字母；并说明有没有与别种字母连写的，那时不按先后猜。"""
    tokens, strange = [], False
    for match in islice(_TOKEN.finditer(draft.text), _MOST_TOKENS):
        text = match.group().rstrip(".-_")
        if _glued(draft.text, match):
            strange = True
            draft.note(f"「{text}」旁边夹着形近的别种字母，已略过：名字只能用英文字母、数字、_、.、-")
        elif text.lower() not in word_set("stop") and any(char.isalpha() for char in text):
            tokens.append(Token(text, match.start(), match.start() + len(text)))
    return tokens, strange


def _glued(text: str, match: re.Match[str]) -> bool:
    """左右是不是紧接着西里尔、希腊之类的字母（汉字不算）。"""
    around = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
    return any(char.isalpha() and not char.isascii() and char < "\u2e80" for char in around)


def _marked(text: str, tokens: list[Token]) -> list[tuple[str, Token]]:
    """按标记认名字：明写「应用: x」的取右边，其余整句用同一种次序。"""
    markers = [_marker(text, match, tokens) for match in islice(_markers().finditer(text), _MOST_TOKENS)]
    both = {marker.key for marker in markers if marker.left or marker.right}
    suffix = bool(markers) and markers[0].left is not None and not (len(both) == 1 and _ambiguous_module(markers[0]))
    chosen = []
    for marker in markers:
        prefer = marker.right if marker.explicit or not suffix else marker.left
        if token := prefer or marker.left or marker.right:
            chosen.append((marker.key, token))
    return chosen


def _ambiguous_module(marker: Marker) -> bool:
    """只说了「x 模块 y」：x 多半是应用，y 才是模块。"""
    return marker.key == "MODULE_NAME" and marker.left is not None and marker.right is not None


def _marker(text: str, match: re.Match[str], tokens: list[Token]) -> Marker:
    """找出标记左右紧挨着的名字。"""
    left = next((t for t in reversed(tokens) if t.end <= match.start()), None)
    right = next((t for t in tokens if t.start >= match.end()), None)
    after = text[match.end() : right.start] if right else ""
    return Marker(
        str(match.lastgroup),
        match.start(),
        left if left and _LEFT_GAP.fullmatch(text[left.end : match.start()]) else None,
        right if right and _RIGHT_GAP.fullmatch(after) else None,
        bool(right and _EXPLICIT.fullmatch(after)),
    )


def _slashed(text: str, tokens: list[Token]) -> list[dict[str, Token]]:
    """``checkin/gate`` 是应用和模块；列出每一对。"""
    return [
        {"APP_NAME": left, "MODULE_NAME": right}
        for left, right in pairwise(tokens)
        if _PAIR_GAP.fullmatch(text[left.end : right.start])
    ]


def _fill(text: str, found: dict[str, Token], tokens: list[Token]) -> None:
    """还缺的按先后次序补：先应用，后模块；「模块 of 应用」反过来。"""
    taken = set(found.values())
    spare = [token for token in tokens if token not in taken]
    if not found:
        spare = _best_run(text, spare)
        if len(spare) > 1 and _OF.fullmatch(text[spare[0].end : spare[1].start]):
            spare = [spare[1], spare[0], *spare[2:]]
    for key in ("APP_NAME", "MODULE_NAME"):
        if key not in found and spare:
            found[key] = spare.pop(0)


def _best_run(text: str, tokens: list[Token]) -> list[Token]:
    """紧挨着的一串名字里取最后两个（前面的多半是没见过的英文动词，中文句子里则不猜）；没有成串的就按次序。"""
    runs: list[list[Token]] = []
    for token in tokens:
        if runs and (_RUN_GAP.fullmatch(gap := text[runs[-1][-1].end : token.start]) or _OF.fullmatch(gap)):
            runs[-1].append(token)
        else:
            runs.append([token])
    long = [run for run in runs if len(run) > 1]
    if long and len(long[0]) > _PAIR and _CHINESE.search(text):
        return []
    return long[0][-_PAIR:] if long else tokens
