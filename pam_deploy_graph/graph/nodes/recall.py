"""节点 ``recall``：操作员要把某几台退回原来的版本；找到它们所在的运行，提出问题，由人确认。"""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import ConfirmationError, InvalidInputError
from pam_deploy_graph.flows.context import RunContext, waiting_ips
from pam_deploy_graph.flows.outbox import Outbox
from pam_deploy_graph.flows.read_back import read_back
from pam_deploy_graph.flows.rollback_question import waiting_questions
from pam_deploy_graph.flows.service_state import service_line
from pam_deploy_graph.graph.questions import ask_rollback, spoken
from pam_deploy_graph.graph.state import GraphState, words_of
from pam_deploy_graph.runs.past_failures import with_cautions
from pam_deploy_graph.runs.services import Services


def recall_node(services: Services, state: GraphState) -> dict[str, Any]:
    """把要退回的工作站变成等着的问题；找不到就说明为什么，原来等着的照旧等着。"""
    said = words_of(state)
    heard = {"heard": len(said), "problem": ""}
    try:
        found = services.llm_client.extract_params(said[-1], state.get("params") or {})
        asked = list(found.control_params.get("target_ips") or [])
        run_id = _run_of(services, state.get("run_id", ""), asked)
    except InvalidInputError as error:
        text = str(error)
        still = {"waiting": state.get("waiting") or [], "problem": text}
        return heard | still | {"answer": text, "answered": True, "messages": [AIMessage(text)]}

    async def work(ctx: RunContext) -> None:
        """读回真相，给还没有在等的记一个要求。"""
        already = set(waiting_ips(ctx.state))
        for ip in asked:
            if ip not in already:
                outbox = Outbox(ctx.session)
                await read_back(ctx, outbox, ip)
                await outbox.commit({"type": "ROLLBACK_REQUESTED", "ip": ip, "reason": "操作员要求退回"})

    run = services.drive(run_id, work)
    over = services.ledger.get_run(run_id).exit_code is not None
    found_waiting = with_cautions(services.ledger, run, waiting_questions(run, over=over))
    waiting = [question for question in found_waiting if question["ip"] in asked]
    first = service_line(run)
    messages = [AIMessage(spoken(ask_rollback(run_id, waiting, "", first_line=first)))]
    heard |= {"out_of_service": first, "messages": messages}
    asking = {"waiting": waiting, "phase": "waiting", "exit_code": int(ExitCode.WAITING)}
    return heard | {"run_id": run_id, **asking}


def _run_of(services: Services, preferred: str, asked: Sequence[str]) -> str:
    """找出这些工作站都在其中的运行：先看这个会话的，再看最近的。

    Raises:
        ConfirmationError: 没说是哪几台，或没有哪次运行部署过它们。

    """
    if not asked:
        raise ConfirmationError("请说明要退回哪几台，例如：把 10.0.0.7 退回上一个版本")
    names = [run.run_id for run in services.ledger.list_runs()]
    for run_id in sorted(names, key=lambda name: name != preferred):
        if all(ip in services.state_of(run_id).ip_states for ip in asked):
            return run_id
    raise ConfirmationError(f"没有哪次运行部署过 {'、'.join(asked)}；用 runs 查看已有的运行")
