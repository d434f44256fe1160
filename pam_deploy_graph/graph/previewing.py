"""对话里的预演：给出与请人批准的一样的计划，接着说「就按这个执行」就去批准；计划等着批准时，说的是它的全文。"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pam_deploy_graph.constants import DEFAULT_STRATEGY, REQUIRED_PARAMS, Decision, build_action_backends
from pam_deploy_graph.errors import EmptyScopeError, GlobalStepError, InvalidInputError
from pam_deploy_graph.graph.state import PREVIEWED, GraphState, open_question, words_of
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.inputs.addresses import compress_ips
from pam_deploy_graph.inputs.parameters import normalize_params, validate_control
from pam_deploy_graph.llm import merge_control, read_plan_decision
from pam_deploy_graph.report.plan_text import render_preview
from pam_deploy_graph.runs.registration import RunRequest
from pam_deploy_graph.runs.rehearsal import rehearse
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.safe_text import markdown_safe

_AT_REST: Final = ("", "finished", PREVIEWED)
"""没有正在做、也没有问着什么：预演的内容可以留着，接着执行。"""
_GO_ON: Final = msgid("这是预演，什么也没有改变。要照这样做，说「就按这个执行」，会先给出计划请你批准。")
_UNREAD: Final = msgid("以上只是照所说的拟的：每台此刻的版本、哪些在线，都没有读到。")


def preview(services: Services, state: GraphState) -> dict[str, Any]:
    """返回要说的话（``answer``）；可以接着执行的，连同留下的参数。

    Raises:
        InvalidInputError: 参数缺了或不合规则。

    """
    said, phase = words_of(state)[-1], state.get("phase") or ""
    fresh = phase == "finished"
    known: dict[str, str] = {} if fresh else dict(state.get("params") or {})
    found = services.llm_client.extract_params(said, known)
    whole = (state.get("plan") or {}).get("whole")
    if whole and open_question(state) == "approve-plan" and not (found.extracted_params or found.control_params):
        return {"answer": whole}
    params = {**known, **found.extracted_params}
    control = merge_control({} if fresh else dict(state.get("control") or {}), found.control_params, said)
    keeps = phase in _AT_REST and not open_question(state)
    unclear = [name for name in found.missing_params if name not in REQUIRED_PARAMS]  # 接着执行时照样要问
    request = _request(services, params, control, state.get("run_id") or "preview")
    notes = [*found.notes, *(tr("{name} 没有听清，执行之前会问", name=name) for name in unclear)]
    text = _text(services, request, notes) + (f"\n{tr(_GO_ON)}\n" if keeps else "")
    left = {"params": params, "control": _short(control), "missing": unclear, "phase": PREVIEWED, "plan": {}}
    return {"answer": text} | ((left | ({"run_id": ""} if fresh else {})) if keeps else {})


def goes_on(state: GraphState, text: str) -> bool:
    """刚看过预演，说的是照它做。"""
    if state.get("phase") != PREVIEWED:
        return False
    try:
        return read_plan_decision(text) is Decision.APPROVE
    except InvalidInputError:
        return False


def _request(services: Services, params: Mapping[str, str], control: Mapping[str, Any], run_id: str) -> RunRequest:
    """预演的输入，与真要登记的一样；缺了参数的先说缺什么。"""
    environment = services.settings.params()
    rules = validate_control(control)
    strategy = rules.pop("execution_strategy", str(DEFAULT_STRATEGY))
    return RunRequest(
        params=normalize_params(params, environment),
        execution_strategy=strategy,
        run_id=run_id,
        environment=environment,
        control_params=rules,
    )


def _text(services: Services, request: RunRequest, notes: Sequence[str]) -> str:
    """计划的原文；没有读到的，照所说的拟一份，说明没有读到什么。"""
    try:
        plan = rehearse(services, request, notes)
    except (GlobalStepError, EmptyScopeError) as error:
        offline = render_preview(
            {str(name): str(value) for name, value in request.params.items()},
            request.execution_strategy,
            build_action_backends(request.execution_strategy),
        )
        return "\n".join(
            [offline, markdown_safe(tr("没有读到：{error}", error=error)), tr(_UNREAD), *map(markdown_safe, notes)]
        )
    return str(plan["text"]).replace(tr("## PAM 部署计划"), tr("## PAM 部署预演"), 1)


def _short(control: Mapping[str, Any]) -> dict[str, Any]:
    """检查点里不放长长的工作站清单，只放范围。"""
    lists = {name: value for name, value in control.items() if isinstance(value, list) and name.endswith("_ips")}
    return {**control, **{name: compress_ips(value) for name, value in lists.items() if value}}
