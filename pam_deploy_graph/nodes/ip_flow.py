"""节点 ``ip-flow``：推出的一步；只带回几个数字和正等人决定的问题。"""

from typing import Any

from pam_deploy_graph.errors import RunPausedError
from pam_deploy_graph.flows.context import FlowRules, RunContext
from pam_deploy_graph.flows.rollback import waiting_questions
from pam_deploy_graph.flows.rollout import can_go_on, must_ask, run_step
from pam_deploy_graph.graph_state import GraphState
from pam_deploy_graph.ledger import Approval
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report import counts
from pam_deploy_graph.services import Services


def ip_flow_node(services: Services, state: GraphState) -> dict[str, Any]:
    """推进一步。

    Raises:
        RunPausedError: 本进程被要求停下；在途的已做完，恢复时再进这个节点。

    """
    run_id = state["run_id"]

    def decision_of(ip: str, digest: str) -> Approval | None:
        """查一台的决定。"""
        return services.ledger.decision(run_id, ip, digest)

    async def work(ctx: RunContext) -> None:
        """一步。"""
        await run_step(ctx, decision_of)

    run = services.drive(run_id, work)
    cancelled = services.cancelled(run_id)
    if services.stop.is_set() and not cancelled:
        raise RunPausedError(f"已停下，在途的都已做完；用 resume {run_id} 继续")
    rules = FlowRules.of(run.control_params, self_healing=True)
    return {"counters": counts(run), **_next(run, rules, cancelled=cancelled)}


def _next(run: AgentState, rules: FlowRules, *, cancelled: bool) -> dict[str, Any]:
    """接下来：问人、继续推进，还是收尾。"""
    if cancelled:
        return {"phase": "closing", "waiting": []}
    if must_ask(run, rules):
        return {"phase": "waiting", "waiting": waiting_questions(run)}
    return {"phase": "rolling" if can_go_on(run, rules) else "closing", "waiting": []}
