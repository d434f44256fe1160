"""写在地址旁边的话说它是什么：不做的、要做的、另有用处的；看不懂的要问（依据 contract 第 4 节）。

说法在 ``remarks.toml``。
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from pam_deploy_graph.llm.text.lexicon import compile_all, table


class Role(StrEnum):
    """一个地址是什么。"""

    TARGET = "target_ips"
    EXCLUDE = "exclude_ips"
    OTHER = "other_address"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Remark:
    """写在地址旁边的一段话：起止，说它是什么。"""

    start: int
    end: int
    role: Role


_EDGES: Final = " \t,;:.。!()[]|-—*•、?#@=\ue000\ue001"
_NUMBERING: Final = re.compile(r"^\s*(?:[-*•]|\(?[a-z\d]{1,2}\s?[.)、])\s*", re.IGNORECASE)


def role_of(said: str) -> Role:
    """一段话说它是什么；空的、只是位置的当作要做。"""
    text = _NUMBERING.sub("", said).strip(_EDGES)
    text = re.sub(r"^(?:这|那|此)?[台个俩几]+(?:机器|工作站|柜台)?\s*|^(?:机器|工作站|ip|主机)[:\s]*", "", text).strip(
        _EDGES
    )
    if not text:
        return Role.TARGET
    for role in (Role.EXCLUDE, Role.OTHER, Role.TARGET):
        if any(form.fullmatch(text) for form in _forms(_NAMES[role])):
            return role
    return Role.TARGET if any(form.fullmatch(text) for form in _forms("label")) else Role.UNKNOWN


def is_wanted(said: str) -> bool:
    """一段话是不是明说了要做。"""
    return any(form.fullmatch(said.strip(_EDGES)) for form in _forms("target"))


def cell_remarks(
    line: str, start: int, headings: Sequence[str], addresses: Sequence[tuple[int, int]]
) -> Iterator[Remark]:
    """表格里一行的各格说这一行的地址是什么；位置、人名那几列不看。"""
    place = start
    for number, cell in enumerate(line.split("|")):
        end = place + len(cell)
        heading = headings[number].strip() if number < len(headings) else ""
        holds = any(place <= begin < end for begin, _ in addresses)
        idle = heading and any(form.search(heading) for form in _forms("heading_label"))
        if cell.strip() and not holds:
            yield Remark(place, end, Role.TARGET if idle else role_of(cell))
        place = end + 1


_NAMES: Final = {Role.EXCLUDE: "exclude", Role.OTHER: "other", Role.TARGET: "target"}


def other_forms(name: str) -> tuple[re.Pattern[str], ...]:
    """一句话里说地址另有用处的各种说法。"""
    return _forms(name)


@cache
def _forms(name: str) -> tuple[re.Pattern[str], ...]:
    """一类说法。"""
    data = table("remarks")
    return compile_all(data[name], **data["words"])
