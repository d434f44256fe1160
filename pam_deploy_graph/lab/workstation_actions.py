"""工作站动作怎样生效：计划、写意图、改磁盘、记账；被 kill -9 之后照意图补做（contract 第 3 节「试验场」）。"""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from dataclasses import astuple
from typing import Final, TypeVar

from pam_deploy_graph.constants import ACTIONS, Side
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.database import Call, Effect, Reply, Store
from pam_deploy_graph.lab.effects import PLANNERS, Plan, Source, Target, plan_rollback
from pam_deploy_graph.lab.faults import ORDERS
from pam_deploy_graph.lab.fleet import Fleet
from pam_deploy_graph.lab.http_common import Refused
from pam_deploy_graph.lab.modules import ModuleFolder, ModuleState, Release
from pam_deploy_graph.lab.packages import PackageFolder
from pam_deploy_graph.lab.probe import ProbeClient
from pam_deploy_graph.lab.schemas import Outcome, Recalled, RollbackOrder, VersionRef

ACTING: Final[dict[str, type[VersionRef | RollbackOrder]]] = {
    order: RollbackOrder if "stop_first" in ACTIONS[name].needs else VersionRef
    for order, name in ORDERS.items()
    if ACTIONS[name].needs_intent
}
"""会改变工作站的动作，和它们的请求正文。"""

_LARGE: Final = 1 << 20
"""大于这么多字节的安装包在线程里复制和核对，免得别的请求等着。"""

Done = TypeVar("Done")


class Workshop:
    """一个机场的工作站动作。"""

    def __init__(self, fleet: Fleet, store: Store, folder: PackageFolder, probe: ProbeClient) -> None:
        """``folder`` 是 NODE 已同步的安装包。"""
        self.fleet = fleet
        self._store = store
        self._packages = folder
        self._probe = probe

    def folder(self, target: Target) -> ModuleFolder:
        """一个模块的目录。"""
        return self.fleet.module(target.ip, target.app, target.module)

    async def perform(
        self, call: Call, order: str, target: Target, ref: VersionRef | RollbackOrder, *, crash: bool
    ) -> Reply:
        """做一个动作并记账；``crash`` 为真时，生效之后、记账之前把自己 kill -9。

        Raises:
            Refused: 按真实情况不能做（409），什么也没有改变。
            OSError: 磁盘不听话；意图已撤回，同一个键可以重试。

        """
        plan = await self._plan(call, order, target, ref)
        self._store.intend(call, plan.dump())
        release = self._release(target, plan.version) if plan.stage else None
        try:
            await _aside(release, self._apply, plan, release)
        except Exception:
            self._store.forget(call)
            raise
        if crash:
            power_off()
        if not isinstance(ref, RollbackOrder):
            return self._finish(call, plan)
        return self._finish(call, plan, await self._probe.running_version(self.fleet.airport, target))

    def recover(self) -> None:
        """把上次被 kill -9 打断的动作照意图补做完，并记账。"""
        for call, intent in self._store.unfinished(self.fleet.airport):
            plan = Plan.load(intent)
            target = Target(plan.ip, plan.app, plan.module)
            self._apply(plan, self._release(target, plan.version) if plan.stage else None)
            self._finish(call, plan, plan.running)

    async def verify(self, target: Target, version: str, reason: str = "") -> Outcome:
        """验证：问健康探针，比版本，重算发布目录的散列。

        ``reason`` 不空则是演练的失败。
        """
        running = await self._probe.running_version(self.fleet.airport, target)
        reason = reason or await self._doubt(target, version, running)
        shown = running or self.folder(target).state().current or ""
        message = tr("{target} 验证", target=target.name) + (
            tr("不通过：{reason}", reason=reason)
            if reason
            else tr("通过：探针回答 {version}，散列一致", version=version)
        )
        self.folder(target).log("ERROR" if reason else "INFO", message)
        return Outcome(success=not reason, message=message, version=shown)

    def refuse(self, target: Target, reason: str) -> Refused:
        """组成对一个动作的拒绝，并记入工作站日志。"""
        folder = self.folder(target)
        folder.log("ERROR", reason)
        return Refused(409, reason, success=False, message=reason, version=folder.state().current or "")

    async def _plan(self, call: Call, order: str, target: Target, ref: VersionRef | RollbackOrder) -> Plan:
        """按真实情况算出计划。"""
        state = self.folder(target).state()
        try:
            if isinstance(ref, RollbackOrder):
                return await self._plan_rollback(call, target, state, ref)
            plan = PLANNERS[order](target, state, ref.version)
        except Refused as refusal:
            raise self.refuse(target, str(refusal)) from None
        if plan.stage and self._release(target, plan.version) is None:
            raise self.refuse(
                target,
                tr("NODE 还没有同步 {target} {version}：请先做 sync-node", target=target.name, version=plan.version),
            )
        return plan

    async def _plan_rollback(self, call: Call, target: Target, state: ModuleState, order: RollbackOrder) -> Plan:
        """退回点名的版本；没有点名的，退回键所属的运行头一次动它之前的版本。"""
        run = call.key.partition(":")[0]
        said = self._store.before_run(self.fleet.airport, target.ip, target.app, target.module, run)
        before = ModuleState(*json.loads(said)) if said else state
        version = order.to_version or before.current
        source = await self._source(target, version) if version else Source.NOWHERE
        return plan_rollback(target, state, version, before, stop_first=order.stop_first, source=source)

    async def _source(self, target: Target, version: str) -> Source:
        """一个版本从哪里来：工作站上完好的，其次 NODE 的安装包；NODE 没有安装包时无从核对，在就算完好。"""
        folder, release = self.folder(target), self._release(target, version)
        if folder.has(version) and (release is None or not await _aside(release, folder.check, release)):
            return Source.HERE
        return Source.NODE if release else Source.NOWHERE

    async def _doubt(self, target: Target, version: str, running: str | None) -> str:
        """验证不通过的原因；通过则为空串。"""
        if running is None:
            return tr("健康探针没有回答，模块没有运行")
        if running != version:
            return tr("正在运行的是 {running}，不是 {version}", running=running, version=version)
        release = self._release(target, version)
        if release is None:
            return tr("NODE 没有 {version} 的安装包，无从核对散列", version=version)
        return await _aside(release, self.folder(target).check, release)

    def _release(self, target: Target, version: str) -> Release | None:
        """NODE 已同步的一个版本；没有则为 ``None``。"""
        digest = self._store.synced_hash(self.fleet.airport, target.app, target.module, version)
        if digest is None:
            return None
        return Release(target.app, target.module, version, digest, self._packages.find(digest))

    def _apply(self, plan: Plan, release: Release | None) -> None:
        """把计划落到磁盘上；重做一遍结果相同。"""
        folder = self.fleet.module(plan.ip, plan.app, plan.module)
        if release is not None:
            folder.stage(release)
            folder.log(
                "INFO", tr("安装包已放入 releases/{version}，散列 {hash}", version=release.version, hash=release.hash)
            )
        folder.settle(plan.wanted)
        folder.log("INFO", plan.message)

    def _finish(self, call: Call, plan: Plan, running: str | None = None) -> Reply:
        """在一个事务里记下日志行和应答；``running`` 是回滚之后探针回答的版本，成没成由它说了算。"""
        outcome: Outcome | Recalled = Outcome(success=True, message=plan.message, version=plan.current or "")
        if plan.order == "rollback":
            right = running == plan.version
            message = plan.message if right else tr("回滚之后探针回答的是 {running}", running=running or tr("没有运行"))
            shown, alive = running or plan.current or "", running is not None
            outcome = Recalled(success=right, message=message, version=shown, running=alive)
        before = json.dumps(astuple(plan.before))
        action, airport = ORDERS[plan.order], self.fleet.airport
        effect = Effect(Side.NODE, action, plan.app, plan.module, plan.version, airport, plan.ip, before)
        with self._store.transaction():
            return self._store.finish(call, Reply(200, {**outcome}), effect)


CHECKS: Final = {"verify": Workshop.verify}
"""只看不改的工作站动作（短名）：收下对象、版本与演练的失败，返回应答；应答的结构由返回的注解来。"""


def power_off() -> None:
    """故障 ``crash``：试验场把自己 kill -9，一行收尾的代码也不运行。"""
    os.kill(os.getpid(), signal.SIGKILL)


async def _aside(release: Release | None, work: Callable[..., Done], *values: object) -> Done:
    """安装包大就在线程里做，小就当场做。"""
    if release is not None and release.source.stat().st_size > _LARGE:
        return await asyncio.to_thread(work, *values)
    return work(*values)
