"""控制台的应用：哪个地址是哪一页。"""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pam_deploy_graph.console import ask_pages, pages, run_pages
from pam_deploy_graph.console.drawing import static_files
from pam_deploy_graph.console.guard import Guard
from pam_deploy_graph.console.hub import Hub
from pam_deploy_graph.console.login import login, logout
from pam_deploy_graph.console.room import Room
from pam_deploy_graph.console.visit import Page, page
from pam_deploy_graph.i18n import tr

_GETS: dict[str, Page] = {
    "/": pages.board,
    "/live": pages.live,
    "/runs/{run_id}": run_pages.run,
    "/runs/{run_id}/side": run_pages.side,
    "/runs/{run_id}/ws/{ip}": run_pages.workstation,
    "/runs/{run_id}/stop": run_pages.stop,
    "/runs/{run_id}/report": pages.report,
    "/decide": pages.waiting,
    "/decide/{run_id}/{code}": pages.card,
    "/ask": ask_pages.ask,
    "/audit": pages.audit,
    "/audit/{run_id}": pages.evidence,
    "/audit/{run_id}/evidence.json": pages.export,
    "/people": pages.people,
}
_POSTS: dict[str, Page] = {
    "/decide/{run_id}": pages.answer,
    "/runs/{run_id}/stop": run_pages.stop,
    "/runs/{run_id}/pause": run_pages.pause,
    "/runs/{run_id}/go-on": run_pages.go_on,
    "/ask": ask_pages.hear,
    "/logout": logout,
}
"""改东西的只在这里：GET 什么也不决定。"""


def build_app(room: Room, hub: Hub, hosts: Sequence[str]) -> Starlette:
    """装好应用。

    Args:
        room: 设置、部件与折叠。
        hub: 给浏览器的流。
        hosts: 认得的主机名。

    """
    routes = [Route(path, page(handler), methods=["GET"]) for path, handler in _GETS.items()]
    routes += [Route(path, page(handler), methods=["POST"]) for path, handler in _POSTS.items()]
    routes += [Route("/login", login, methods=["GET", "POST"]), Route("/static/{name}", static, methods=["GET"])]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=hosts), Middleware(GZipMiddleware, minimum_size=1_000)],
        exception_handlers={404: _no_such_page},
    )
    app.state.room, app.state.hub = room, hub
    return app


async def static(request: Request) -> Response:
    """随包的样式与脚本；名单之外的没有。"""
    found = static_files().get(request.path_params["name"])
    if found is None:
        return PlainTextResponse(tr("没有这个文件。"), 404)
    body, packed, kind = found
    headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = packed, headers | {"content-encoding": "gzip"}
    return Response(body, media_type=kind, headers=headers)


async def _no_such_page(_request: Request, _error: Exception) -> Response:
    """不认得的地址。"""
    return PlainTextResponse(tr("没有这一页；总览在 / 。"), 404)
