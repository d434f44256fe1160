"""批准的计划管的是哪份输入：计划的摘要由登记的输入算出，每次接着做之前再算一遍（contract 第 5 节）。"""

from collections.abc import Mapping
from typing import Any

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import compress_ips
from pam_deploy_graph.ledger import PLAN, Ledger, digest_of, disagree
from pam_deploy_graph.ledger.fold_plan import BASIS
from pam_deploy_graph.models import AgentState


def plan_digest(given: Mapping[str, Any], basis: Mapping[str, Any]) -> str:
    """返回计划的摘要。

    Args:
        given: 登记的输入：``params``、``control_params``、``execution_strategy``。
        basis: ``BASIS`` 的各项。

    """
    control = dict(given["control_params"])
    if control.get("exclude_ips"):
        control["exclude_ips"] = compress_ips(control["exclude_ips"])
    what = {"params": given["params"], "control": control, "strategy": given["execution_strategy"]}
    return digest_of(what | {name: basis[name] for name in BASIS})


def refuse_unlike_approved(ledger: Ledger, state: AgentState) -> None:
    """登记的输入此刻算出的摘要，与提出的计划的对得上，那份计划也批准过，才接着做；没有计划的（退回）不归这里管。

    Raises:
        RecordsDisagreeError: 输入不是批准的那一份；什么也没有改变。

    """
    basis = state.plan_basis
    if not basis:
        return
    if (found := plan_digest(ledger.get_run(state.run_id).input, basis)) != basis["digest"]:
        how = tr(
            "登记的输入算出的计划是 {found}，提出的是 {digest}，输入与批准的不符",
            found=found[:10],
            digest=basis["digest"][:10],
        )
        raise disagree(state.run_id, how)
    decided = ledger.decision(state.run_id, PLAN, basis["digest"])
    if decided is None or decided.decision != Decision.APPROVE:
        raise disagree(
            state.run_id, tr("决定里没有对计划 {digest} 的批准，决定多半丢了或改动过", digest=basis["digest"][:10])
        )
