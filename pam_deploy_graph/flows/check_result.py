"""判断：对方说成功，是不是真的成功（纯函数，contract 第 3、6 节）。"""

from collections.abc import Callable
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inputs.addresses import canonical_ip
from pam_deploy_graph.models import ActionResult, AgentState

_TRUE: Final = frozenset({"true", "1", "yes"})


def is_true(value: object) -> bool:
    """``true``、``1``、``yes`` 为真，大小写不论。"""
    return str(value).strip().lower() in _TRUE


def judge(state: AgentState, result: ActionResult, *, strict: bool) -> ActionResult:
    """核对成功应答的内容，不符者改判为失败。

    Args:
        state: 当前运行。
        result: 后端给的结果；``IP`` 会收拢成规范地址的列表。
        strict: 为真时还要求校验读回的版本就是目标版本（图与命令行）。

    Returns:
        原样的结果，或说明不符之处的失败结果。

    """
    check = _CHECKS.get(result.action)
    reason = check(state, result) if result.ok and check else ""
    if not reason and strict and result.ok and result.action == "verify-ip":
        reason = _right_version(state, result)
    if not reason:
        return result
    return ActionResult.failure(result.action, result.backend, reason, values=result.values)


def _same_hash(state: AgentState, result: ActionResult) -> str:
    """节点算出的哈希必须与 HOME 的一致。"""
    theirs = result.values["HASH_CODE"]
    return "" if theirs == state.hash_code else f"节点算出的 HASH_CODE 是 {theirs}，HOME 的是 {state.hash_code}"


def _some_hash(_state: AgentState, result: ActionResult) -> str:
    """空的哈希不是哈希。"""
    return "" if result.values["HASH_CODE"] else "HOME 给的 HASH_CODE 是空的"


def _real_ips(state: AgentState, result: ActionResult) -> str:
    """工作站必须都是真实的地址，并且属于要部署的机场。"""
    given = result.values["IP"]
    try:
        named = [canonical_ip(ip) for ip in ([given] if isinstance(given, str) else given)]
    except (InvalidInputError, TypeError) as error:
        return f"节点给的工作站地址不对：{error}"
    result.values["IP"] = list(dict.fromkeys(named))
    return _same_airport(state, result)


def _same_airport(state: AgentState, result: ActionResult) -> str:
    """别的机场的节点一律拒绝。"""
    theirs, ours = result.values["AIRPORT_CODE"], state.params["AIRPORT_CODE"]
    return "" if str(theirs).upper() == ours else f"节点属于机场 {theirs or '（没有说）'}，要部署的是 {ours}"


def _right_version(state: AgentState, result: ActionResult) -> str:
    """校验读回的版本就是目标版本。"""
    found, wanted = str(result.values["VERSION"]), state.params["VERSION_NUMBER"]
    return "" if found == wanted else f"校验读回的版本是 {found}，应为 {wanted}"


def _succeeded(_state: AgentState, result: ActionResult) -> str:
    """``SUCCESS`` 必须为真。"""
    if is_true(result.values["SUCCESS"]):
        return ""
    return str(result.values.get("MESSAGE") or f"{result.action} 返回 SUCCESS={result.values['SUCCESS']}")


_CHECKS: Final[dict[str, Callable[[AgentState, ActionResult], str]]] = {
    "upload-package": _some_hash,
    "sync-node": _same_hash,
    "get-online-ips": _real_ips,
    "verify-ip": _succeeded,
    "rollback-ip": _succeeded,
}
