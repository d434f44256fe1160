"""一次运行的一行要点：多机场部署的总览由它拼成。"""

from typing import Any

from pam_deploy_graph.constants import Ask
from pam_deploy_graph.flows.service_state import out_of_service, state_unknown
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.report.summary import counts
from pam_deploy_graph.runs.open_questions import open_questions
from pam_deploy_graph.runs.status import phase_of


def brief_of(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """返回处境、结局、台数，与等着批准的计划的摘要（没有等着为空串）；没有登记的为空。"""
    if not ledger.exists(run_id):
        return {}
    record, state = ledger.get_run(run_id), ledger.load_state(run_id, keep_events=False)
    waiting = open_questions(ledger, state) if record.exit_code is None else []
    count, phase = counts(state), phase_of(ledger, record, state, waiting=bool(waiting))
    return {
        "phase": phase,
        "exit_code": record.exit_code,
        "reason": record.reason or "",
        "targets": count["targets"] or len(state.planned_ips or []),
        "succeeded": count["succeeded"],
        "failed": count["failed"],
        "out_of_service": len(out_of_service(state)),
        "state_unknown": len(state_unknown(state, idle=phase != "running")),
        "plan_digest": next((str(each["digest"]) for each in waiting if each["type"] == Ask.PLAN), ""),
    }
