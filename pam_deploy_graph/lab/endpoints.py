"""PAM HTTP 协议的地址表：HOME 与 NODE 的路由、``docs/openapi.json`` 都从这里来（contract 第 3 节）。"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pam_deploy_graph.constants import Side
from pam_deploy_graph.lab.schemas import (
    Health,
    ModuleRef,
    NodeInfo,
    Outcome,
    Package,
    PackageRef,
    Publication,
    Published,
    Recalled,
    RollbackOrder,
    Roster,
    RosterQuery,
    Synced,
    VersionRef,
    WorkstationInfo,
)
from pam_deploy_graph.lab.workstation_actions import ACTING, CHECKS

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """一个地址。

    ``handler`` 是 ``Home`` 或 ``Node`` 的方法名；``answer`` 是 JSON 应答的结构，``bytes`` 与 ``str`` 表示
    原样的字节与纯文本；``body`` 是 JSON 正文的模型，``bytes`` 表示原样的字节；``query`` 是查询参数的模型；
    ``changes`` 为真即必须带幂等键；``errors`` 是除 401 之外会答的错误状态。
    """

    side: Side
    method: str
    path: str
    handler: str
    answer: Any
    body: type[BaseModel | bytes] | None = None
    query: type[BaseModel] | None = None
    changes: bool = False
    errors: tuple[int, ...] = ()


_PACKAGE: Final = "/api/packages/{app}/{module}/{version}"
_WORKSTATION: Final = "/api/workstations/{ip}"
_ACTING_ERRORS: Final = (400, 404, 409, 413, 422, 429, 503)


def _order(order: str, handler: str, answer: Any, body: type[BaseModel], **rest: Any) -> Endpoint:
    """工作站上以动词命名的一个地址。"""
    return Endpoint(Side.NODE, "POST", f"{_WORKSTATION}/{order}", handler, answer, body, **rest)


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(Side.HOME, "GET", "/api/health", "health", Health),
    Endpoint(Side.HOME, "PUT", _PACKAGE, "upload", Package, bytes, changes=True, errors=(400, 409, 422)),
    Endpoint(Side.HOME, "GET", _PACKAGE, "describe_package", Package, errors=(400, 404)),
    Endpoint(Side.HOME, "GET", "/api/packages/{hash}/content", "content", bytes, errors=(404,)),
    Endpoint(
        Side.HOME,
        "POST",
        "/api/versions",
        "publish",
        Published,
        Publication,
        changes=True,
        errors=(400, 404, 409, 413, 422),
    ),
    Endpoint(Side.HOME, "GET", "/api/nodes/{airport}", "node", NodeInfo, errors=(404,)),
    Endpoint(Side.NODE, "POST", "/api/sync", "sync", Synced, PackageRef, changes=True, errors=_ACTING_ERRORS),
    Endpoint(Side.NODE, "GET", "/api/workstations", "list_workstations", Roster, query=RosterQuery, errors=(400,)),
    Endpoint(Side.NODE, "GET", _WORKSTATION, "query", WorkstationInfo, query=ModuleRef, errors=(400, 404)),
    Endpoint(Side.NODE, "GET", f"{_WORKSTATION}/log", "log", str, query=ModuleRef, errors=(400, 404, 409, 429, 503)),
    *(
        _order(order, "check", get_type_hints(check)["return"], VersionRef, errors=(400, 404, 413, 429, 503))
        for order, check in CHECKS.items()
    ),
    *(
        _order(order, "act", Recalled if body is RollbackOrder else Outcome, body, changes=True, errors=_ACTING_ERRORS)
        for order, body in ACTING.items()
    ),
)


def routes_of(owner: object, side: Side) -> list[Route]:
    """把一侧的地址挂到 ``owner`` 的方法上；同一路径的几种方法合成一条，405 的 ``Allow`` 才是全的。"""
    handlers: dict[str, dict[str, Handler]] = {}
    for one in of_side(side):
        handlers.setdefault(one.path, {})[one.method] = getattr(owner, one.handler)
    return [Route(path, _dispatch(methods), methods=list(methods)) for path, methods in handlers.items()]


def _dispatch(methods: Mapping[str, Handler]) -> Handler:
    """按方法选一个处理者；``HEAD`` 归 ``GET``。"""

    async def handle(request: Request) -> Response:
        """交给它。"""
        return await methods[request.method if request.method in methods else "GET"](request)

    return handle


def of_side(side: Side) -> Iterable[Endpoint]:
    """一侧的地址。"""
    return (one for one in ENDPOINTS if one.side is side)
