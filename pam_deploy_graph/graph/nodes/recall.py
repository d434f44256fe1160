"""节点 ``recall``：操作员要把某几台退回原来的版本；找到它们所在的运行，提出问题，由人确认。

那次运行还没有结束的，问题提在它里面；结束了的另开一次运行，有自己的计划与批准。
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import GlobalStepError, InvalidInputError
from pam_deploy_graph.flows.context import RunContext, waiting_ips
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.flows.read_back import read_back
from pam_deploy_graph.flows.rollback_question import waiting_questions
from pam_deploy_graph.flows.service_state import service_line
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.questions import ask_plan, ask_rollback, spoken
from pam_deploy_graph.graph.state import GraphState, words_of
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.deciding import refuse_request
from pam_deploy_graph.runs.later_rollback import open_recall, propose_recall, recall_of, recall_plan, run_to_recall
from pam_deploy_graph.runs.past_failures import with_cautions
from pam_deploy_graph.runs.services import Services


def recall_node(services: Services, state: GraphState) -> dict[str, Any]:
    """把要退回的工作站变成等着的问题；找不到就说明为什么，原来等着的照旧等着。"""
    said = words_of(state)
    heard = {"heard": len(said), "problem": ""}
    try:
        found = services.llm_client.extract_params(said[-1], state.get("params") or {})
        if "target_ips" in found.missing_params:  # 有一台没有听懂，不能只退听懂了的
            return heard | _unclear(
                state,
                "\n".join(
                    [*found.notes, tr("请说明要退回哪几台（地址、范围或名称），例如：把 10.0.0.5-7 退回上一个版本")]
                ),
            )
        asked = list(found.control_params.get("target_ips") or [])
        run_id = run_to_recall(services.ledger, said[-1], state.get("run_id", ""), asked)
        record = services.ledger.get_run(run_id)
        if record.exit_code is None and not record.input.get("rollback_of"):
            refuse_request(services.site(), services.state_of(run_id), acting(services))
            return heard | _asking(services, services.drive(run_id, _requested(asked)), asked)
        if record.exit_code is not None:
            version = found.extracted_params.get("VERSION_NUMBER", "")
            run_id = _of_its_own(services, run_id, state.get("run_id", ""), asked, version)
        return heard | _proposed(propose_recall(services, run_id, acting(services)))
    except (InvalidInputError, GlobalStepError) as error:
        return heard | _unclear(state, str(error))


def _unclear(state: GraphState, why: str) -> dict[str, Any]:
    """没有提出退回：说明为什么，原来等着的照旧等着。"""
    still = {"waiting": state.get("waiting") or [], "problem": why}
    return still | {"answer": why, "answered": True, "messages": [AIMessage(why)]}


def _of_its_own(services: Services, run_id: str, mine: str, asked: Sequence[str], version: str) -> str:
    """那次运行已经结束：另开一次，返回它的名字。"""
    old = services.state_of(run_id)
    recall = recall_of(old, asked, version)
    services.ledger.check_module(old)
    return open_recall(services, old, recall, mine)


def _proposed(run: AgentState) -> dict[str, Any]:
    """请人批准退回的计划。"""
    plan = recall_plan(run)
    asking = {"waiting": [], "phase": "planned", "exit_code": int(ExitCode.WAITING), "plan": plan}
    return asking | {"run_id": run.run_id, "messages": [AIMessage(spoken(ask_plan(plan, "")))]}


def _requested(asked: Sequence[str]) -> Any:
    """返回在还没有结束的运行里提出退回的流程：读回真相，给还没有在等的记一个要求。"""

    async def work(ctx: RunContext) -> None:
        """逐台记下。"""
        already = set(waiting_ips(ctx.state))
        for ip in asked:
            if ip not in already:
                outbox = Outbox(ctx.session)
                await read_back(ctx, outbox, ip)
                await outbox.commit({"type": "ROLLBACK_REQUESTED", "ip": ip, "reason": tr("操作员要求退回")})

    return work


def _asking(services: Services, run: AgentState, asked: Sequence[str]) -> dict[str, Any]:
    """等着的问题。"""
    questions = with_cautions(services.ledger, run, waiting_questions(run))
    waiting = [question for question in questions if question["ip"] in asked]
    first = service_line(run)
    said = [AIMessage(spoken(ask_rollback(run.run_id, waiting, "", first_line=first)))]
    plan = {"run_id": run.run_id, "digest": run.plan_digest, "stage": "", "text": run.plan_text}
    asking = {"waiting": waiting, "phase": "waiting", "exit_code": int(ExitCode.WAITING), "plan": plan}
    return asking | {"run_id": run.run_id, "out_of_service": first, "messages": said}
