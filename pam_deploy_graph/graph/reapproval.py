"""批准的与现在的不符：再请人批准（contract 第 3 节「NODE 的地址」、第 5 节）。"""

from typing import Any

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import REWIRED
from pam_deploy_graph.errors import PlanChangedError
from pam_deploy_graph.flows.approved_endpoints import propose_endpoints
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.runs.registration import has_begun
from pam_deploy_graph.runs.services import Services


def ask_again(services: Services, run_id: str, plan: dict[str, Any], error: PlanChangedError) -> dict[str, Any]:
    """没有动过手的回去重提计划；动过手的就地问，只问变了的。

    Returns:
        图的状态要改的：``phase`` 是 ``replan``，或 ``planned`` 连同要批准的改动。

    """
    if not has_begun(services.state_of(run_id)):
        services.ledger.stopped(run_id, None, unlock=True)
        return {"phase": "replan", "problem": "", "messages": [AIMessage(tr("{error}。下面是新的计划。", error=error))]}
    return rewired(services, run_id, plan)


def rewired(services: Services, run_id: str, plan: dict[str, Any]) -> dict[str, Any]:
    """就地问：改用现在的地址、程序与工具吗。"""
    run = services.drive(run_id, propose_endpoints)
    asked = plan | {"digest": run.plan_digest, "stage": REWIRED, "text": run.plan_text}
    return {"phase": "planned", "plan": asked, "problem": "", "messages": [AIMessage(run.plan_text)]}
