"""节点 ``report``：收尾，算退出码，说出报告。"""

from typing import Any

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.flows.context import FlowRules
from pam_deploy_graph.flows.rollout import outcome
from pam_deploy_graph.graph.standing import told
from pam_deploy_graph.graph.state import GraphState
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.report.summary import MANY, counts, render_report
from pam_deploy_graph.runs.services import Services


def report_node(services: Services, state: GraphState) -> dict[str, Any]:
    """给出报告；全局步骤停下的、停着的、正由别处执行的不算结束，说走到哪里。"""
    run_id, ledger = state["run_id"], services.ledger
    run = services.state_of(run_id)
    rules = FlowRules.of_run(run, self_healing=True)
    if state["phase"] == "diverted" and ledger.get_run(run_id).exit_code is None:
        text = told(services, run_id)
        return {"answer": text, "messages": [AIMessage(text)], "counters": counts(run), "answered": True}
    if state["phase"] == "stopped":
        return {"answer": state["problem"], "counters": counts(run), "answered": False}
    record = ledger.get_run(run_id)
    if record.exit_code is not None:
        code, reason = ExitCode(record.exit_code), record.reason or ""
    elif state["phase"] == "rejected":
        code, reason = ExitCode.STOPPED, state["problem"]
    else:
        code, reason = outcome(run, rules, record.cancelled_by)
    if record.exit_code is None:
        services.finish(run_id, code, reason)
    text = render_report(run, brief=len(run.target_ips) >= MANY) + tr("\n结果: {reason}\n", reason=reason)
    done = {"phase": "finished", "answered": False, "exit_code": int(code), "counters": counts(run)}
    return done | {"answer": text, "messages": [AIMessage(text)]}
