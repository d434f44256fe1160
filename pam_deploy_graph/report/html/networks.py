"""地址的排法：按数值排序、连号合并、按网络成组（纯函数）。

输入一般是真地址；不是地址的原样处理，不报错。
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import groupby
from typing import Final

_RUN: Final = 3
"""连着几台起才合并成范围。"""


def in_order(ips: Iterable[str]) -> list[str]:
    """按地址的数值排序；不是地址的排在最后。"""
    return sorted(ips, key=_key)


def ranges(ips: Iterable[str]) -> list[str]:
    """把地址写成尽量短的清单，三台以上连号的合并为 ``首 – 末``。"""
    pieces: list[str] = []
    numbered = enumerate(in_order(ips))
    for _, run in groupby(numbered, key=lambda pair: (_key(pair[1])[0], _key(pair[1])[1] - pair[0], _key(pair[1])[2])):
        members = [ip for _, ip in run]
        pieces += [f"{members[0]} – {members[-1]}"] if len(members) >= _RUN else members
    return pieces


def split(ip: str) -> tuple[str, str]:
    """把地址分成网络部分与末段；分不开的网络部分为空串。"""
    mark = "." if "." in ip else ":"
    head, _, tail = ip.rpartition(mark)
    return (head + mark, tail) if tail and _address(ip) else ("", ip)


def networks(ips: Iterable[str]) -> list[tuple[str, list[str]]]:
    """把地址按网络部分成组，组内按数值排序。"""
    return [(head, list(members)) for head, members in groupby(in_order(ips), key=lambda ip: split(ip)[0])]


def _key(ip: str) -> tuple[int, int, str]:
    """排序用的键：版本、数值、原文（不是地址时才用）。"""
    found = _address(ip)
    return (found.version, int(found), "") if found else (9, 0, ip)


def _address(ip: str) -> IPv4Address | IPv6Address | None:
    """解析成地址；不是地址为 ``None``。"""
    try:
        return ip_address(ip)
    except ValueError:
        return None
