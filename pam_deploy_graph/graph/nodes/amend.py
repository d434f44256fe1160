"""节点 ``amend``：推出途中改主意（跳过几台、先做几台、放慢），拟成改动请人批准；只影响还没有开工的。"""

import re
from collections.abc import Mapping
from typing import Any, Final

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import AMENDABLE, AMENDED
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.flows.context import record
from pam_deploy_graph.graph.acting import acting
from pam_deploy_graph.graph.state import GraphState, words_of
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import compress_ips
from pam_deploy_graph.inputs.parameters import validate_control
from pam_deploy_graph.ledger import digest_of
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.deciding import refuse_request
from pam_deploy_graph.runs.services import Services

_FIRST: Final = re.compile(r"(?i)先|优先|first")


def amend_node(services: Services, state: GraphState) -> dict[str, Any]:
    """拟出改动；没有听出要改什么就说明，原来的问题照旧等着。"""
    said = words_of(state)
    heard: dict[str, Any] = {"heard": len(said)}
    run = services.state_of(state["run_id"])
    if services.ledger.get_run(run.run_id).exit_code is not None:
        return heard | _unclear(tr("运行 {run_id} 已经结束，没有可改的；请回答问题", run_id=run.run_id))
    actor = acting(services)
    try:
        refuse_request(services.site(), run, actor)
        found = services.llm_client.extract_params(said[-1], run.params)
        control = validate_control(found.control_params)
    except InvalidInputError as error:
        return heard | _unclear(str(error))
    if open_ := [name for name in found.missing_params if name in ("target_ips", "exclude_ips")]:
        return heard | _unclear(
            "\n".join(found.notes) or tr("没有听懂 {open}，请写出地址或名称", open=tr("、").join(open_))
        )
    change = _change(run, control, said[-1])
    if not change["text"]:
        what = tr("没有听出要改什么；请回答问题，或说明跳过哪几台、先做哪几台、同时几台")
        return heard | _unclear("\n".join([*found.notes, what]))
    change["text"] = "\n".join([*found.notes, change["text"]])
    digest = digest_of({"run_id": run.run_id, "seq": run.ledger_seq, **change})
    proposal = {"digest": digest, "requested_by": actor.person, **change}
    services.drive(run.run_id, record("AMENDMENT_PROPOSED", **proposal))
    plan = state["plan"] | {"digest": digest, "stage": AMENDED, "text": change["text"]}
    return heard | {"phase": "planned", "problem": "", "plan": plan, "messages": [AIMessage(change["text"])]}


def _unclear(why: str) -> dict[str, Any]:
    """没有改动：说明为什么，回到原来的问题。"""
    return {"phase": "waiting", "problem": why, "messages": [AIMessage(why)]}


def _change(run: AgentState, control: Mapping[str, Any], text: str) -> dict[str, Any]:
    """算出改动之后的规则与次序；没有改动时 ``text`` 为空串。"""
    left = [ip for ip in run.target_ips if ip not in run.ip_states]
    skipped = [ip for ip in control.get("exclude_ips", []) if ip in left]
    named = control.get("target_ips", []) if _FIRST.search(text) else []
    first = [ip for ip in named if ip in left and ip not in skipped]
    rest = [ip for ip in left if ip not in {*skipped, *first}]
    given = {name: control[name] for name in AMENDABLE if name in control}
    changed = {name: value for name, value in given.items() if run.control_params.get(name) != value}
    lines = [tr("跳过: {skipped}", skipped=compress_ips(skipped))] if skipped else []
    lines += [tr("先做: {first}", first=compress_ips(first))] if first else []
    lines += [f"{name}: {run.control_params.get(name, tr('（默认）'))} → {value}" for name, value in changed.items()]
    excluded = [*(run.control_params.get("exclude_ips") or []), *skipped]
    note = tr("只影响还没有开工的 {n} 台。批准这个改动吗？", n=len(left))
    return {
        "control": changed | ({"exclude_ips": excluded} if skipped else {}),
        "target_ips": [*(ip for ip in run.target_ips if ip in run.ip_states), *first, *rest],
        "text": "\n".join([tr("改动:"), *lines, note]) if lines else "",
    }
