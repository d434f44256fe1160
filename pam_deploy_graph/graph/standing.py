"""账本说这个会话的运行此刻在哪里：每次进图先读它，检查点只管谈到哪里了（contract 第 5 节）。

检查点会落在后头（宿主取消、``interrupt``、``rollback``、回到从前、在别处作的决定），账本不会。
"""

import contextlib
from functools import partial
from typing import Any
from uuid import UUID

from langgraph.config import get_config

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import LedgerDamagedError
from pam_deploy_graph.flows.context import FlowRules
from pam_deploy_graph.flows.diagnosis import diagnose
from pam_deploy_graph.flows.rollout import must_ask
from pam_deploy_graph.flows.service_state import service_line
from pam_deploy_graph.graph.state import GraphState, named, open_question
from pam_deploy_graph.home.run_files import log_folder
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.inputs.shares import in_numbers
from pam_deploy_graph.ledger import PLAN, Approval, RunRecord
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.summary import counts, render_report
from pam_deploy_graph.runs.open_questions import open_questions, still_open, workstation_questions
from pam_deploy_graph.runs.past_failures import with_cautions
from pam_deploy_graph.runs.registration import has_begun
from pam_deploy_graph.runs.services import Services


def own_thread() -> str:
    """这个会话的名字，只在节点里用；不是 UUID 的别的宿主也会取（``"t"``、运行名），认不准，为空串。"""
    name = str(get_config().get("configurable", {}).get("thread_id") or "")
    with contextlib.suppress(ValueError):
        return str(UUID(name))
    return ""


def standing_now(services: Services, state: GraphState) -> dict[str, Any]:
    """返回状态要改成的样子；还没有登记的、正问着参数的不改。

    ``phase`` 是 ``finished``（了结了）、``rolling``（别处正推着）、``planned``、``waiting``（问题还开着）
    或 ``stopped``（已中断）。
    """
    run_id = _run_of(services, state)
    if not run_id:
        return {}
    known: dict[str, Any] = {} if run_id == state.get("run_id") else _adopted(services, run_id)
    if services.ledger.get_run(run_id).exit_code is not None:
        if state.get("phase") == "stopped":  # 检查没有通过就了结了：改了再来是另一次，说过的参数还在
            return {"run_id": "", "plan": {}}
        return {} if state.get("phase") == "finished" else {"phase": "finished", "waiting": [], "confirm": {}}
    if services.ledger.holder(run_id):
        return known | {"phase": "rolling", "waiting": []}
    run = services.state_of(run_id)
    if not known and open_question(state) == "ask-params" and not has_begun(run):
        return {}
    return known | _at_rest(services, run, state)


def waiting_now(services: Services, run: AgentState) -> list[dict[str, Any]]:
    """返回等人决定的各台，附上日志里的原因；已有决定而还没有执行的不再问，除非只有它们。"""
    asked = still_open(services.ledger, run.run_id, workstation_questions(run))
    asked = with_cautions(services.ledger, run, asked)
    return [question | {"diagnosis": _diagnosis(services, run, question["ip"])} for question in asked]


def told(services: Services, run_id: str) -> str:
    """说出一次还没有了结的运行走到哪里、接下来怎么办。"""
    run = services.state_of(run_id)
    done = f"{sum(counts(run)[name] for name in ('succeeded', 'recalled', 'failed'))}/{len(run.target_ips)}"
    if holder := services.ledger.holder(run_id):
        first = tr(
            "运行 {run_id} 正由{holder}执行：{done}。问进度说「到哪了」，要停说「取消」。",
            run_id=run_id,
            holder=holder,
            done=done,
        )
    else:
        by = tr("由 {paused_by} 停着", paused_by=run.paused_by) if run.paused_by else tr("已中断")
        first = tr(
            "运行 {run_id} {by}：{done}。说「继续」接着做，说「取消」取消本次部署。", run_id=run_id, by=by, done=done
        )
    return f"{first}\n\n{render_report(run, brief=True)}"


def _at_rest(services: Services, run: AgentState, state: GraphState) -> dict[str, Any]:
    """没有人推着：问题还开着，还是已中断。"""
    asked = open_questions(services.ledger, run)
    if asked and asked[0]["subject"] == PLAN:
        return {"phase": "planned", "waiting": [], "plan": _plan(run, run.plan_digest, state)}
    approved = _approved(services, run)
    found: dict[str, Any] = {"plan": _plan(run, approved.digest if approved else run.plan_digest, state)}
    found |= {"decided": named([approved])} if approved else {}
    still = [one for one in state.get("waiting") or [] if one["digest"] in {each["digest"] for each in asked}]
    if still or (asked and must_ask(run, FlowRules.of_run(run, self_healing=True))):
        waiting = still or waiting_now(services, run)
        return found | {"phase": "waiting", "waiting": waiting, "out_of_service": service_line(run)}
    return found | {"phase": "stopped", "waiting": []}


def _approved(services: Services, run: AgentState) -> Approval | None:
    """管着这次运行的批准；还没有为 ``None``。"""
    for digest in filter(None, (run.plan_digest, run.plan_approved)):
        found = services.ledger.decision(run.run_id, PLAN, digest)
        if found is not None and found.decision == Decision.APPROVE:
            return found
    return None


def _plan(run: AgentState, digest: str, state: GraphState) -> dict[str, Any]:
    """计划：检查点里的还是那一份就用它，不是就照账本写。"""
    known = state.get("plan") or {}
    if not digest or (known.get("digest") == digest and known.get("run_id") == run.run_id):
        return known
    planned = run.planned_ips or []
    return {
        "run_id": run.run_id,
        "digest": digest,
        "stage": run.plan_stage if digest == run.plan_digest else "",
        "text": run.plan_text,
        "summary": "",
        "params": run.params,
        "control": in_numbers(run.control_params, len(planned)),
        "execution_strategy": run.execution_strategy,
        "targets": len(planned),
        "scope": show_ips(planned),
    }


def _run_of(services: Services, state: GraphState) -> str:
    """会话说的是哪次运行：状态里的；它没有登记或了结了，而这个会话另有没了结的，就是那一次。"""
    mine, ledger = state.get("run_id", ""), services.ledger
    registered = bool(mine) and ledger.exists(mine)
    if registered and ledger.get_run(mine).exit_code is None:
        return mine
    return left_here(services) or (mine if registered else "")


def left_here(services: Services) -> str:
    """这个会话开的、还没有了结的运行；没有为空串。只在节点里用。"""
    if not (here := own_thread()):
        return ""
    return next((one.run_id for one in services.ledger.list_runs() if _left_by(one, here)), "")


def _left_by(record: RunRecord, thread: str) -> bool:
    """是不是这个会话开的、还没有了结的运行。"""
    with contextlib.suppress(LedgerDamagedError):
        return record.exit_code is None and record.input.get("thread") == thread
    return False


def _adopted(services: Services, run_id: str) -> dict[str, Any]:
    """会话忘了的运行：把它的输入找回来。"""
    run = services.state_of(run_id)
    control = run.control_params | {"execution_strategy": run.execution_strategy}
    return {"run_id": run_id, "params": run.params, "control": control, "missing": [], "problem": "", "notes": []}


def _diagnosis(services: Services, run: AgentState, ip: str) -> dict[str, Any]:
    """一台失败的原因与日志里的依据。"""
    return diagnose(run.ip_states[ip], services.home, log_folder(run), partial(services.logs.lines, run, ip))
