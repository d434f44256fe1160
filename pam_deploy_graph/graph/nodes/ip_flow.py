"""节点 ``ip-flow`` 里面的两个：``wave`` 推一步，``judge`` 看接下来做什么；只带回几个数字和正等人决定的问题。"""

from typing import Any

from anyio import to_thread
from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import AFTER_CANARY
from pam_deploy_graph.errors import NoProgressError, PlanChangedError
from pam_deploy_graph.flows.context import FlowRules, RunContext, record
from pam_deploy_graph.flows.global_flow import find_node_again
from pam_deploy_graph.flows.rollout import can_go_on, carry_out_decisions, must_ask, run_step, withdraw_retries
from pam_deploy_graph.flows.service_state import service_line
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.job_limit import hand_on
from pam_deploy_graph.graph.progress import progress_message
from pam_deploy_graph.graph.questions import ask_rollback, spoken
from pam_deploy_graph.graph.reapproval import rewired
from pam_deploy_graph.graph.standing import waiting_now
from pam_deploy_graph.graph.state import GraphState
from pam_deploy_graph.home.run_files import remove_run_config
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Approval, digest_of
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.summary import counts
from pam_deploy_graph.runs.approved_plan import refuse_unlike_approved
from pam_deploy_graph.runs.open_questions import outlives_cancel
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.host_tasks import told_to_stop


def wave(services: Services, state: GraphState) -> dict[str, Any]:
    """推进一步。

    Raises:
        RunPausedError: 本进程被要求停下；进行中的已做完，恢复时再进这个节点。
        GlobalStepError: 接着别的进程做，而问不到节点在哪里；什么也没有做。
        NoProgressError: 还有可做的，而这一步什么也没有做成；不空转。

    """
    run_id = state["run_id"]
    before = services.state_of(run_id)
    refuse_unlike_approved(services.ledger, before)
    seq = before.ledger_seq

    async def decision_of(ip: str, digest: str) -> Approval | None:
        """查一台的决定；账本一时读不到，不占着事件循环等。"""
        return await to_thread.run_sync(services.ledger.decision, run_id, ip, digest)

    async def work(ctx: RunContext) -> None:
        """一步；接着别的进程做的先问节点在哪里；退回的只执行决定，不开新的。"""
        if run_id not in services.nodes_asked:
            await find_node_again(ctx)
            services.nodes_asked.add(run_id)
        await (carry_out_decisions if ctx.state.rollback_of else run_step)(ctx, decision_of)

    try:
        run = services.drive(run_id, work)
    except PlanChangedError:
        return rewired(services, run_id, state["plan"])
    services.logs.flush(run)
    if told_to_stop().is_set():
        _leave(services, run)
    if cancelled := services.cancelled(run_id):
        run = services.drive(run_id, withdraw_retries)
    if cancelled and not outlives_cancel(services.ledger, run):
        return {**_told(run), "phase": "closing", "waiting": []}
    if services.signs.by_person(run_id):
        services.stop_here(run_id, acting(services))
        return {"phase": "diverted", "waiting": []}
    if run.ledger_seq == seq and not told_to_stop().is_set() and _rolls_on(run):
        raise NoProgressError(
            tr("运行 {run_id} 推了一步，账本里什么也没有多出来，还说有可做的；已停下，用 status 查看", run_id=run_id)
        )
    return _told(run)


def judge(services: Services, state: GraphState) -> dict[str, Any]:
    """推过一步之后：问人（附上日志里的原因）、请人再批准、继续推进，还是收尾。"""
    run, plan = services.state_of(state["run_id"]), state["plan"]
    rules = FlowRules.of_run(run, self_healing=True)
    if run.moved:
        return rewired(services, run.run_id, plan)
    if _canary_done(run, rules):
        return {"phase": "planned", "plan": _rest_of_plan(services, run, plan)}
    if not must_ask(run, rules):
        return {"phase": _next_phase(services, run) if can_go_on(run, rules) else "closing", "waiting": []}
    explained = waiting_now(services, run)
    said = AIMessage(spoken(ask_rollback(run.run_id, explained, "", first_line=service_line(run))))
    return {"phase": "waiting", "waiting": explained, "messages": [said]}


def _next_phase(services: Services, run: AgentState) -> str:
    """还有可推的：接着推，或作业做够了、下一个已经排上。"""
    if not hand_on(services):
        return "rolling"
    _leave(services, run)
    return "handed-on"


def _leave(services: Services, run: AgentState) -> None:
    """这个进程不再推它：去掉脚本的配置，再来时照账本重写。"""
    services.nodes_asked.discard(run.run_id)
    remove_run_config(run)


def _told(run: AgentState) -> dict[str, Any]:
    """走到哪里了：几个数字，和一条就地更新的话。"""
    said = [] if run.rollback_of else [progress_message(run)]
    return {"counters": counts(run), "out_of_service": service_line(run), "messages": said}


def _canary_done(run: AgentState, rules: FlowRules) -> bool:
    """灰度做完了，其余的要再批准。"""
    wants = rules.confirm_canary and run.canary_released and run.plan_stage != AFTER_CANARY
    return bool(wants) and can_go_on(run, rules)


def _rolls_on(run: AgentState) -> bool:
    """不必问谁，还有可推的。"""
    rules = FlowRules.of_run(run, self_healing=True)
    return not (run.moved or _canary_done(run, rules) or must_ask(run, rules)) and can_go_on(run, rules)


def _rest_of_plan(services: Services, run: AgentState, plan: dict[str, Any]) -> dict[str, Any]:
    """灰度做完之后的计划：内容不变，请人再批准一次。"""
    left = len(run.target_ips) - len(run.ip_states)
    digest = digest_of({"plan": plan["digest"], "stage": AFTER_CANARY, "done": list(run.ip_states)})
    text = tr("灰度的 {n} 台已做完，还有 {left} 台。继续推其余的吗？", n=len(run.ip_states), left=left)
    proposed = {"digest": digest, "target_ips": run.planned_ips, "stage": AFTER_CANARY, "text": text}
    proposed |= {"requested_by": run.requested_by}
    services.drive(run.run_id, record("PLAN_PROPOSED", **proposed))
    return plan | {"digest": digest, "stage": AFTER_CANARY, "text": text}
