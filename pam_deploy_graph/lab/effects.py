"""动作的计划：从模块的真实情况算出想要的情况。纯函数，不碰磁盘（contract 第 3、9 节）。

计划就是写进意图的内容：照着它做几遍结果都一样，所以进程被杀之后可以补做。
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Self

from pam_deploy_graph.lab.http_common import Refused
from pam_deploy_graph.lab.modules import ModuleState


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
        return cls(**json.loads(text))


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

    def plan(self, order: str, version: str, message: str, wanted: ModuleState, *, stage: bool = False) -> Plan:
        """以 ``wanted`` 组成计划。"""
        return Plan(
            order,
            self.ip,
            self.app,
            self.module,
            version,
            message,
            wanted.current,
            wanted.previous,
            wanted.running,
            stage,
        )


def plan_stop(target: Target, state: ModuleState, version: str) -> Plan:
    """停止；没有安装或没有运行也算做到。

    ``version`` 是接下来要部署的版本：它与当前版本不同，说明一次新的更换从这里开始，
    当前版本就成为回滚要恢复的版本；相同则是重试，回滚的目标不变。
    """
    previous = state.previous if state.current in (None, version) else state.current
    wanted = ModuleState(state.current, previous, None)
    if state.current is None:
        message = f"{target.name} 没有安装，无需停止"
    elif state.running is None:
        message = f"{target.name} 本来就没有运行"
    else:
        message = f"{target.name} {state.running} 已停止"
    return target.plan("stop", state.current or "", message, wanted)


def plan_deploy(target: Target, state: ModuleState, version: str) -> Plan:
    """部署；正在运行时拒绝。重装当前版本不改变回滚的目标。"""
    if state.running is not None:
        raise Refused(409, f"{target.name} {state.running} 正在运行，不能部署：请先停止")
    previous = state.previous if state.current in (None, version) else state.current
    wanted = ModuleState(version, previous, None)
    return target.plan("deploy", version, f"{target.name} {version} 已部署", wanted, stage=True)


def plan_start(target: Target, state: ModuleState, version: str) -> Plan:
    """启动当前版本；当前版本不是 ``version`` 时拒绝。"""
    if state.current != version:
        found = f"当前版本是 {state.current}" if state.current else "没有安装"
        raise Refused(409, f"不能启动 {target.name} {version}：这台工作站上{found}，请先部署")
    message = f"{target.name} {version} " + ("本来就在运行" if state.running == version else "已启动")
    return target.plan("start", version, message, ModuleState(version, state.previous, version))


def plan_rollback(target: Target, state: ModuleState, *, stop_first: bool, intact: bool) -> Plan:
    """恢复并启动上一个版本，之后没有更早的版本可以恢复。

    上一个版本是最近一次更换开始时的当前版本：停止之后、部署之前失败的，恢复的就是被停下的那个版本。
    ``stop_first`` 为真时先停止正在运行的版本；为假而模块正在运行时，直接切换并以上一个版本重新启动，结果相同。
    ``intact`` 说明上一个版本的发布目录完好；不完好就从 NODE 重新取。
    """
    version = state.previous
    if version is None or (version == state.current and state.running):
        found = f"（当前版本 {state.current}）" if state.current else ""
        raise Refused(409, f"{target.name} 没有上一个版本可以恢复{found}")
    stopped = f"已停止 {state.running}，" if stop_first and state.running else ""
    message = f"{target.name} {stopped}已恢复并启动 {version}"
    return target.plan("rollback", version, message, ModuleState(version, None, version), stage=not intact)


PLANNERS: Final[dict[str, Callable[[Target, ModuleState, str], Plan]]] = {
    "stop": plan_stop,
    "deploy": plan_deploy,
    "start": plan_start,
}
"""动词到它的计划；回滚的另有参数，不在其中。"""
