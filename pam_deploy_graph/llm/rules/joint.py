"""从一句话里听出几个机场一起做：哪几座、次序、先试哪一座、同时几座、一共坏满几台就停（contract 第 8 节）。

听出来的从原话里去掉，其余的照只有一座机场来读，与平常的部署同一套规则。
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.airports import mentioned
from pam_deploy_graph.llm.rules.extraction import hear
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table
from pam_deploy_graph.llm.text.normalise import too_long
from pam_deploy_graph.llm.text.numbers import NUMBER, to_int

_SIGN: Final = "\ue002"
"""一座机场在句子里换成它与三字码；归一化保证原文里没有它。"""
_ONE: Final = rf"\s*{_SIGN}[A-Z]{{3}}\s*"
_CODE: Final = re.compile(rf"{_SIGN}([A-Z]{{3}})")
_LIST: Final = re.compile(
    rf"{_ONE}(?:(?:[、,，/&]|以及|还有|和|与|及|跟|\band\b)+{_ONE})+"
    rf"(?:这|等|共|一共|总共)*(?:{NUMBER}\s*[个座](?:机场|空港)|(?:机场|空港)|\bairports?\b)?",
    FLAGS,
)
_CLAUSES: Final = ("pilot", "order", "at_once", "vague", "max_failures")


@dataclass(frozen=True, slots=True)
class Joint:
    """几个机场一起做的话；``rest`` 是其余的话，里头只有头一座机场。

    ``doubts`` 是听不准的，各一句：不空就要先问人。
    """

    airports: tuple[str, ...]
    rest: str
    pilot: str = ""
    at_once: int = 1
    max_failures: int = 0
    doubts: tuple[str, ...] = ()


@cache
def _forms() -> dict[str, tuple[re.Pattern[str], ...]]:
    """各种说法。"""
    data = dict(table("joint"))
    placeholders = data.pop("placeholders") | {"A": _ONE}
    return {name: compile_all(data[name], **placeholders) for name in _CLAUSES}


def read_joint(text: str) -> Joint | None:
    """听一句话；没有说到两座以上确定的机场的为 ``None``。"""
    if too_long(text):
        return None
    signed = _signed(hear(text).text)
    named = list(dict.fromkeys(_CODE.findall(signed)))
    if len(named) < 2:  # noqa: PLR2004  一座的照平常的部署
        return None
    said: dict[str, list[re.Match[str]]] = {}
    for name in _CLAUSES:
        signed, said[name] = _taken(signed, name)
    pilots, order = (_codes(said[name]) for name in ("pilot", "order"))
    lists = list(_LIST.finditer(signed))
    listed = _codes(lists)
    rest = _LIST.sub(f"{_SIGN}{named[0]}", signed, count=1)
    doubts = [tr("「{said}」说的是机场还是工作站", said=match.group()) for match in said["vague"]]
    doubts += [tr("试点说了不止一座（{pilots}）", pilots=tr("、").join(pilots))] if len(pilots) > 1 else []
    if any(match["n"] and to_int(match["n"]) != len(named) for match in lists):
        doubts.append(tr("说的座数与点名的不一样"))
    if [*_CODE.findall(rest)] not in ([named[0]], []) or set(named) - {*listed, *pilots, *order}:
        doubts.append(tr("是不是这几座一起做：{named}", named=tr("、").join(named)))
    return Joint(
        tuple(dict.fromkeys([*order, *named])),
        _CODE.sub(lambda match: f" {match[1]} " if match[1] == named[0] else " ", rest),
        pilots[0] if pilots else "",
        _number(said["at_once"], doubts) or 1,
        _number(said["max_failures"], doubts),
        tuple(doubts),
    )


def _signed(text: str) -> str:
    """各座确定的机场换成记号；两可的照原样，留给读机场的去问。"""
    for mention in reversed(mentioned(text)):
        if len(mention.codes) == 1:
            text = f"{text[: mention.start]}{_SIGN}{next(iter(mention.codes))}{text[mention.end :]}"
    return text


def _taken(text: str, name: str) -> tuple[str, list[re.Match[str]]]:
    """去掉一种说法，返回余下的与去掉的。"""
    taken: list[re.Match[str]] = []
    for form in _forms()[name]:
        taken += form.finditer(text)
        text = form.sub(" ", text)
    return text, taken


def _codes(matches: list[re.Match[str]]) -> list[str]:
    """里头的机场，先后为序，不重复。"""
    return list(dict.fromkeys(code for match in matches for code in _CODE.findall(match.group())))


def _number(matches: list[re.Match[str]], doubts: list[str]) -> int:
    """说的数目；没有说的是 0，说了两个不同的去问。"""
    found = {to_int(match["n"]): match.group() for match in matches}
    if len(found) > 1:
        doubts.append(tr("说了两个不同的数（{said}）", said=tr("、").join(found.values())))
    return next(iter(found), 0)
