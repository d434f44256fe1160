"""服务器上图之外的路由：照账本看、作决定，供 ``--server`` 的命令用（contract 第 8 节）。

``langgraph.json`` 的 ``http.app`` 指向 ``graphs/pam_routes.py``。认人与图同一个门（``server_auth``），不靠宿主。
"""

import importlib
import inspect
import json
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from anyio import to_thread
from langgraph_sdk import Auth
from pydantic import ValidationError, validate_call
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pam_deploy_graph.errors import InvalidInputError, PamError
from pam_deploy_graph.graph.server_auth import who
from pam_deploy_graph.graph.server_runs import PREFIX
from pam_deploy_graph.i18n import EN, ZH, speaking, tr
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.actor import server_actor
from pam_deploy_graph.runs.local_runs import LocalRuns
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.http_body import bounded
from pam_deploy_graph.system.masking import mask

_MOST_BYTES: Final = 2 << 20
"""几千台的决定也装得下。"""
_CALLS: Final = frozenset(
    name for name, _ in inspect.getmembers(RunAccess, inspect.isfunction) if not name.startswith("_") and name != "call"
)


def server_app(services: Services) -> Any:
    """返回带着这些路由的程序；Aegra 只认 FastAPI 的，别的宿主用 Starlette 就行。"""
    try:
        kind = importlib.import_module("fastapi").FastAPI
    except ImportError:
        kind = Starlette
    return kind(routes=[Route(f"{PREFIX}/{{name}}", partial(_answer, services), methods=["POST"])])


async def _answer(services: Services, request: Request) -> Response:
    """答一个请求：认出是谁，在别的线程里做。"""
    try:
        user = await who(dict(request.scope["headers"]))
    except Auth.exceptions.HTTPException as refused:
        return _told(refused.status_code, {"error": "", "message": str(refused.detail)})
    name, body = request.path_params["name"], await bounded(request.stream(), _MOST_BYTES)
    if body is None:
        return _told(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "InvalidInputError", "message": tr("请求太大")})
    if name not in _CALLS:
        return _told(
            HTTPStatus.NOT_FOUND,
            {"error": "InvalidInputError", "message": tr("这个版本的服务器不会 {name}", name=name)},
        )
    try:
        with speaking(EN if request.headers.get("accept-language", "").startswith(EN) else ZH):
            found = await to_thread.run_sync(partial(_do, services, str(user["identity"]), name, body))
    except PamError as error:
        told = {"error": type(error).__name__, "message": str(error), "exit_code": int(error.exit_code)}
        return _told(HTTPStatus.BAD_REQUEST, told)
    return _told(HTTPStatus.OK, {"result": found})


def _do(services: Services, identity: str, name: str, body: bytes) -> Any:
    """做一件；谁在动手是验过的身份说的。"""
    runs = LocalRuns(services, actor=lambda: server_actor(services.people, identity))
    strange = tr("{name} 的输入不合规则；客户端与服务器的版本也许不同", name=name)
    try:
        given = _read(body)
    except (TypeError, ValueError):
        raise InvalidInputError(strange) from None
    try:
        return validate_call(getattr(runs, name))(**given)
    except ValidationError:
        raise InvalidInputError(strange) from None


def _read(body: bytes) -> dict[str, Any]:
    """读出各个参数；不是一个对象的、有存不进账本的字的（落单的代理码位、NUL）抛 ``ValueError``。"""
    given = dict(json.loads(body or b"{}"))
    if "\\u0000" in json.dumps(given, ensure_ascii=False).encode().decode():
        raise ValueError
    return given


def _told(status: int, value: dict[str, Any]) -> Response:
    """写成 JSON，遮过秘密。"""
    return Response(mask(json.dumps(value, ensure_ascii=False)), status, media_type="application/json")
