"""只在试验场才有的管理接口：日志、真实情况、故障、上线离线（contract 第 9 节）。"""

from collections.abc import Mapping

from pydantic import BaseModel, StrictBool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.database import Store
from pam_deploy_graph.lab.faults import FaultBoard, parse_fault
from pam_deploy_graph.lab.fleet import Fleet
from pam_deploy_graph.lab.http_common import Refused, parse, read_body


class FaultRequest(BaseModel):
    """打开一个故障。"""

    spec: str


class OnlineRequest(BaseModel):
    """让一台工作站上线或离线。"""

    online: StrictBool


class Admin:
    """挂在 HOME 上的管理接口。"""

    def __init__(self, store: Store, fleets: Mapping[str, Fleet], faults: FaultBoard) -> None:
        """``fleets`` 以机场代码为键。"""
        self._store = store
        self._fleets = fleets
        self._faults = faults

    def routes(self) -> list[Route]:
        """``/lab/`` 下的地址。"""
        return [
            Route("/lab/journal", self.journal, methods=["GET"]),
            Route("/lab/workstations", self.workstations, methods=["GET"]),
            Route("/lab/workstations/{ip}", self.set_online, methods=["PUT"]),
            Route("/lab/faults", self.faults, methods=["GET", "POST", "DELETE"]),
        ]

    async def journal(self, _request: Request) -> Response:
        """真的发生过的每个效果，按先后。"""
        return JSONResponse(self._store.journal())

    async def workstations(self, request: Request) -> Response:
        """每台工作站的真实情况；``airport`` 给出时只看那个机场。"""
        return JSONResponse([row for fleet in self._chosen(request) for row in await fleet.describe(fleet.ips)])

    async def set_online(self, request: Request) -> Response:
        """让一台工作站（每个机场的同一地址，或 ``airport`` 点名的那个机场的）上线或离线。"""
        ip = request.path_params["ip"]
        wanted = parse(OnlineRequest, await read_body(request))
        fleets = [fleet for fleet in self._chosen(request) if ip in fleet]
        if not fleets:
            raise Refused(404, tr("试验场没有工作站 {ip}", ip=ip))
        for fleet in fleets:
            fleet.set_online(ip, online=wanted.online)
        return JSONResponse([row for fleet in fleets for row in await fleet.describe([ip])])

    async def faults(self, request: Request) -> Response:
        """列出（GET）、打开（POST）、全部关掉（DELETE）故障；都答当前的故障。"""
        if request.method == "POST":
            self._add_fault(parse(FaultRequest, await read_body(request)).spec)
        elif request.method == "DELETE":
            self._faults.clear()
        return JSONResponse(self._faults.describe())

    def _add_fault(self, spec: str) -> None:
        """打开一个故障；地址必须是试验场里的工作站。"""
        try:
            fault = parse_fault(spec)
        except InvalidInputError as error:
            raise Refused(400, str(error)) from None
        if not any(fault.ip in fleet for fleet in self._fleets.values()):
            raise Refused(404, tr("试验场没有工作站 {ip}", ip=fault.ip))
        self._faults.add(fault)

    def _chosen(self, request: Request) -> list[Fleet]:
        """查询参数 ``airport`` 点名的机场，默认全部。"""
        code = request.query_params.get("airport", "").upper()
        if code and code not in self._fleets:
            raise Refused(404, tr("试验场没有机场 {code}", code=code))
        return [fleet for airport, fleet in self._fleets.items() if code in {"", airport}]
