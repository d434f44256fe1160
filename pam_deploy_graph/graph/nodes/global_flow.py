"""节点 ``global-flow``：做完六个全局步骤；退回的没有要装的，只再问一遍节点在哪里。"""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import GLOBAL_ACTION_SEQUENCE, Decision
from pam_deploy_graph.errors import ConfirmationError, GlobalStepError, PlanChangedError
from pam_deploy_graph.flows.approved_endpoints import refuse_rewired
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.flows.global_flow import find_node_again, run_global
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.module_wait import when_free
from pam_deploy_graph.graph.reapproval import ask_again
from pam_deploy_graph.graph.state import GraphState
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import PLAN, Approval
from pam_deploy_graph.runs.approved_plan import refuse_unlike_approved
from pam_deploy_graph.runs.services import Services


def global_flow_node(services: Services, state: GraphState) -> dict[str, Any]:
    """占住模块，做全局步骤；失败就放开、停下并说明，修好之后可以从这里继续；开工之前就取消了的不做。

    Raises:
        ConfirmationError: 账本里没有对这份计划的批准；不管从哪里走到这里，没有批准就不动手。

    """
    decided = services.ledger.decision(state["run_id"], PLAN, state["plan"]["digest"])
    if decided is None or decided.decision != Decision.APPROVE:
        raise ConfirmationError(tr("运行 {run_id} 的计划还没有批准；请先批准计划", run_id=state["run_id"]))
    if services.cancelled(state["run_id"]) and not services.state_of(state["run_id"]).ip_states:
        return {"phase": "closing", "problem": ""}
    refuse_unlike_approved(services.ledger, services.state_of(state["run_id"]))
    try:
        run = services.state_of(state["run_id"])
        when_free(services, run.run_id, lambda: services.ledger.lock_module(run))
        run = services.drive(run.run_id, _approved(decided))
    except PlanChangedError as error:
        return ask_again(services, state["run_id"], state["plan"], error)
    except GlobalStepError as error:
        services.ledger.stopped(state["run_id"], str(error), unlock=True)
        said = tr("{error}。修好之后用 resume {run_id} 从这一步继续。", error=error, run_id=state["run_id"])
        stopped = {"phase": "stopped", "problem": str(error), "exit_code": int(error.exit_code)}
        return stopped | {"messages": [AIMessage(said)]}
    services.ledger.stopped(run.run_id, None)
    services.nodes_asked.add(run.run_id)
    if run.rollback_of or len(run.completed_global_steps) == len(GLOBAL_ACTION_SEQUENCE):
        return {"phase": "rolling", "problem": ""}
    if services.cancelled(run.run_id):
        return {"phase": "closing", "problem": ""}
    services.stop_here(run.run_id, acting(services))
    return {"phase": "diverted"}


def _approved(decided: Approval) -> Callable[[RunContext], Awaitable[None]]:
    """返回做全局步骤的流程；握着租约再看一眼，批准的还是不是现在的计划。"""

    async def work(ctx: RunContext) -> None:
        """计划在别处改过就不动手。"""
        if not ctx.state.ip_states and ctx.state.plan_digest != decided.digest:
            raise GlobalStepError(
                tr("运行 {run_id} 的计划在批准之后又改过，没有动手；请看过新的计划再批准", run_id=ctx.state.run_id)
            )
        await refuse_rewired(ctx)
        if ctx.state.plan_approved != decided.digest:
            if why := ctx.vet(ctx.state, decided):
                run_id = ctx.state.run_id
                raise GlobalStepError(
                    tr("计划的批准不作数：{why}；没有动手，请 cancel {run_id} 再另开一次", why=why, run_id=run_id)
                )
            who = {"operator": decided.operator, "note": decided.note} | decided.taken_in()
            await ctx.session.append({"type": "PLAN_APPROVED", "digest": decided.digest, **who})
        await (find_node_again if ctx.state.rollback_of else run_global)(ctx)

    return work
