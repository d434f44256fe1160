"""假后端：内存里的一个小 PAM，随包发布，用于演练、测试与离线试用（contract 第 3 节）。"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from pam_deploy_graph.constants import ACTIONS, ANSWER_KINDS, Backend, ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import same_ip
from pam_deploy_graph.models import ActionResult, AgentState, Values
from pam_deploy_graph.system.file_digest import file_digest

_DEFAULT_ONLINE = [f"10.0.0.{n}" for n in range(1, 9)]


@dataclass(slots=True)
class _Failure:
    """一条编排好的失败；``times`` 为 ``None`` 表示永远。"""

    action: str
    ip: str | None
    error: str
    values: Values | None
    times: int | None

    def matches(self, action: str, ip: str | None) -> bool:
        """是否轮到它；匹配一次少一次。"""
        if self.action != action or self.ip not in (None, ip) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class _Workstation:
    """假工作站的真相。"""

    version: str = "0.0.0"
    previous: str = ""
    running: bool = True
    last_key: str = ""
    before: dict[str, tuple[str, str]] = field(default_factory=dict)
    """各次运行（键里第一个冒号之前的部分）头一次动它之前的版本，与更早的那一个。"""


class FakeActionRunner:
    """按脚本回答的后端；``calls`` 记下收到的 ``(action, ip, kwargs)``。"""

    def __init__(self, *, online_ips: list[str] | None = None) -> None:
        """收下在线工作站；不给就是 10.0.0.1 至 10.0.0.8。"""
        self.online_ips = list(_DEFAULT_ONLINE if online_ips is None else online_ips)
        self.calls: list[tuple[str, str | None, dict[str, Any]]] = []
        self._failures: list[_Failure] = []
        self._workstations: dict[str, _Workstation] = {}

    def fail(
        self,
        action: str,
        ip: str | None = None,
        *,
        error: str | None = None,
        values: Values | None = None,
        times: int | None = None,
    ) -> None:
        """编排一次失败。

        Args:
            action: 哪个动作。
            ip: 哪台；``None`` 是每一台（以及全局动作）。
            error: 失败原因；给了 ``values`` 时不用，没有给的说是演练注入的。
            values: 盖在本来的应答之上的键，``ok`` 仍为真，由流程自己判断。
            times: 失败几次；``None`` 是永远。

        Raises:
            ValueError: 没有这个动作，或 ``times`` 不是不小于 0 的整数。

        """
        if action not in ACTIONS:
            raise ValueError(
                tr("没有动作 {action!r}；可以编排的是 {actions}", action=action, actions=tr("、").join(ACTIONS))
            )
        if times is not None and not str(times).isdecimal():
            raise ValueError(tr("times 的值 {times!r} 应为不小于 0 的整数；None 是永远", times=times))
        limit = None if times is None else int(times)
        said = tr("演练注入的失败") if error is None else error
        self._failures.append(_Failure(action, ip and same_ip(ip), said, values, limit))

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """做一个动作：记下调用，看有没有编排的失败，否则照实回答。"""
        ip = kwargs.pop("ip", None)
        self.calls.append((action, ip, kwargs))
        if reason := _misused(action, ip):
            return ActionResult.failure(action, Backend.FAKE, reason, exit_code=ScriptExit.USAGE)
        failure = next((f for f in self._failures if f.matches(action, ip)), None)
        if failure is not None and failure.values is None:
            return ActionResult.failure(action, Backend.FAKE, failure.error)
        values = self._answer(state, action, ip, kwargs)
        return ActionResult(True, action, Backend.FAKE, values | ((failure and failure.values) or {}))

    async def arun_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """与 ``run_action`` 相同；不等待任何东西，所以不占线程。"""
        return self.run_action(state, action, **kwargs)

    async def find_package(self, state: AgentState) -> ActionResult | None:
        """没有给出安装包时，说出这个小 PAM 里的是哪一份；给了的为 ``None``。"""
        if state.params.get("PACKAGE_PATH"):
            return None
        return ActionResult(True, "upload-package", Backend.FAKE, {"HASH_CODE": _hash_of(state)})

    def _answer(self, state: AgentState, action: str, ip: str | None, kwargs: dict[str, Any]) -> Values:
        """这个小 PAM 照实的应答；没有什么实情可说的键，只说有。"""
        owed = {key: "true" if ANSWER_KINDS.get(key) is bool else "fake" for key in ACTIONS[action].gives}
        if ip is None:
            return owed | self._global_answer(state, kwargs).get(action, {})
        workstation = self._workstations.get(ip) or self._recall(state, ip)
        wanted = kwargs.get("to_version") if action == "rollback-ip" else state.params.get("VERSION_NUMBER", "")
        _perform(workstation, action, wanted, kwargs.get("idempotency_key"))
        return owed | {
            "MESSAGE": "" if "SUCCESS" in owed else tr("{action} 完成", action=action),
            "VERSION": workstation.version,
            "LOG_FILE": f"logs/{state.run_id}/{ip}.log",
            "RUNNING": str(workstation.running).lower(),
            "LAST_KEY": workstation.last_key,
            "PREVIOUS_VERSION": workstation.previous,
        }

    def _recall(self, state: AgentState, ip: str) -> _Workstation:
        """第一次见到的工作站；运行里说已装过的（上一个进程做的），就是装过的样子，最近的键也照它说的。"""
        steps = state.ip_states[ip]["completed_steps"] if ip in state.ip_states else []
        known = _Workstation()
        if "deploy-ip" in steps:
            known = _Workstation(state.params.get("VERSION_NUMBER", ""), known.version, running="start-ip" in steps)
        if ip in state.ip_states:
            known.last_key = state.ip_states[ip]["last_key"]
        return self._workstations.setdefault(ip, known)

    def _global_answer(self, state: AgentState, kwargs: dict[str, Any]) -> dict[str, Values]:
        """全局动作的应答。"""
        return {
            "upload-package": {"HASH_CODE": _hash_of(state)},
            "publish-version": {"PUBLISH_ID": "fake-1"},
            "get-node-url": {"NODE_URL": "http://127.0.0.1/fake-node"},
            "sync-node": {"HASH_CODE": kwargs.get("hash_code", "")},
            "get-online-ips": {"IP": list(self.online_ips), "AIRPORT_CODE": state.params.get("AIRPORT_CODE", "")},
        }


def _hash_of(state: AgentState) -> str:
    """给出的安装包的 SHA-256；没有给出或读不了的，由名字与版本算一个。"""
    wanted = "/".join(state.params.get(key, "") for key in ("APP_NAME", "MODULE_NAME", "VERSION_NUMBER"))
    try:
        return file_digest(state.params.get("PACKAGE_PATH") or "")
    except OSError:
        return hashlib.sha256(wanted.encode()).hexdigest()


def _misused(action: str, ip: str | None) -> str:
    """调用得不对：没有这个动作，或该说哪台工作站而没有说；没有问题时为空串。"""
    if action not in ACTIONS:
        return tr("没有动作 {action!r}；可用的是 {actions}", action=action, actions=tr("、").join(ACTIONS))
    return tr("{action} 要给出 ip", action=action) if ip is None and ACTIONS[action].per_ip else ""


def _perform(workstation: _Workstation, action: str, version: str | None, key: str | None) -> None:
    """让动作在假工作站上生效；同一个键只生效一次。没有点名退回哪个版本的，退回这次运行动手之前的。"""
    if key is None or key == workstation.last_key:
        return
    workstation.last_key = key
    before = workstation.before.setdefault(key.partition(":")[0], (workstation.version, workstation.previous))
    if action == "deploy-ip" and version:
        workstation.previous, workstation.version = workstation.version, version
    elif action == "rollback-ip" and (wanted := version or before[0]) != workstation.version:
        workstation.version, workstation.previous = wanted, before[1] if wanted == before[0] else ""
    running = ACTIONS[action].running_after
    workstation.running = workstation.running if running is None else running
