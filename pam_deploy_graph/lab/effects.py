"""动作的计划：从模块的真实情况算出想要的情况。纯函数，不碰磁盘（contract 第 3、9 节）。

计划就是写进意图的内容：照着它做几遍结果都一样，所以进程被杀之后可以补做。
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, Self

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.http_common import Refused
from pam_deploy_graph.lab.modules import NOTHING, ModuleState


@dataclass(frozen=True, slots=True)
class Plan:
    """一个动作要做到的情况；``stage`` 为真时先把 ``version`` 的安装包放上工作站。"""

    order: str
    ip: str
    app: str
    module: str
    version: str
    message: str
    current: str | None
    previous: str | None
    running: str | None
    stage: bool = False
    before: ModuleState = NOTHING
    """动手之前的情况：回滚照它回去。"""

    @property
    def wanted(self) -> ModuleState:
        """做完之后的三个链接。"""
        return ModuleState(self.current, self.previous, self.running)

    def dump(self) -> str:
        """写成意图的文本。"""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def load(cls, text: str) -> Self:
        """从意图的文本读回。"""
        given = json.loads(text)
        return cls(**given | {"before": ModuleState(**given.get("before", {}))})


@dataclass(frozen=True, slots=True)
class Target:
    """动作的对象：哪台工作站的哪个模块。"""

    ip: str
    app: str
    module: str

    @property
    def name(self) -> str:
        """写给人看的模块名。"""
        return f"{self.app}/{self.module}"

    def plan(
        self, order: str, version: str, message: str, before: ModuleState, wanted: ModuleState, *, stage: bool = False
    ) -> Plan:
        """从 ``before`` 到 ``wanted`` 的计划。"""
        links = (wanted.current, wanted.previous, wanted.running)
        return Plan(order, self.ip, self.app, self.module, version, message, *links, stage, before)


def plan_stop(target: Target, state: ModuleState, _version: str) -> Plan:
    """停止；没有安装或没有运行也算做到。"""
    wanted = ModuleState(state.current, state.previous, None)
    if state.current is None:
        message = tr("{target} 没有安装，无需停止", target=target.name)
    elif state.running is None:
        message = tr("{target} 本来就没有运行", target=target.name)
    else:
        message = tr("{target} {running} 已停止", target=target.name, running=state.running)
    return target.plan("stop", state.current or "", message, state, wanted)


def plan_deploy(target: Target, state: ModuleState, version: str) -> Plan:
    """部署；正在运行时拒绝。重装当前版本不改变上一个版本。"""
    if state.running is not None:
        raise Refused(
            409, tr("{target} {running} 正在运行，不能部署：请先停止", target=target.name, running=state.running)
        )
    previous = state.previous if state.current in (None, version) else state.current
    wanted = ModuleState(version, previous, None)
    return target.plan(
        "deploy",
        version,
        tr("{target} {version} 已部署", target=target.name, version=version),
        state,
        wanted,
        stage=True,
    )


def plan_start(target: Target, state: ModuleState, version: str) -> Plan:
    """启动当前版本；当前版本不是 ``version`` 时拒绝。"""
    if state.current != version:
        found = tr("当前版本是 {current}", current=state.current) if state.current else tr("没有安装")
        raise Refused(
            409,
            tr(
                "不能启动 {target} {version}：这台工作站上{found}，请先部署",
                target=target.name,
                version=version,
                found=found,
            ),
        )
    message = f"{target.name} {version} " + (tr("本来就在运行") if state.running == version else tr("已启动"))
    return target.plan("start", version, message, state, ModuleState(version, state.previous, version))


class Source(StrEnum):
    """回滚要的版本从哪里来。"""

    HERE = "here"
    NODE = "node"
    NOWHERE = "nowhere"


def plan_rollback(
    target: Target, state: ModuleState, version: str | None, before: ModuleState, *, stop_first: bool, source: Source
) -> Plan:
    """回到 ``version`` 并让它运行；它就是当前版本的，什么也不装，停着的启动。

    ``version`` 为 ``None`` 是这次运行之前没有安装。``before`` 是这次运行动它之前的情况；``stop_first`` 为真时先停下
    正在运行的，为假则直接切换，结果相同。退不回去的在动手之前拒绝，并说出现在有什么。
    """
    found = tr("现在的版本是 {current}", current=state.current) if state.current else tr("现在没有安装")
    if version is None:
        raise Refused(
            409, tr("{target} 在这次运行之前没有安装，没有可以退回的版本；{found}", target=target.name, found=found)
        )
    if source is Source.NOWHERE:
        raise Refused(
            409,
            tr(
                "{target} 退不回 {version}：工作站上没有这个版本，NODE 也没有它的安装包；{found}",
                target=target.name,
                version=version,
                found=found,
            ),
        )
    stopped = tr("已停止 {running}，", running=state.running) if stop_first and state.running else ""
    if version == state.current:
        message = tr("{target} {version} 就是当前版本，", target=target.name, version=version) + (
            tr("本来就在运行") if state.running else tr("已启动")
        )
        wanted = ModuleState(version, state.previous, version)
    else:
        message = tr("{target} {stopped}已恢复并启动 {version}", target=target.name, stopped=stopped, version=version)
        wanted = ModuleState(version, before.previous if before.current == version else None, version)
    return target.plan("rollback", version, message, state, wanted, stage=source is Source.NODE)


PLANNERS: Final[dict[str, Callable[[Target, ModuleState, str], Plan]]] = {
    "stop": plan_stop,
    "deploy": plan_deploy,
    "start": plan_start,
}
"""动词到它的计划；回滚的另有参数，不在其中。"""
