"""PAM_NODE：从 HOME 拉取版本，查询工作站，执行工作站动作（contract 第 3 节「PAM HTTP protocol」）。

本文件只做协议：检查请求、套上故障、作答；动作怎样生效在 ``workshop.py``。
"""

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pam_deploy_graph.constants import Side
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.database import Call, Reply
from pam_deploy_graph.lab.effects import Target
from pam_deploy_graph.lab.endpoints import routes_of
from pam_deploy_graph.lab.faults import ORDERS, Fault, FaultBoard, FaultKind
from pam_deploy_graph.lab.http_common import Refused, answer, open_call, parse, read_body
from pam_deploy_graph.lab.idempotency import Once
from pam_deploy_graph.lab.modules import ModuleState
from pam_deploy_graph.lab.no_answer import NoAnswer, wait_until_gone
from pam_deploy_graph.lab.schemas import (
    ModuleRef,
    PackageRef,
    Presence,
    RollbackOrder,
    Roster,
    RosterQuery,
    VersionRef,
    WorkstationInfo,
)
from pam_deploy_graph.lab.sync import Puller
from pam_deploy_graph.lab.workstation_actions import ACTING, CHECKS, Workshop, power_off


class Node:
    """一个机场的 NODE。"""

    def __init__(self, workshop: Workshop, puller: Puller, once: Once, faults: FaultBoard, latency: float) -> None:
        """``latency`` 是每次工作站调用额外的秒数。"""
        self._workshop = workshop
        self._fleet = workshop.fleet
        self._puller = puller
        self._once = once
        self._faults = faults
        self._latency = latency
        self.closing = asyncio.Event()

    def routes(self) -> list[Route]:
        """协议规定的地址。"""
        return routes_of(self, Side.NODE)

    async def sync(self, request: Request) -> Response:
        """从 HOME 拉取一个已发布的版本，自己算散列。"""
        body = await read_body(request)
        ref = parse(PackageRef, body)
        call = open_call(request, self._fleet.airport, body)
        reply, _ = await self._once.run(call, lambda: self._puller.pull(call, ref))
        return answer(request, reply.payload, reply.status)

    async def list_workstations(self, request: Request) -> Response:
        """本机场的工作站；``online=true`` 时只含在线的。"""
        wanted = parse(RosterQuery, dict(request.query_params)).online
        everyone = [Presence(ip=ip, online=self._fleet.online(ip)) for ip in self._fleet.ips]
        chosen = [one for one in everyone if wanted is None or one["online"] == (wanted == "true")]
        return answer(request, Roster(airport=self._fleet.airport, workstations=chosen))

    async def query(self, request: Request) -> Response:
        """一台工作站的真实情况；离线的只知道离线和最近的幂等键，别的空着。"""
        ip = await self._arrive(request)
        target = self._target(request, ip)
        online = self._fleet.online(ip)
        last_key = self._fleet.last_key(ip, target.app, target.module) if target else ""
        info = WorkstationInfo(
            airport=self._fleet.airport, ip=ip, online=online, running=None, version="", last_key=last_key
        )
        if online:
            state = self._workshop.folder(target).state() if target else ModuleState()
            info["running"], info["version"] = state.running is not None, state.current or ""
            info["previous_version"] = state.former or ""
        return answer(request, info)

    async def log(self, request: Request) -> Response:
        """一个模块在一台工作站上的日志，纯文本。"""
        ip = await self._arrive(request)
        target = self._target(request, ip)
        fault = self._faults.take(ip, "log")
        await self._endure(request, ip, fault)
        await self._linger(fault)
        if _is(fault, FaultKind.FAIL):
            raise Refused(409, _drill(ip, "log"))
        text = self._workshop.folder(target).read_log() if target else ""
        return _deliver(fault, PlainTextResponse(text))

    async def check(self, request: Request) -> Response:
        """只看不改的动作，所以不看幂等键；是哪一个由地址的最后一段说明。"""
        order = request.url.path.rpartition("/")[2]
        ip = await self._arrive(request)
        ref = parse(VersionRef, await read_body(request))
        fault = self._faults.take(ip, order)
        await self._endure(request, ip, fault)
        await self._linger(fault)
        reason = _drill(ip, order) if _is(fault, FaultKind.FAIL) else ""
        found = await CHECKS[order](self._workshop, Target(ip, ref.app, ref.module), ref.version, reason)
        return _deliver(fault, answer(request, found))

    async def act(self, request: Request) -> Response:
        """停止、部署、启动或回滚；是哪一个由地址的最后一段说明。"""
        order = request.url.path.rpartition("/")[2]
        ip = await self._arrive(request)
        body = await read_body(request)
        ref = parse(ACTING[order], body)
        call = open_call(request, self._fleet.airport, body)
        met: list[Fault | None] = []

        async def work() -> Reply:
            """第一次：套上故障，再动手。"""
            met.append(self._faults.take(ip, order))
            await self._endure(request, ip, met[0])
            return await self._perform(call, order, Target(ip, ref.app, ref.module), ref, met[0])

        reply, _ = await self._once.run(call, work)
        fault = met[0] if met else self._faults.take(ip, order, (FaultKind.DROP, FaultKind.STATUS))
        return _deliver(fault, answer(request, reply.payload, reply.status))

    async def _perform(
        self, call: Call, order: str, target: Target, ref: VersionRef | RollbackOrder, fault: Fault | None
    ) -> Reply:
        """在这台工作站的锁里动手；``slow`` 也在锁里慢。"""
        async with self._fleet.lock(target.ip):
            await self._linger(fault)
            if _is(fault, FaultKind.FAIL):
                raise self._workshop.refuse(target, _drill(target.ip, order))
            return await self._workshop.perform(call, order, target, ref, crash=_is(fault, FaultKind.CRASH))

    async def _arrive(self, request: Request) -> str:
        """每次工作站调用的开头：找到工作站，加上延迟。"""
        ip: str = request.path_params["ip"]
        if ip not in self._fleet:
            raise Refused(404, tr("机场 {airport} 没有工作站 {ip}：请核对地址", airport=self._fleet.airport, ip=ip))
        if self._latency:
            await self._pause(self._latency)
        return ip

    async def _endure(self, request: Request, ip: str, fault: Fault | None) -> None:
        """套上动手之前的故障：离线答 503，忙的答它的状态，挂起则等到调用者离开。"""
        if not self._fleet.online(ip) or _is(fault, FaultKind.OFFLINE):
            raise Refused(503, tr("工作站 {ip} 离线，NODE 联系不上它：请检查它的电源与网络", ip=ip))
        if fault is not None and fault.kind is FaultKind.BUSY:
            raise Refused(fault.status, tr("工作站 {ip} 正忙，没有收下（演练故障 busy）：请稍后再试", ip=ip))
        if _is(fault, FaultKind.HANG):
            await wait_until_gone(request, self.closing)
            raise NoAnswer

    async def _linger(self, fault: Fault | None) -> None:
        """``slow`` 在这里慢。"""
        if fault is not None and fault.kind is FaultKind.SLOW:
            await self._pause(fault.seconds)

    async def _pause(self, seconds: float) -> None:
        """等这么多秒；服务要关了就不再等，也不作答。"""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)
            raise NoAnswer

    def _target(self, request: Request, ip: str) -> Target | None:
        """查询参数点名的模块；没有点名则是默认的那个。"""
        if "app" in request.query_params or "module" in request.query_params:
            ref = parse(ModuleRef, dict(request.query_params))
            return Target(ip, ref.app, ref.module)
        chosen = self._fleet.default_module(ip)
        return Target(ip, *chosen) if chosen else None


def _is(fault: Fault | None, kind: FaultKind) -> bool:
    """遇到的是不是这种故障。"""
    return fault is not None and fault.kind is kind


def _deliver(fault: Fault | None, response: Response) -> Response:
    """作答；``drop`` 则不作答，``status`` 则只答状态，``crash`` 则当场死掉（会改变工作站的动作早在记账之前就死了）。"""
    if _is(fault, FaultKind.CRASH):
        power_off()
    if _is(fault, FaultKind.DROP):
        raise NoAnswer
    return Response(status_code=fault.status) if fault is not None and fault.status else response


def _drill(ip: str, order: str) -> str:
    """演练故障的中文原因。"""
    return tr("工作站 {ip} 的 {orders} 失败（演练故障 fail）", ip=ip, orders=ORDERS[order])
