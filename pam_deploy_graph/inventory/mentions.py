"""一句话里说到的名称与组：各在哪里、说的是哪几台；像名称而清单里没有的、说不清的，也都找出来。

只查索引，不把上万个名称编成一个模式；一个说法取最长的。
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inventory.stock import Entry, Inventory, Kind, key_of

_PLACES: Final = "航站楼|候机楼|卫星厅|指廊|值机岛|值机柜台|值机区|登机口|安检口|安检|柜台|机位|转盘|岛|口|区|厅|厢|台"
_BEFORE_CJK: Final = frozenset(
    "给在把将对到和与及跟同除外整个全部所有只先是从为让装升退做动留把或的、，,。;；:：(（「“\"'【[ \t\n!！?？台过"
)
"""一个汉字开头的名称前面可以是这些字；别的字连着的是另一个词（「国际值机岛」里的「值机岛」）。"""
_CODE_CHARS: Final = re.compile(r"[a-z0-9_]", re.IGNORECASE)
_WHOLE: Final = re.compile(
    r"(?:整个|整|全部的?|所有的?|全体|\ball (?:of )?(?:the )?|\bthe (?:whole|entire) |\bevery )\s*$", re.IGNORECASE
)
_GROUP_TAIL: Final = re.compile(
    r"\s*(?:这?[一个]?(?:组|区域)|\bgroup\b)?\s*的?\s*(?:全部|所有|整个|全体)?的?\s*(?:机器|工作站|电脑|终端|设备)?(?:全部|全都(?!不))?",
    re.IGNORECASE,
)
_NAME_TAIL: Final = re.compile(r"\s*(?:号?\s*(?:柜台|机器|工作站|电脑|终端))?(?:[那这]一?台)?")
_SOME: Final = re.compile(
    r"\s*的?\s*(?:第[一二三四五六七八九十0-9]|[前后头末]\s*[一二两三四五六七八九十几0-9]+\s*[台个]?|其中|一半|[部多少]分|任意|随便|任选|[挑选]|"
    r"靠|最|[东西南北左右](?:边|侧|头|面)|(?:里|中)?的?\s*[一二两三四五六七八九十几0-9]+\s*[台个]|[0-9]+\s*%|百分之)"
)
_PART: Final = re.compile(
    r"(?:[一二两三四五六七八九十几0-9]+\s*[台个]|一半|部分|half|some)\s*(?:的|of(?: the)?)?\s*$",
    re.IGNORECASE,
)
_LABELLED: Final = re.compile(r"\s*[a-z]{0,3}-?[0-9](?![0-9.]*\s*[台个])", re.IGNORECASE)
_LABELS: Final = re.compile(r"(?<![\w.])[a-z]{0,3}-?[0-9]{1,4}\s*号?\s*$", re.IGNORECASE)
"""组名前后的编号：「C20 登机口」「登机口 C20」说的是那一台，不是整组。"""
_TO: Final = r"\s*(?:号|柜台)?\s*(?:到|至|-|~|–|—|\bto\b|\bthrough\b)\s*"
_RANGE: Final = re.compile(rf"([a-z]+)-?([0-9]+){_TO}(?:([a-z]+)-?)?([0-9]+)(?![0-9a-z_.])")
_MOST_SHAPES: Final = 200
_MOST_IN_RANGE: Final = 500


@dataclass(frozen=True, slots=True)
class Mention:
    """一处说法：原文的起止、原话、哪几台；``why`` 不为空就是说不清，要问。"""

    start: int
    end: int
    said: str
    ips: tuple[str, ...] = ()
    why: str = ""


def mentions_in(text: str, inventory: Inventory) -> list[Mention]:
    """找出一句话里说到的名称与组，先后为序，不重叠。"""
    if not inventory:
        return []
    return list(_Reader(text, inventory).read())


def put_addresses(text: str, inventory: Inventory) -> str:
    """把一句话里说清了的、只有一台的名称写成地址；别的原样。"""
    said, place = [], 0
    for each in mentions_in(text, inventory):
        if len(each.ips) == 1 and not each.why:
            said += [text[place : each.start], f" {each.ips[0]} "]
            place = each.end
    return "".join([*said, text[place:]])


class _Reader:
    """读一句话：折成比较用的写法，逐处查索引。"""

    def __init__(self, text: str, inventory: Inventory) -> None:
        """``places`` 是折过的每个字在原文的哪里。"""
        self._text, self._stock = text, inventory
        folded: list[str] = []
        self._places: list[int] = []
        for place, char in enumerate(text):
            for one in unicodedata.normalize("NFKC", char).casefold():
                if one.isspace() and not self._gap(place, folded):
                    continue
                folded.append(" " if one.isspace() else one)
                self._places.append(place)
        self._said = "".join(folded)

    def _gap(self, place: int, folded: list[str]) -> bool:
        """这里的空白算不算：两边都是英文、数字的算。"""
        rest = self._text[place:].lstrip()[:1] if folded and folded[-1] != " " else ""
        return bool(rest) and folded[-1].isascii() and unicodedata.normalize("NFKC", rest).isascii()

    def read(self) -> Iterator[Mention]:
        """逐处给出。"""
        place = 0
        while place < len(self._said):
            found = self._range(place) or self._known(place) or self._unknown(place)
            if found is None:
                place += 1
                continue
            yield found
            while place < len(self._said) and self._places[place] < found.end:
                place += 1

    def _starts(self, place: int) -> bool:
        """这里能不能是一个名称的开头：英文数字不能接着英文数字，汉字不能接在别的词后面。"""
        before = self._before(place)
        if not before:
            return True
        first = self._said[place]
        if first.isascii():
            return not (_CODE_CHARS.match(before) or before in "./-@#$")
        return not before.isalnum() or before in _BEFORE_CJK

    def _before(self, place: int) -> str:
        """原文里前一个字；没有为空。"""
        at = self._places[place]
        return unicodedata.normalize("NFKC", self._text[at - 1]).casefold() if at else ""

    def _ends(self, end: int) -> bool:
        """这里能不能是一个名称的末尾。"""
        if not self._said[end - 1].isascii() or end >= len(self._said):
            return True
        after = self._text[self._places[end - 1] + 1 :][:2]
        return not (_CODE_CHARS.match(after) or (after[:1] in "./-@" and _CODE_CHARS.match(after[1:])))

    def _known(self, place: int) -> Mention | None:
        """这里开头的、清单里有的最长的一个。"""
        sizes = self._stock.lengths.get(self._said[place], ())
        for size in sizes if self._starts(place) else ():
            key = self._said[place : place + size]
            if (
                len(key) == size
                and key in self._stock.index
                and self._ends(place + size)
                and self._speakable(key, place)
            ):
                entries = self._stock.find(key)
                if not (entries[0].kind is Kind.GROUP and self._is_noun(place, place + size)):
                    return self._told(place, place + size, entries)
        return None

    def _is_noun(self, start: int, end: int) -> bool:
        """组名在这里是不是一台的名目：前后紧跟着编号。"""
        low, high = self._places[start], self._places[end - 1] + 1
        if self._said[start].isascii():
            return False
        return bool(_LABELS.search(self._text[max(0, low - 12) : low]) or _LABELLED.match(self._text, high))

    def _speakable(self, key: str, place: int) -> bool:
        """单单一个数、一个英文词不当作名称：那多半是台数、应用的名字；前面说了「整个」的算。"""
        if key.isascii() and not (any(map(str.isdigit, key)) and any(map(str.isalpha, key))) and " " not in key:
            return bool(_WHOLE.search(self._text[: self._places[place]])) and not key.isdigit()
        return len(key) > 1

    def _told(self, start: int, end: int, entries: Sequence[Entry]) -> Mention:
        """一处说法，连同它前后的「整个」「那台」。"""
        low, high = self._places[start], self._places[end - 1] + 1
        said = self._text[low:high]
        group = entries[0].kind is Kind.GROUP
        why = self._doubt(said, low, high, entries)
        if group and (whole := _WHOLE.search(self._text[max(0, low - 16) : low])):
            low -= len(whole.group())
        if tail := (_GROUP_TAIL if group else _NAME_TAIL).match(self._text, high):
            high = tail.end() if tail.group().strip() else high
        return Mention(low, high, said, () if why else entries[0].ips, why)

    def _doubt(self, said: str, low: int, high: int, entries: Sequence[Entry]) -> str:
        """说不清的缘由；说得清为空串。"""
        if len(entries) > 1:
            told = tr("、").join(
                tr("{label}（{sized}）", label=entry.label, sized=_sized(entry)) for entry in entries[:5]
            )
            return tr("「{said}」说的可能是 {told}：请说明是哪一个", said=said, told=told)
        entry = entries[0]
        if entry.kind is Kind.GROUP:
            some = _SOME.match(self._text, high) or _PART.search(self._text[max(0, low - 16) : low])
            whole = (
                some and re.search(rf"(?<![0-9]){len(entry.ips)}\s*[台个]", some.group()) and "前" not in some.group()
            )
            if some and not whole:
                what = self._text[low:high] + (some.group() if some.start() >= high else "")
                return tr(
                    "「{what}」说的是其中几台，不知道是哪几台：请写出名称或地址（整组是 {n} 台）",
                    what=what,
                    n=len(entry.ips),
                )
        if entry.kind is Kind.CODE and (noun := self._other_place(low, high, entry.label)):
            return tr("名称清单里没有「{noun}」，有的是 {label}：请说明是哪一台", noun=noun.strip(), label=entry.label)
        return ""

    def _other_place(self, low: int, high: int, label: str) -> str:
        """编号旁边说的是另一种地方（「A12 登机口」，而清单里是「A12 柜台」）。"""
        after = re.match(rf"\s*号?\s*({_PLACES})", self._text[high:])
        before = re.search(rf"({_PLACES}|gate|desk|counter)\s*$", self._text[:low], re.IGNORECASE)
        for found in (after, before):
            if found and key_of(found[1]) not in key_of(label) and not (found is before and found[1] in "区口台"):
                return self._text[low:high] + found.group() if found is after else found.group() + self._text[low:high]
        return ""

    def _range(self, place: int) -> Mention | None:
        """「A12 到 A15 柜台」：清单里有这种编号的才算，缺了哪一个、哪一个不止一台的去问。"""
        found = _RANGE.match(self._said, place) if self._starts(place) else None
        numbers = self._stock.codes.get(found[1]) if found else None
        if not found or not numbers or (found[3] or found[1]) != found[1]:
            return None
        low, high = self._places[place], self._places[found.end() - 1] + 1
        tail = re.match(rf"\s*号?\s*(?:{_PLACES})?", self._text[high:])
        noun = key_of(tail.group()).removeprefix("号") if tail else ""
        high += len(tail.group().rstrip()) if tail else 0
        said = self._text[low:high]
        wanted = range(int(found[2]), int(found[4]) + 1)
        if not 0 < len(wanted) <= _MOST_IN_RANGE:
            return Mention(low, high, said, why=tr("「{said}」的终点在起点之前，或太长：请重说是哪几台", said=said))
        chosen = {one: [e for e in numbers.get(one, ()) if noun in key_of(e.label)] for one in wanted}
        wrong = [f"{found[1].upper()}{one}" for one, entries in chosen.items() if len(entries) != 1]
        why = (
            tr(
                "「{said}」里的 {wrong} 在名称清单里没有，或不止一台：请写出各是哪台",
                said=said,
                wrong=tr("、").join(wrong[:10]),
            )
            if wrong
            else ""
        )
        return Mention(low, high, said, () if why else tuple(e[0].ips[0] for e in chosen.values()), why)

    def _unknown(self, place: int) -> Mention | None:
        """写法像清单里的名称、而清单里没有的。"""
        tried = [shape.match(self._said, place) for shape in _shapes(self._stock)] if self._starts(place) else []
        ends = [found.end() for found in tried if found and self._ends(found.end())]
        if not ends:
            return None
        low, high = self._places[place], self._places[max(ends) - 1] + 1
        noun = re.match(rf"\s*号?\s*(?:{_PLACES})", self._text[high:])
        high += len(noun.group()) if noun else 0
        said = self._text[low:high]
        return Mention(low, high, said, why=_missing(said, self._stock))


def _missing(said: str, inventory: Inventory) -> str:
    """清单里没有：像的有哪几个。"""
    near = inventory.near(said)
    return (
        tr("名称清单里没有「{said}」", said=said)
        + (tr("，像的有 {near}", near=tr("、").join(near)) if near else "")
        + tr("：请说明是哪一台")
    )


def _sized(entry: Entry) -> str:
    """一台的地址，或一组有几台。"""
    return tr("一组 {n} 台", n=len(entry.ips)) if entry.kind is Kind.GROUP else entry.ips[0]


@lru_cache(maxsize=8)
def _shapes(inventory: Inventory) -> tuple[re.Pattern[str], ...]:
    """清单里的名称有哪几种写法：数目换了就是另一台。"""
    counted = Counter(shape for key in inventory.index if (shape := _shape(key)))
    return tuple(re.compile(shape) for shape, _ in counted.most_common(_MOST_SHAPES))


def _shape(key: str) -> str:
    """一个说法的写法；没有数的、只有数的没有。"""
    if not any(map(str.isdigit, key)) or not any(map(str.isalpha, key)):
        return ""
    parts = re.findall(r"[0-9]+|[a-z]+|[^0-9a-z]+", key)
    bare = key.isascii()
    written = []
    for part in parts:
        if part.isdigit() and part.isascii():
            written.append("[0-9]+")
        elif part.isascii() and part.isalpha() and (len(part) == 1 or not bare):
            written.append(f"(?!v)[a-z]{{{len(part)}}}" if part != "v" and bare else f"[a-z]{{{len(part)}}}")
        else:
            written.append(re.escape(part))
    return "".join(written)
