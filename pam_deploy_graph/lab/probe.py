"""健康探针：一个监听答所有工作站的所有模块，从磁盘上真实的情况作答（contract 第 3 节「试验场」）。"""

from collections.abc import Mapping

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.effects import Target
from pam_deploy_graph.lab.fleet import Fleet


def probe_app(fleets: Mapping[str, Fleet]) -> Starlette:
    """做一个探针应用：``GET /probe/{airport}/{ip}/{app}/{module}``。

    正在运行答 200 ``{"running": true, "version": ...}``，没有运行答 503，没有这台工作站答 404。
    """

    async def probe(request: Request) -> Response:
        """看一个模块是否真的在运行。"""
        path = request.path_params
        fleet = fleets.get(path["airport"])
        if fleet is None or path["ip"] not in fleet:
            return JSONResponse({"error": tr("没有这台工作站")}, 404)
        running = fleet.module(path["ip"], path["app"], path["module"]).state().running
        return JSONResponse({"running": running is not None, "version": running}, 200 if running else 503)

    return Starlette(routes=[Route("/probe/{airport}/{ip}/{app}/{module}", probe)])


class ProbeClient:
    """NODE 用来问探针的客户端。"""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """``url`` 是探针监听的地址。"""
        self._session = session
        self._url = url

    async def running_version(self, airport: str, target: Target) -> str | None:
        """真的发一次 HTTP 请求，返回正在运行的版本；没有运行（或探针不答）为 ``None``。"""
        url = f"{self._url}/probe/{airport}/{target.ip}/{target.app}/{target.module}"
        try:
            async with self._session.get(url) as response:
                found = (await response.json()).get("version")
        except (aiohttp.ClientError, TimeoutError):
            return None
        return str(found) if found else None
