"""真相怎样说：版本、在不在运行；没有读到就是「未知」，停着的柜台说在最前面（纯函数，contract 第 5、8 节）。"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pam_deploy_graph.constants import IpStatus
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.system.safe_text import markdown_safe

UNKNOWN: Final = msgid("未知")
NOT_INSTALLED: Final = msgid("未安装")
_RUNNING: Final = {"true": True, "false": False}
_MOST_NAMED: Final = 20


def version_now(workstation: Mapping[str, Any]) -> str | None:
    """最后读回的版本；没有安装为空串，不知道为 ``None``。"""
    return str(workstation["version_now"]) if workstation["read_at"] else None


def version_before(workstation: Mapping[str, Any]) -> str | None:
    """开工之前读到的版本；没有安装为空串，不知道为 ``None``。"""
    known = workstation["version_before"] or workstation["running_before"]
    return str(workstation["version_before"]) if known else None


def running_now(workstation: Mapping[str, Any]) -> bool | None:
    """最后读回的在不在运行；不知道为 ``None``。"""
    return running_of(workstation["running"])


def running_of(word: str) -> bool | None:
    """``query-ip`` 的 ``RUNNING`` 说的在不在运行；空的、别的不知道，为 ``None``。"""
    return _RUNNING.get(word.lower())


def version_text(version: str | None) -> str:
    """一个版本写给人看。"""
    return tr(UNKNOWN) if version is None else version or tr(NOT_INSTALLED)


def running_text(running: bool | None, module: str) -> str:  # noqa: FBT001  读回的就是真、假或不知道
    """一个模块在不在运行，写给人看。"""
    if running is None:
        return tr("{module} 是否在运行未知", module=module)
    return tr("{module} 在运行", module=module) if running else tr("{module} 已停止", module=module)


def truth_of(workstation: Mapping[str, Any]) -> dict[str, Any]:
    """一台的真相，供 JSON：不知道的是 ``null``。"""
    return {
        "version_before": version_before(workstation),
        "version_now": version_now(workstation),
        "running": running_now(workstation),
        "last_key": workstation["last_key"],
        "read_at": workstation["read_at"] or None,
    }


def out_of_service(state: AgentState) -> list[str]:
    """停用的工作站：模块最后读回是停着的，直到读回它又在运行。"""
    return [ip for ip, workstation in state.ip_states.items() if running_now(workstation) is False]


def state_unknown(state: AgentState, *, idle: bool = True) -> list[str]:
    """动过手而不知道此刻在不在运行的工作站；``idle`` 见 ``service_line``。"""
    return [ip for ip, workstation in state.ip_states.items() if _is_lost(workstation, idle=idle)]


def service_line(state: AgentState, *, idle: bool = True) -> str:
    """返回第一行：停用的几台，以及动过手而读不到实情的几台；都没有为空串。

    Args:
        state: 一次运行的状态。
        idle: 没有进程正在做它；为假时进行中的不算「不知道」。

    """
    module = state.params.get("MODULE_NAME", "")
    stopped = [
        tr("{label}（{stopped}）", label=state.label(ip), stopped=_stopped(state.ip_states[ip], module))
        for ip in out_of_service(state)
    ]
    lost = [state.label(ip) for ip in state_unknown(state, idle=idle)]
    parts = [tr("停用 {n} 台：{listed}", n=len(stopped), listed=listed(stopped))] if stopped else []
    parts += [tr("状态未知 {n} 台：{listed}", n=len(lost), listed=listed(lost))] if lost else []
    return markdown_safe(tr("；").join(parts))


def _stopped(workstation: Mapping[str, Any], module: str) -> str:
    """停着的一台怎么说。"""
    version = version_now(workstation)
    return (
        f"{module} {tr(NOT_INSTALLED)}"
        if version == ""
        else tr("{module} 已停止，{versioned}", module=module, versioned=_versioned(version))
    )


def _versioned(version: str | None) -> str:
    """版本；不知道就说不知道。"""
    return tr("版本未知") if version is None else version


def _is_lost(workstation: Mapping[str, Any], *, idle: bool) -> bool:
    """读过真相、动过手，而此刻不知道它在不在运行。"""
    if not workstation["running_before"] or workstation["running"]:
        return False
    return idle or workstation["status"] != IpStatus.RUNNING


def listed(names: Sequence[str], most: int = _MOST_NAMED) -> str:
    """列出来；多了就只列前若干台。"""
    return tr("、").join(names[:most]) + (tr(" 等 {n} 台", n=len(names)) if len(names) > most else "")
