"""地址怎样写：一项一项认出来，紧挨着的收成一组（依据 contract 第 2 节）。

地址的真假与展开一律交给 ``addresses.expand_ips``，这里只认写法。
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from pam_deploy_graph.llm.text.lexicon import FLAGS

_V4_END = r"\d{1,5}(?:\.\d{1,5}){3}(?!\.?\d)"
_V4 = rf"(?<![\w.]){_V4_END}"
_V6 = r"(?<![\w.])(?<![0-9a-f:]:)(?=[0-9a-f]|::)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:.])"
_TO = r"(?:[^\S\n]*(?:-|~|\.\.+|…)|\s*(?:到|至|\bto\b|\bthrough\b|\bthru\b|\btill\b|\buntil\b|\bup to\b))\s*"
"""行首的 ``-`` 是另起一项，不是「到」。"""
ITEM: Final = re.compile(
    rf"(?P<wild>(?<![\w.])(?:\d{{1,3}}\.){{3}}[*x](?!\w))"
    rf"|(?P<net>(?:{_V4}|{_V6})\s?/\s?\d{{1,3}}(?!\.?\d))"
    rf"|(?P<start>{_V4})(?:{_TO}(?P<end>{_V4_END}|\d{{1,3}}(?!\.?\d|\s*[台个批%])))?"
    rf"|(?P<start6>{_V6})(?:{_TO}(?P<end6>{_V6}))?",
    FLAGS,
)
_MORE: Final = re.compile(
    r"[^\S\n]*(?:、|和|及|跟|与|,|&|,?[^\S\n]*\band\b)[^\S\n]*\.?(\d{1,3})(?!\.?\d|\s*[台个批次点%秒分个组]|\w)", FLAGS
)
_JOIN: Final = re.compile(
    r"(?:\n\s*[-*•]\s*|[\s、,;和及与跟&|]|/(?=\s?\d{1,3}(?:\.\d{1,3}){3})|以及|[外再]?加|同(?!样|款|时|步|一))*"
    r"(?:\band\b(?:\s*the\b)?)?\s*",
    FLAGS,
)


@dataclass(frozen=True)
class Group:
    """紧挨着列出的一组 IP：怎么写的，说的是要做、不要动，还是「别给它装」，以及连同前后的话占的位置。"""

    items: list[str]
    role: str
    start: int
    end: int


def is_clock(match: re.Match[str]) -> bool:
    """形如 ``12:30:45`` 的时间不是 IPv6。"""
    text = match["start6"]
    if not text:
        return False
    try:
        ip_address(text)
    except ValueError:
        return True
    return False


def listed(text: str, first: re.Match[str]) -> tuple[list[str], int]:
    """从第一项起，收齐紧挨着列出的各项；返回各项与这一组的终点。"""
    items: list[str] = []
    match: re.Match[str] | None = first
    end = first.end()
    while match:
        items += spell(match)
        end = match.end()
        while match["start"] and (more := _MORE.match(text, end)):
            items.append(neighbour(match["start"], more.group(1)))
            end = more.end()
        joined = _JOIN.match(text, end)
        match = ITEM.match(text, joined.end()) if joined else None
    return items, end


def spell(match: re.Match[str]) -> list[str]:
    """把一项写成 ``expand_ips`` 认得的样子。"""
    if match["wild"]:
        return [match["wild"][:-1] + "0/24"]
    if match["net"]:
        return [re.sub(r"\s", "", match["net"])]
    start, end = match["start"] or match["start6"], match["end"] or match["end6"]
    return [f"{start}-{end}" if end else start]


def neighbour(address: str, last: str) -> str:
    """``10.0.0.5、6`` 里的 6 指 ``10.0.0.6``。"""
    return address.rpartition(".")[0] + "." + last
