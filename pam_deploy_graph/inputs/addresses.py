"""把操作员写的 IP 范围展开成规范地址的列表（依据 contract 第 2 节）。

接受单个 IPv4/IPv6、列表、范围（``10.0.0.5-7``、``10.0.0.5-10.0.0.9``）和 CIDR（按 ``hosts()``）。
个数在展开之前就检查，``10.0.0.0/8`` 不会先占满内存再被拒绝。
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from pam_deploy_graph.constants import MAX_SCOPE
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.safe_text import markdown_safe, show_value

Address = IPv4Address | IPv6Address

_SEPARATORS = re.compile(r"[,;，；、\s]+")
_ADDRESS_TEXT = re.compile(r"[0-9A-Fa-f.:]+")
_LAST_OCTET = re.compile(r"[0-9]{1,3}")
_LISTED: Final = 10
"""列出工作站时，这么多台以内逐台写。"""
_NAMELESS: Final[Mapping[str, str]] = {}


def canonical_ip(value: object) -> str:
    """返回一个地址的规范写法。

    Raises:
        InvalidInputError: 不是一个真实的、可以指某台机器的地址。

    """
    try:
        address = ip_address(value) if isinstance(value, str) else None
    except ValueError:
        address = None
    if address is None or address.is_unspecified:
        raise InvalidInputError(tr("{value} 不是一个真实的 IP 地址", value=show_value(value)))
    return str(address)


def one_address(text: str) -> str:
    """返回一台工作站的地址的规范写法。

    Raises:
        InvalidInputError: 不是一个真实的地址，或不会是一台工作站的。

    """
    return str(_address(text, text))


def same_ip(text: str) -> str:
    """返回一个地址的规范写法；不是地址的原样返回，由后面的核对去说它不对。"""
    try:
        return canonical_ip(text)
    except InvalidInputError:
        return text


def with_name(ip: str, names: Mapping[str, str]) -> str:
    """地址连同名称；没有名称就是地址。"""
    return f"{ip} {name}" if (name := names.get(ip)) else ip


def compress_ips(ips: Iterable[str]) -> str:
    """把地址列表写成短的文本：相邻的合成范围，次序不变；``expand_ips`` 可以还原。"""
    runs: list[list[Address]] = []
    for address in map(ip_address, ips):
        last = runs[-1][-1] if runs else None
        if last is not None and last.version == address.version and int(address) == int(last) + 1:
            runs[-1][1:] = [address]
        else:
            runs.append([address])
    return ",".join("-".join(map(str, run)) for run in runs)


def show_ips(ips: list[str], names: Mapping[str, str] = _NAMELESS) -> str:
    """列出工作站，连同名称；多了就把相邻的合成范围（名称写两头的），还多就只列前若干段。"""
    if len(ips) <= _LISTED:
        return tr("、").join(markdown_safe(with_name(ip, names)) for ip in ips)
    ranges = compress_ips(ips).split(",")
    shown = tr("、").join(_with_ends(one, names) for one in ranges[:_LISTED])
    return shown + (tr(" 等") if len(ranges) > _LISTED else "")


def _with_ends(addresses: str, names: Mapping[str, str]) -> str:
    """一段地址，连同两头的名称。"""
    ends = [names[ip] for ip in addresses.split("-") if ip in names]
    return markdown_safe(tr("{addresses}（{ends}）", addresses=addresses, ends=" … ".join(ends))) if ends else addresses


def expand_ips(scope: object, *, limit: int = MAX_SCOPE, taken: int = 0) -> list[str]:
    """把 IP 范围展开成地址列表，保持书写顺序并去重。

    Args:
        scope: 逗号（或空白、分号、顿号，全角亦可）分隔的文本，或者文本的列表；每一项是地址、范围或 CIDR。
        limit: 最多展开出多少个地址。
        taken: 其中已经展开过多少个。

    Returns:
        规范写法的地址。空列表得到空列表。

    Raises:
        InvalidInputError: 有一项不是真实的地址、范围颠倒，或者总数超过上限。

    """
    seen: dict[str, None] = {}
    left = limit - taken
    for item in _items(scope):
        count, addresses = _expand_item(item)
        left -= count
        if left < 0:
            raise InvalidInputError(
                tr("IP 范围 {item} 太大：一次最多 {limit} 个地址，请缩小范围", item=show_value(item), limit=limit)
            )
        seen.update(dict.fromkeys(map(str, addresses)))
    return list(seen)


def _items(scope: object) -> list[str]:
    """把文本或列表拆成一项一项。"""
    if isinstance(scope, str):
        items = [item for item in _SEPARATORS.split(scope) if item]
        if not items:
            raise InvalidInputError(tr("IP 范围是空的：请写出地址、范围（10.0.0.5-7）或 CIDR（10.0.0.0/24）"))
        return items
    if not isinstance(scope, Iterable) or isinstance(scope, bytes | dict):
        raise InvalidInputError(tr("IP 范围 {scope} 应为文本或列表", scope=show_value(scope)))
    parts = list(scope)
    for part in parts:
        if not isinstance(part, str):
            raise InvalidInputError(tr("IP 范围里的 {part} 应为文本，例如 '10.0.0.5'", part=show_value(part)))
    return [item for part in parts for item in _items(part)]


def _expand_item(item: str) -> tuple[int, Iterator[Address]]:
    """算出一项含多少个地址，并给出惰性的地址序列。"""
    if "/" in item:
        return _expand_network(item)
    first, dash, last = item.partition("-")
    start = _address(first, item)
    end = _range_end(start, last, item) if dash else start
    if end.version != start.version or int(end) < int(start):
        raise InvalidInputError(tr("IP 范围 {item} 的终点在起点之前，或两端不是同一种地址", item=show_value(item)))
    count = int(end) - int(start) + 1
    return count, (start + offset for offset in range(count))


def _expand_network(item: str) -> tuple[int, Iterator[Address]]:
    """展开 CIDR；主机位不为零时拒绝并给出正确写法，不替人猜。"""
    if not item.isascii():
        raise InvalidInputError(tr("{item} 不是 CIDR：只能用半角字符，例如 10.0.0.0/24", item=show_value(item)))
    try:
        network = ip_network(item, strict=False)
    except ValueError:
        raise InvalidInputError(tr("{item} 不是真实的网段，应写成 10.0.0.0/24 这样", item=show_value(item))) from None
    if str(network.network_address) != str(ip_address(item.partition("/")[0])):
        raise InvalidInputError(
            tr("网段 {item} 的主机位不为零，整个网段请写 {network}", item=show_value(item), network=network)
        )
    if network.num_addresses <= MAX_SCOPE:
        _refuse_special(network.network_address, item)
    return network.num_addresses, iter(network.hosts())


def _range_end(start: Address, last: str, item: str) -> Address:
    """解析范围的终点：完整地址，或 IPv4 的最后一段。"""
    if isinstance(start, IPv4Address) and _LAST_OCTET.fullmatch(last):
        return _address(str(start).rpartition(".")[0] + "." + last, item)
    return _address(last, item)


def _address(text: str, item: str) -> Address:
    """解析一个地址；拒绝全角字符、区域标识和不可能是工作站的地址。"""
    try:
        address = ip_address(text if _ADDRESS_TEXT.fullmatch(text) else "")
    except ValueError:
        raise InvalidInputError(
            tr("{item} 不是真实的 IP 地址或范围，应写成 10.0.0.5 或 10.0.0.5-7", item=show_value(item))
        ) from None
    _refuse_special(address, item)
    return address


def _refuse_special(address: Address, item: str) -> None:
    """拒绝未指定地址、组播和广播：它们不会是一台工作站。"""
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        raise InvalidInputError(tr("{item} 不会是一台工作站的地址（未指定、组播或广播地址）", item=show_value(item)))
