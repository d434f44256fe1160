"""一个很轻的 PAM：HOME 与 NODE 的 HTTP 协议，答案固定，每个都等够时间才答：``light_pam 台数 秒``。

应答的格式照试验场的规矩商定（JSON，或 ``Accept: text/plain`` 时的 ``KEY=VALUE`` 行）；不核对令牌。
"""

import asyncio
import json
import sys
from typing import Any

from aiohttp import web

from bench.drivers.meter import tell
from bench.fleet import PARAMS, addresses
from pam_deploy_graph.lab.http_common import text_lines

_HASH = "0" * 64
_AIRPORT, _VERSION = PARAMS["AIRPORT_CODE"], PARAMS["VERSION_NUMBER"]
_LOG = "2026-01-01 00:00:00 INFO 启动\n" * 20


class LightPam:
    """固定的应答；``url`` 在听起来之后才填。"""

    def __init__(self, workstations: int, seconds: float) -> None:
        """算好不变的应答。"""
        self._seconds = seconds
        self.url = ""
        rows = [{"ip": ip, "online": True} for ip in addresses(workstations)]
        self._fixed: dict[str, dict[str, Any]] = {
            "health": {"status": "ok", "version": "1", "home_version": "1"},
            "packages": {"hash": _HASH, "version": _VERSION, "published": True},
            "versions": {"publish_id": "PUB-000001", "version": _VERSION, "hash": _HASH},
            "sync": {"airport": _AIRPORT, "version": _VERSION, "hash": _HASH},
            "workstations": {"airport": _AIRPORT, "workstations": rows},
        }

    async def answer(self, request: web.Request) -> web.Response:
        """等够时间，作答。"""
        await request.read()
        await asyncio.sleep(self._seconds)
        parts = request.path.split("/")[2:]
        if parts[-1] == "log":
            return web.Response(text=_LOG)
        payload = self._payload(parts)
        if "text/plain" in request.headers.get("Accept", ""):
            return web.Response(text=text_lines(payload))
        return web.Response(body=json.dumps(payload).encode(), content_type="application/json")

    def _payload(self, parts: list[str]) -> dict[str, Any]:
        """按路径选出应答。"""
        match parts:
            case ["nodes", airport]:
                return {"airport": airport, "node_url": self.url}
            case ["workstations", ip]:
                state = {"online": True, "running": True, "version": "1.2.2", "last_key": ""}
                return {"airport": _AIRPORT, "ip": ip, **state}
            case ["workstations", _ip, order]:
                return {"success": True, "message": f"{order} 完成", "version": _VERSION}
        return self._fixed[parts[0]]


async def serve(workstations: int, seconds: float) -> None:
    """听起来，报到，服务到被结束。"""
    pam = LightPam(workstations, seconds)
    application = web.Application()
    application.router.add_route("*", "/api/{tail:.*}", pam.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    host, port = runner.addresses[0][:2]
    pam.url = f"http://{host}:{port}"
    tell(url=pam.url)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
