"""回滚的问题：一台工作站要人决定什么、各种回答各做什么、问题的摘要（纯函数，contract 第 3、5、6 节）。

说的都是读回来的：没有读到的是「未知」；没有可退回的就不给「同意」，并说明为什么。
"""

from typing import Any, Final

from pam_deploy_graph.constants import DECISIONS, REVIEW_DECISIONS, Ask, Decision, IpStatus
from pam_deploy_graph.flows.context import waiting_ips
from pam_deploy_graph.flows.service_state import (
    running_now,
    running_text,
    truth_of,
    version_before,
    version_now,
    version_text,
)
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import digest_of, touched
from pam_deploy_graph.models import AgentState, IpState

_SHOWN: Final = ("status", "rollback_status", "rollback_failure", "log_file", "changed")


def question_of(state: AgentState, ip: str) -> dict[str, Any]:
    """返回一台工作站要人决定的事，键与 ``build_confirmation_request`` 相同。"""
    workstation = state.ip_states.get(ip) or IpState()
    return {
        "type": str(Ask.ROLLBACK),
        "ip": ip,
        "failed_stage": workstation["failed_stage"],
        "failure_reason": workstation["failure_reason"],
        "rollback_stop_first": workstation["rollback_stop_first"],
        "allowed_decisions": list(REVIEW_DECISIONS),
    }


def question_digest(state: AgentState, ip: str) -> str:
    """返回问题的摘要：又失败一次、版本或最后的键变了，就是新的问题；在不在运行只在它改变同意做什么时才算。

    已经同意、正在执行的，摘要是同意的那一个：动了手，读回的不再作数，问题却还是那一个。
    """
    workstation = state.ip_states[ip]
    if carried := workstation.get("approved"):
        return str(carried)
    more = {name: workstation[name] for name in ("asked", "status", "last_key", "to_version")}
    more |= {"run_id": state.run_id, "generation": state.generation, "version_now": version_now(workstation)}
    if more["version_now"] == workstation["to_version"]:
        more["running"] = running_now(workstation)
    return digest_of(question_of(state, ip) | more)


def waiting_questions(state: AgentState) -> list[dict[str, Any]]:
    """返回正等人决定的所有问题，各带摘要、真相，以及每种回答做什么。"""
    return [_question(state, ip) for ip in waiting_ips(state)]


def nothing_to_go_back_to(state: AgentState, ip: str) -> str:
    """为什么没有可以退回的；有的为空串。"""
    workstation = state.ip_states[ip]
    before = version_before(workstation)
    if not workstation["to_version"]:
        if before is None:
            return tr("开工之前的版本没有读到，不知道退回哪一版")
        return tr("开工之前没有安装，没有可以退回的版本")
    if not touched(state, ip) and not workstation.get("owner"):
        return tr("还没有动过手，没有什么可退")
    if stranger := touched_by_another(state, ip) or workstation.get("over"):
        return tr("{stranger} 在这次运行之后动过它，退回会盖掉别人做的", stranger=stranger)
    return ""


def _question(state: AgentState, ip: str) -> dict[str, Any]:
    """一台的问题。"""
    workstation = state.ip_states[ip]
    refused = nothing_to_go_back_to(state, ip)
    effects = _effects(state, ip, workstation)
    if refused:
        del effects[Decision.APPROVE]
    if workstation["status"] == IpStatus.SUCCESS:  # 操作员要退回的，没有可接着做的
        effects = {decision: does for decision, does in effects.items() if decision in REVIEW_DECISIONS}
    return (
        question_of(state, ip)
        | {"digest": question_digest(state, ip), "allowed_decisions": [str(decision) for decision in effects]}
        | truth_of(workstation)
        | {
            "name": state.names.get(ip, ""),
            "to_version": workstation["to_version"],
            "wanted": state.params["VERSION_NUMBER"],
        }
        | {"effects": {str(decision): does for decision, does in effects.items()}, "no_approve": refused}
        | {name: workstation.get(name, "") for name in _SHOWN}
    )


def _effects(state: AgentState, ip: str, workstation: IpState) -> dict[Decision, str]:
    """每种回答做什么，用读回来的话说。"""
    module = state.params["MODULE_NAME"]
    running = running_now(workstation)
    left = running_text(running, module) + (tr("，柜台不可用") if running is False else "")
    return {decision: tr(row.does) for decision, row in DECISIONS.items()} | {
        Decision.APPROVE: _going_back(workstation),
        Decision.REJECT: tr(
            "保持现状，{version_text}，{left}", version_text=version_text(version_now(workstation)), left=left
        ),
        Decision.RETRY: tr(
            "先查证它的实情，再{what}，装 {version_number}",
            what=_from(state, ip),
            version_number=state.params["VERSION_NUMBER"],
        ),
    }


def _from(state: AgentState, ip: str) -> str:
    """接着做从哪里做起；别人动过的从头做，说出会盖掉谁做的。"""
    if stranger := touched_by_another(state, ip):
        return tr("从头做，盖掉{stranger}做的", stranger=stranger)
    return tr("从 {failed_stage} 继续", failed_stage=state.ip_states[ip]["failed_stage"])


def _going_back(workstation: IpState) -> str:
    """同意做什么：回到这次运行之前的版本，并且在运行。"""
    wanted, now, running = workstation["to_version"], version_now(workstation), running_now(workstation)
    stopped = tr("；开工之前它是停着的") if workstation["running_before"] == "false" else ""
    if now != wanted:
        return tr("退回 {wanted} 并启动{stopped}", wanted=wanted, stopped=stopped) + (
            tr("；此刻是什么版本未知") if now is None else ""
        )
    if running:
        return tr("{wanted} 没有换过，正在运行，什么也不改变{stopped}", wanted=wanted, stopped=stopped)
    return tr("{wanted} 没有换过，把它启动{stopped}", wanted=wanted, stopped=stopped) + (
        tr("；此刻在不在运行未知") if running is None else ""
    )


def touched_by_another(state: AgentState, ip: str) -> str:
    """最后动它的是别的运行：返回是谁；不是的、不知道的为空串。"""
    workstation = state.ip_states[ip]
    key, owner = workstation["last_key"], workstation.get("owner")
    if not key or (not owner and key == workstation["key_before"]):
        return ""
    who = key.partition(":")[0]
    ours = {f"{state.run_id}.{state.nonce}" if state.nonce else state.run_id, owner}
    return "" if who in ours else tr("运行 {who}", who=who.rpartition(".")[0] or who)
