"""判断：对方说成功，是不是真的成功（纯函数，contract 第 3、6 节）。"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pam_deploy_graph.constants import ACTIONS, Phase
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import canonical_ip
from pam_deploy_graph.inputs.service_address import why_unusable
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.system.safe_text import show_value

_NEEDED: Final = frozenset({"HASH_CODE", "NODE_URL", "IP", "AIRPORT_CODE"})
"""流程接下去要用的键：缺了它们做不下去，无论谁掌舵。"""
_TRUE: Final = frozenset({"true", "1", "yes"})


def is_true(value: object) -> bool:
    """``true``、``1``、``yes`` 为真，大小写不论。"""
    return str(value).strip().lower() in _TRUE


def judge(state: AgentState, result: ActionResult, *, strict: bool) -> ActionResult:
    """核对成功应答的内容，不符者改判为失败。

    Args:
        state: 当前运行。
        result: 后端给的结果；``IP`` 会收拢成规范地址的列表。
        strict: 为真时还要求应答带齐动作表要求的键、校验读回的版本就是目标版本（图与命令行）。

    Returns:
        原样的结果，或说明不符之处的失败结果。

    """
    if not strict:
        result = _as_answered(result)
    check = _CHECKS.get(result.action)
    reason = check(state, result) if result.ok and check else ""
    if not reason and strict and result.ok and result.action == "verify-ip":
        reason = _right_version(state, result)
    if not reason:
        return result
    return ActionResult.failure(result.action, result.backend, reason, values=result.values)


def wrong_bytes(state: AgentState, theirs: object) -> str:
    """对方说的哈希与批准的那一份安装包不符时，说出两者；相符的、还没有批准过哪一份的为空串。"""
    approved = state.package_digest
    if not approved or str(theirs).lower() == approved:
        return ""
    return tr(
        "安装包不是批准的那一份：批准的 SHA-256 是 {approved}，这一份是 {theirs}", approved=approved, theirs=theirs
    )


def _approved_upload(state: AgentState, result: ActionResult) -> str:
    """HOME 收下的必须是批准的那一份；空的哈希不是哈希。"""
    theirs = result.values["HASH_CODE"]
    if not theirs:
        return tr("HOME 给的 HASH_CODE 是空的")
    wrong = wrong_bytes(state, theirs)
    return tr("HOME 里的{wrong}；没有发布", wrong=wrong) if wrong else ""


def _approved_publication(state: AgentState, result: ActionResult) -> str:
    """发布的应答若带哈希，必须是批准的那一份。"""
    theirs = result.values.get("HASH_CODE")
    wrong = wrong_bytes(state, theirs) if theirs else ""
    return tr("HOME 发布的{wrong}；没有同步到节点，请在 HOME 上撤下这次发布", wrong=wrong) if wrong else ""


def _as_answered(result: ActionResult) -> ActionResult:
    """自己掌舵的只凭应答判断（``ok``、``SUCCESS``）：对方说成功而只是话没有说全的，不是失败（contract 第 6 节）。"""
    asked = ACTIONS[result.action].phase is Phase.RECONCILIATION
    if not result.lacks or asked or _NEEDED & {*result.lacks}:
        return result
    return replace(result, ok=True, error_summary="", in_doubt=False, exit_code=0, lacks=())


def _same_hash(state: AgentState, result: ActionResult) -> str:
    """节点算出的哈希必须与 HOME 的一致，也就是批准的那一份。"""
    theirs = str(result.values["HASH_CODE"])
    if theirs.lower() != state.hash_code.lower():
        return tr("节点算出的 HASH_CODE 是 {theirs}，HOME 的是 {hash_code}", theirs=theirs, hash_code=state.hash_code)
    wrong = wrong_bytes(state, theirs)
    return tr("节点上的{wrong}；没有动任何工作站", wrong=wrong) if wrong else ""


def _usable_addresses(_state: AgentState, result: ActionResult) -> str:
    """HOME 给出的地址要能用：令牌要交给它们。"""
    for name in ("NODE_URL", "MCP_URL"):
        url = str(result.values.get(name) or "")
        if (url or name == "NODE_URL") and (reason := why_unusable(url)):
            return tr("HOME 给出的 {name} {url} 不能用：{reason}", name=name, url=show_value(url), reason=reason)
    return ""


def _real_ips(state: AgentState, result: ActionResult) -> str:
    """工作站必须都是真实的地址，并且属于要部署的机场。"""
    given = result.values["IP"]
    try:
        named = [canonical_ip(ip) for ip in ([given] if isinstance(given, str) else given)]
    except (InvalidInputError, TypeError) as error:
        return tr("节点给的工作站地址不对：{error}", error=error)
    result.values["IP"] = list(dict.fromkeys(named))
    return _same_airport(state, result)


def _same_airport(state: AgentState, result: ActionResult) -> str:
    """别的机场的节点一律拒绝。"""
    theirs, ours = result.values["AIRPORT_CODE"], state.params["AIRPORT_CODE"]
    return (
        ""
        if str(theirs).upper() == ours
        else tr("节点属于机场 {theirs}，要部署的是 {ours}", theirs=theirs or tr("（没有说）"), ours=ours)
    )


def _right_version(state: AgentState, result: ActionResult) -> str:
    """校验读回的版本就是目标版本。"""
    found, wanted = str(result.values["VERSION"]), state.params["VERSION_NUMBER"]
    return "" if found == wanted else tr("校验读回的版本是 {found}，应为 {wanted}", found=found, wanted=wanted)


def _succeeded(_state: AgentState, result: ActionResult) -> str:
    """``SUCCESS`` 必须为真。"""
    if is_true(result.values.get("SUCCESS", "true")):  # 缺了的，要求带齐的在此之前已经改判
        return ""
    return str(
        result.values.get("MESSAGE")
        or tr("{action} 返回 SUCCESS={success}", action=result.action, success=result.values["SUCCESS"])
    )


_CHECKS: Final[dict[str, Callable[[AgentState, ActionResult], str]]] = {
    "upload-package": _approved_upload,
    "publish-version": _approved_publication,
    "get-node-url": _usable_addresses,
    "sync-node": _same_hash,
    "get-online-ips": _real_ips,
    "verify-ip": _succeeded,
    "rollback-ip": _succeeded,
}
