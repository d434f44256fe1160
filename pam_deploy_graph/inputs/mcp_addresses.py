"""``PAM_MCP_URL``：一个地址，或各机场的地址 ``PEK=地址,SHA=地址``（contract 第 8 节）。"""

import re
from collections.abc import Mapping
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.service_address import why_unusable

EVERYWHERE: Final = ""
"""只写一个地址时，它的机场：哪座都是它。"""
_NAMED: Final = re.compile(r"([A-Za-z]{3})=(.+)")
_NEXT: Final = re.compile(r"\s*,\s*(?=[A-Za-z]{3}=)")
_URL: Final = re.compile(r"https?://[!-~]+")


def read_mcp_urls(value: str) -> Mapping[str, str]:
    """返回 ``{机场: 地址}``；只写一个地址的，机场是 ``EVERYWHERE``；空串为空。

    Raises:
        ValueError: 写法不对，一座机场写了两次，或地址绝不可用；消息是规则。

    """
    found: dict[str, str] = {}
    parts = _NEXT.split(value.strip()) if value.strip() else []
    for part in parts:
        named = _NAMED.fullmatch(part)
        airport, url = (named[1].upper(), named[2]) if named else (EVERYWHERE, part)
        if not _URL.fullmatch(url) or (airport == EVERYWHERE and len(parts) > 1):
            raise ValueError(tr("应为 http:// 或 https:// 开头的地址，或 PEK=地址,SHA=地址"))
        if airport in found:
            raise ValueError(tr("机场 {airport} 写了两次", airport=airport))
        if reason := why_unusable(url):
            raise ValueError(reason)
        found[airport] = url
    return found


def mcp_url_for(value: str, airport: str) -> str:
    """一座机场的地址；没有写它的为空串，用 HOME 给出的。"""
    urls = read_mcp_urls(value)
    return urls.get(airport.upper(), urls.get(EVERYWHERE, ""))


def refuse_alone(store_url: str, mcp_url: str) -> None:
    """``PAM_REQUIRE_SHARED_STORE``：几台机器、几座机场合做的一台，只顾自己的设置不收。

    Raises:
        InvalidInputError: 账本不是共用的，或一个 MCP 地址管所有的机场。

    """
    if not store_url.startswith("postgresql"):
        where = tr("指的是本机的文件") if store_url else tr("没有设")
        rule = tr("账本须放在 postgresql://用户@主机/库；只在这台机器上用的，去掉 PAM_REQUIRE_SHARED_STORE")
        raise InvalidInputError(
            tr("设了 PAM_REQUIRE_SHARED_STORE，而 PAM_STORE_URL {where}，没有启动：{rule}", where=where, rule=rule)
        )
    if url := read_mcp_urls(mcp_url).get(EVERYWHERE):
        rule = tr("各机场各有各的，应写成 PEK=地址,SHA=地址，或不设，用 HOME 给出的")
        raise InvalidInputError(
            tr("设了 PAM_REQUIRE_SHARED_STORE，而 PAM_MCP_URL 只有一个地址 {url}，没有启动：{rule}", url=url, rule=rule)
        )
