"""从一句话里读机场：代码、中文名、拼音和英文名；一城两场只问不猜（依据 contract 第 2 节）。"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.corrections import kept
from pam_deploy_graph.llm.rules.draft import MASK, NAMED, Draft, lead
from pam_deploy_graph.llm.rules.gazetteer import Gazetteer, gazetteer, worldwide
from pam_deploy_graph.llm.text.lexicon import FLAGS, word_set

_CODE: Final = re.compile(r"(?<![a-z0-9_./-])[a-z]{3}(?![a-z0-9_-]|\.\w|/\w+\.)", FLAGS)
_AIRPORT_AFTER: Final = re.compile(r"\s*(?:国际)?(?:机场|空港)|\s*(?:international\s*)?airport\b", FLAGS)
_AIRPORT_BEFORE: Final = re.compile(r"(?:机场|\bairport)\s*$", FLAGS)
_LABELLED: Final = re.compile(
    r"(?:三字码|(?:机场|城市)?代[码号]|机场码|\b(?:airport|iata)[\s_]*code|\biata"
    r"|(?:机场|站点|地点|场站|\bairport|\bsite|\bstation|\blocation)\s*(?:是|为|叫|is|:|=))"
    r"\s*(?:是|为|叫|is|:|=|\|)?\s*$",
    FLAGS,
)
_PLACE_BEFORE: Final = re.compile(
    r"(?:\b(?:at|in|to|for|on|onto|across|over)|@|[在到给往去把将对])\s*(?:the\s*|our\s*)?$", FLAGS
)
_OBJECT_BEFORE: Final = re.compile(r"[将把对]\s*$")
_CLAUSE_END: Final = re.compile(
    r"\s*(?:$|[,。;!?.]|\b(?:thanks|thank|thx|please|pls|plz|cheers|asap|tonight|now)\b)", FLAGS
)
_PATH_LIKE: Final = re.compile(r"\s*/\s*[a-z]", FLAGS)
_PAIR_AFTER: Final = re.compile(rf"\s+(?:[a-z][\w-]*|{NAMED}+)(?:\s*/\s*|\s+)(?:[a-z][\w-]*|{NAMED}+)\s+{MASK}", FLAGS)
_NAME_AFTER: Final = re.compile(
    r"\s*(?:这个|的)?\s*(?:应用|系统|程序|软件|模块|组件|\bapp\b|\bapplication\b|\bmodule\b)", FLAGS
)
_NAME_BEFORE: Final = re.compile(
    r"(?:应用|系统|程序|模块|组件|\bapp|\bapplication|\bmodule)(?:名称?)?\s*(?:是|为|:|=)?\s*$", FLAGS
)
_ENGLISH_PLACE: Final = re.compile(
    rf"(?i:\b(?:at|in|to|for|onto|across|airport|site)\s*[:=]?\s+(?:the\s+)?|@\s*|^\s*|\n\s*|{MASK}\s+"
    r"|(?<!hanks)(?<!egards)(?<!heers)(?<!thx)(?<!best)[,;(]\s*)"
    r"(?P<name>[A-Z][A-Za-z'.-]*(?:\s+[A-Z][A-Za-z'.-]*){0,4})(?!\s*/)",
    re.ASCII,
)


_ANOTHER: Final = re.compile(
    r"\s*(?i:and|&|和|与|及|跟|、|,|/)\s*(?:also\s+)?((?-i:[A-Z]{3}))(?![\w.-]|\s*/|\s*(?:应用|模块|app\b|module\b))"
)
"""已知的机场旁边并列着一个不认识的三字码。"""
_BETWEEN: Final = re.compile(r"(?:国际)?(?:机场)?\s*(?:[、,和与及跟&]|以及|还有)\s*")
"""并列的两座机场之间。"""
_MODAL: Final = re.compile(
    r"(?<=\byou )can|(?<=\bwe )can|(?<=\bi )can|can(?= (?:you|we|i|u|ya|it|they|this|(?:some|any)(?:one|body))\b)",
    FLAGS,
)
"""大写的整句里，``CAN YOU`` 的 CAN 不是白云机场。"""


@dataclass(frozen=True)
class Mention:
    """提到的一处：在文字里的位置，以及可能是哪些机场；``doubt`` 越大越可疑。

    1 是没有旁证的生僻三字码，2 是挨着「应用」「模块」的。
    """

    start: int
    end: int
    codes: frozenset[str]
    doubt: int = 0


def read_airport(draft: Draft) -> None:
    """取走机场；定不下来是哪一座时，告诉人有哪些可选，留给补问。"""
    known = gazetteer()
    named = list(_names(draft.text, known))
    heard = draft.text
    _mask(draft, named)
    shouting = not any(char.islower() for char in "".join([draft.text, *(name for name, _ in draft.names.values())]))
    mentions = _certain([*named, *_codes(draft.text, known, shouting=shouting)]) or list(_abroad(draft.text))
    _mask(draft, mentions)
    mentions = _uncorrected(heard, mentions)
    for strange in (
        match[1]
        for mention in mentions
        for match in [_ANOTHER.match(heard, mention.end)]
        if match and (match[1] not in known.codes or not any(match[1] in other.codes for other in mentions))
    ):
        draft.leave_open(
            "AIRPORT_CODE", tr("{strange} 不认识，像是另一座机场：一次只部署一座，请说明是哪一座", strange=strange)
        )
        return
    if paired := draft.params.get("AIRPORT_CODE"):
        draft.agree("AIRPORT_CODE", {paired, *(code for m in mentions if len(m.codes) == 1 for code in m.codes)})
    elif mentions:
        _decide(draft, known, [mention.codes for mention in mentions])


def mentioned(text: str) -> list[Mention]:
    """一句归一化了的话里提到的各处机场，按先后；连着后面的「机场」，说错了又更正过的不算。"""
    known, draft = gazetteer(), Draft(text)
    named = list(_names(text, known))
    _mask(draft, named)
    found = _uncorrected(text, _certain([*named, *_codes(draft.text, known, shouting=False)]))
    tails = [(each, _AIRPORT_AFTER.match(text, each.end)) for each in sorted(found, key=lambda each: each.start)]
    return [replace(each, end=tail.end()) if tail else each for each, tail in tails]


def _mask(draft: Draft, mentions: list[Mention]) -> None:
    """遮去提到的机场，连同后面的「机场」。"""
    for mention in mentions:
        tail = _AIRPORT_AFTER.match(draft.text, mention.end)
        draft.mask(mention.start, tail.end() if tail else mention.end, "AIRPORT_CODE")


def _certain(mentions: list[Mention]) -> list[Mention]:
    """只要最不可疑的：``DCS 应用`` 里的 DCS 多半是应用名。"""
    least = min((mention.doubt for mention in mentions), default=0)
    return [mention for mention in mentions if mention.doubt == least]


def _uncorrected(text: str, mentions: list[Mention]) -> list[Mention]:
    """说错了又更正过的不算。"""
    ordered = sorted(mentions, key=lambda mention: mention.start)
    flags = kept(text, [(mention.start, mention.end) for mention in ordered])
    wrong = {mention.codes for mention, flag in zip(ordered, flags, strict=True) if not flag}
    kept_ = [mention for mention, flag in zip(ordered, flags, strict=True) if flag and mention.codes not in wrong]
    return kept_ or ordered


def _decide(draft: Draft, known: Gazetteer, choices: list[frozenset[str]]) -> None:
    """合并各处提到的机场：城市迁就具体的机场，合不拢就问。"""
    certain = frozenset(code for codes in choices if len(codes) == 1 for code in codes)
    agreed = certain or frozenset.intersection(*choices)
    if len(agreed) == 1 and all(agreed & codes for codes in choices):
        draft.set_param("AIRPORT_CODE", next(iter(agreed)))
        return
    options = sorted(certain or frozenset.union(*choices))
    shown = tr("、").join(known.label(code) for code in options[:8])
    if len(certain) > 1:
        draft.leave_open(
            "AIRPORT_CODE",
            tr(
                "提到了不止一座机场（{shown}）：这里一次一座，请说明是哪一座；几座一起做用 campaign，或在 chat 里说",
                shown=shown,
            ),
        )
    else:
        draft.leave_open("AIRPORT_CODE", tr("不能确定是哪一座机场，可能是 {shown}，请说明", shown=shown))


def _codes(text: str, known: Gazetteer, *, shouting: bool) -> Iterator[Mention]:
    """三字码：大写的直接认（整句都大写的除外），小写的要在表里且不是普通词，或者前后有「机场」。"""
    for match in _CODE.finditer(text):
        code, before = match.group().upper(), lead(text, match.start())
        labelled = bool(_LABELLED.search(before))
        rare = code not in known.codes
        unusual = rare or match.group().islower()
        beside_name = bool(_NAME_AFTER.match(text, match.end()) or _NAME_BEFORE.search(before))
        if _MODAL.match(text, match.start()):
            continue
        if not labelled and _is_name(text, match, rare=rare, beside_name=beside_name):
            continue
        named = labelled or _named(text, match, known) or (not rare and _leads(text, match))
        if named or _plausible(match.group(), code, known, shouting=shouting):
            placed = _PLACE_BEFORE.search(before) and not _OBJECT_BEFORE.search(before)
            doubt = 0 if named else 2 if beside_name else int(unusual and not placed)
            yield Mention(match.start(), match.end(), frozenset({code}), doubt)
        elif not rare and _PLACE_BEFORE.search(before) and _ends_clause(text, match.end()):
            yield Mention(match.start(), match.end(), frozenset({code}))


def _is_name(text: str, match: re.Match[str], *, rare: bool, beside_name: bool) -> bool:
    """三个字母更像应用或模块名：挨着「应用」「模块」的生僻代码，``pos/till`` 里的 pos。"""
    unusual = rare or match.group().islower()
    return (beside_name and rare) or (unusual and bool(_PATH_LIKE.match(text, match.end())))


def _named(text: str, match: re.Match[str], known: Gazetteer) -> bool:
    """紧挨着「机场」。"""
    if not (_AIRPORT_BEFORE.search(lead(text, match.start())) or _AIRPORT_AFTER.match(text, match.end())):
        return False
    common = match.group().lower() in word_set("not_airports")
    return not common or match.group().isupper() or (_is_place(match, known) and _ends_clause(text, match.end()))


def _leads(text: str, match: re.Match[str]) -> bool:
    """一句话以它开头，后面是应用、模块和版本：``can bagdrop scale 2.8.2``。"""
    return not text[: match.start()].strip() and bool(_PAIR_AFTER.match(text, match.end()))


def _is_place(match: re.Match[str], known: Gazetteer) -> bool:
    """三个字母在随包的名录里。"""
    return match.group().upper() in known.codes


def _plausible(written: str, code: str, known: Gazetteer, *, shouting: bool) -> bool:
    """没有旁证的三个字母像不像一座机场。"""
    common = code.lower() in word_set("not_airports")
    if written.isupper() and not shouting:
        return code in known.codes or (not common and code in worldwide().codes)
    return code in known.codes and (not common or (written.isupper() and code == "CAN")) and not written.istitle()


def _ends_clause(text: str, end: int) -> bool:
    """后面是句读、结尾或客气话，例如 ``deploy ... at can``。"""
    return bool(_CLAUSE_END.match(text, end))


def _names(text: str, known: Gazetteer) -> Iterator[Mention]:
    """中文名、拼音和常见英文名；意思两可的词要紧挨「机场」或城市，别处没有提到时才算数。"""
    strong: list[Mention] = []
    weak: list[Mention] = []
    for match in known.pattern.finditer(text):
        codes, firm = known.lookup(match.group())
        near = _AIRPORT_AFTER.match(text, match.end()) or (strong and _beside(text, match, codes, strong))
        placed = match.group().istitle() and _PLACE_BEFORE.search(lead(text, match.start()))
        (strong if firm or near or placed else weak).append(Mention(match.start(), match.end(), codes))
    chosen = strong or [mention for mention in weak if not text[mention.start].isascii()]
    yield from chosen


def _beside(text: str, match: re.Match[str], codes: frozenset[str], strong: list[Mention]) -> bool:
    """紧挨着前一座确定的机场，与它并列，或就是说过的那一座。"""
    between = text[strong[-1].end : match.start()]
    listed = not match.group().isascii() and _BETWEEN.fullmatch(between)
    return not between or bool(listed) or any(codes == each.codes for each in strong)


def _abroad(text: str) -> Iterator[Mention]:
    """表里没有的外国城市：只认 at、in、to 之后大写开头的地名。"""
    for match in _ENGLISH_PLACE.finditer(text):
        parts = match["name"].split()
        for length in range(len(parts), 0, -1):
            phrase = " ".join(parts[:length])
            if codes := worldwide().cities.get(phrase.lower().rstrip(".")):
                start = match.start("name")
                yield Mention(start, start + len(phrase), codes)
                break
