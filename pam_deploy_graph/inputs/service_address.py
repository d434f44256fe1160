"""PAM 各服务的地址：哪些绝不可用，哪些新地址不必问人就能用（contract 第 3 节「NODE 的地址」）。

令牌要交给这些地址，所以只看字面，绝不解析主机名去猜。
"""

import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.masking import mask
from pam_deploy_graph.system.safe_text import show_value

_METADATA_NAMES: Final = frozenset({"metadata", "metadata.google.internal", "instance-data"})
_METADATA: Final = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")))
"""不在链路本地网段里的云主机元数据服务。"""
_PLAIN: Final = re.compile(r"[!-\"$-?A-\[\]-~]{1,2048}")
_NAT64: Final = ip_network("64:ff9b::/96")


def why_unusable(url: str) -> str:
    """说明一个地址为什么绝不能用；能用的为空串。

    Args:
        url: 配置的，或 HOME 给出的地址。

    """
    try:
        parts = urlsplit(url)
        sound = bool(parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    except ValueError:
        sound = False
    if not sound or not _PLAIN.fullmatch(url):
        return tr("应为 http:// 或 https:// 开头的地址，含主机名，不带用户名、密码和 #")
    if mask(url) != url:
        return tr("查询里像是有秘密：地址会进日志与历史，令牌请用 PAM_TOKEN")
    host = str(parts.hostname).rstrip(".")
    address = _host_address(host)
    if host in _METADATA_NAMES or host.startswith("instance-data.") or address in _METADATA:
        return tr("它是云主机的元数据服务，令牌不能交给它")
    if address is not None and (address.is_link_local or address.is_unspecified or address.is_multicast):
        return tr("它是链路本地、未指定或组播地址，令牌不能交给它")
    return ""


def refuse_unusable(name: str, url: str) -> None:
    """一个设置点的地址绝不能用就抛；空串是没有设。

    Raises:
        InvalidInputError: 不能用；消息是名字、值与原因。

    """
    if reason := url and why_unusable(url):
        raise InvalidInputError(
            tr("{name} 的值 {url} 不合规则：{reason}", name=name, url=show_value(url), reason=reason)
        )


def is_loopback(url: str) -> bool:
    """是不是本机的地址。"""
    host = urlsplit(url).hostname or ""
    address = _host_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def loses_tls(before: str, after: str) -> bool:
    """https 的地址变成了 http 的：无论谁同意都不行。"""
    return urlsplit(before).scheme == "https" and urlsplit(after).scheme == "http"


def same_address(one: str, other: str) -> bool:
    """两个地址是不是同一处；末尾的 ``/`` 与大小写的主机名不算不同。"""
    return _parts(one) == _parts(other)


def same_host(one: str, other: str) -> bool:
    """两个地址是不是同一台主机上的同一个服务：协议、主机名与端口都相同。"""
    return _parts(one)[:3] == _parts(other)[:3]


def usable_unasked(after: str, allowed: Sequence[str]) -> bool:
    """新地址不必问人就能用：本机的，或 ``PAM_NODE_ALLOW`` 允许的。"""
    return is_loopback(after) or any(_allows(entry, urlsplit(after)) for entry in allowed)


def read_allowed(text: str) -> tuple[str, ...]:
    """读 ``PAM_NODE_ALLOW``：逗号分隔的主机名、``*.后缀``、网段，或带协议与端口的地址。

    Raises:
        ValueError: 有一项看不懂；消息就是规则。

    """
    entries = tuple(entry.strip() for entry in text.split(",") if entry.strip())
    for entry in entries:
        try:
            _allows(entry, urlsplit("http://localhost"))
        except ValueError:
            rule = tr("应为逗号分隔的主机名、*.后缀、网段（10.20.0.0/16）或带协议的地址（https://node.example:8443）")
            raise ValueError(tr("{rule}；看不懂 {entry!r}", rule=rule, entry=entry)) from None
    return entries


def _allows(entry: str, target: SplitResult) -> bool:
    """一项许可说的是不是这个地址；没有写明协议、端口的，什么协议、端口都行。"""
    scheme, colons, rest = entry.partition("://")
    rest, host = (rest if colons else entry).rstrip("/").lower(), (target.hostname or "").rstrip(".")
    if colons and scheme.lower() != target.scheme:
        return False
    if "/" in rest:
        network, address = ip_network(rest), _host_address(host)
        return address is not None and address in network
    wanted = urlsplit(f"//{rest}")
    name = (wanted.hostname or "").rstrip(".")
    if not name:
        raise ValueError(entry)
    if wanted.port is not None and wanted.port != _port(target):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def _port(parts: SplitResult) -> int:
    """端口；没有写的是协议的默认值。"""
    return parts.port or (443 if parts.scheme == "https" else 80)


def _parts(url: str) -> tuple[str, str, int, str, str]:
    """拆成可以比较的几部分。"""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").rstrip("."), _port(parts), parts.path.rstrip("/"), parts.query


def _host_address(host: str) -> IPv4Address | IPv6Address | None:
    """主机写的是不是 IP；``2852039166``、``0x7f.1`` 这样的旧写法 curl 也认，嵌在 IPv6 里的照里面的算。"""
    bare = host.partition("%")[0]
    with suppress(ValueError):
        address = ip_address(bare)
        if isinstance(address, IPv6Address):
            inner = address.ipv4_mapped or address.sixtofour
            return inner or (IPv4Address(address.packed[-4:]) if address in _NAT64 else address)
        return address
    with suppress(OSError, UnicodeError):
        return IPv4Address(socket.inet_aton(bare))
    return None
