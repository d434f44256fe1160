"""每个 NODE 动作对应哪个 PAM HTTP 地址（contract 第 3 节「PAM HTTP protocol」）。"""

from dataclasses import dataclass
from typing import Final

from pam_deploy_graph.constants import ActionSpec

_WORKSTATION: Final = "/api/workstations/{ip}"
_MODULE: Final = ("app", "module")


@dataclass(frozen=True, slots=True)
class Route:
    """一个地址：``body`` 与 ``query`` 是放进正文、查询的输入名；``query`` 里的可以不给。"""

    method: str
    path: str
    body: tuple[str, ...] = ()
    query: tuple[str, ...] = ()


_SPECIAL: Final = {
    "sync-node": Route("POST", "/api/sync", (*_MODULE, "version", "hash_code")),
    "get-online-ips": Route("GET", "/api/workstations?online=true"),
    "rollback-ip": Route("POST", f"{_WORKSTATION}/rollback", (*_MODULE, "stop_first", "to_version")),
    "query-ip": Route("GET", _WORKSTATION, query=_MODULE),
    "download-log": Route("GET", f"{_WORKSTATION}/log", query=_MODULE),
}
WIRE_NAMES: Final = {"hash_code": "hash"}
"""输入名与协议里的名字不同的。"""


def route_of(spec: ActionSpec) -> Route:
    """返回一个 NODE 动作的地址；没有特别列出的，是工作站上以动作的动词命名的那个。"""
    verb = spec.name.removesuffix("-ip")
    return _SPECIAL.get(spec.name) or Route("POST", f"{_WORKSTATION}/{verb}", (*_MODULE, "version"))
