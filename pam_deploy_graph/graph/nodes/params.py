"""节点 ``params``：从原话摘出参数，与已知的合并、检查，算出还缺什么。"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage

from pam_deploy_graph.constants import REQUIRED_PARAMS
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.questions import ask_params, spoken
from pam_deploy_graph.graph.spoken_home import home_to_use
from pam_deploy_graph.graph.standing import left_here
from pam_deploy_graph.graph.state import GraphState, words_of
from pam_deploy_graph.home.run_files import unused_run_id
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import compress_ips
from pam_deploy_graph.inputs.parameters import missing_params, validate_control, validate_params, validate_run_id
from pam_deploy_graph.inventory import name_scopes
from pam_deploy_graph.llm import merge_control, wants_all
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.safe_text import show_value

_SHOWN_TEXT: Final = 40
_SCOPES: Final = ("target_ips", "exclude_ips")
_CHOOSES: Final = re.compile(r"[只仅做升装留]|部署|更新|only|just|deploy|install|upgrade", re.IGNORECASE)
"""说了要做什么的，不是光秃秃的几台。"""
_EXAMPLES: Final = {"params": '{"AIRPORT_CODE": "PEK"}', "control": '{"canary": 1}'}


def params_node(services: Services, state: GraphState) -> dict[str, Any]:
    """合并并检查参数；不合规则的值不要，原因记进 ``problem``。

    运行名在这里取好并随检查点存下，之后的节点重跑也不会登记两次。
    """
    notes, problems = list(state.get("notes") or []), [state.get("problem", "")]
    known, given = (_mapping(name, state.get(name), problems) for name in ("params", "control"))
    control = _addressed(services, given, problems)
    refused = {*given} - {*control}
    said = words_of(state)
    asked = [name for name in state.get("missing") or [] if name not in REQUIRED_PARAMS]
    unresolved = [name for name in asked if name.islower()]  # 答了键值的，还缺哪个部署参数要重新查过
    for text in (new := said[state.get("heard", 0) :]):
        found = services.llm_client.extract_params(text, known | _shown(state))
        known |= found.extracted_params
        told = _answering(asked, found.control_params, text)
        control = merge_control(control, told, text)
        notes = list(found.notes)
        unresolved = [name for name in found.missing_params if name not in REQUIRED_PARAMS]
        unresolved += [name for name in _still_open(asked, told, text) if name not in unresolved]
        if state.get("plan") and not (found.extracted_params or found.control_params):
            unresolved = []  # 计划在问着：没有听出改什么就照旧，缘由在 notes 里
        told_something = found.extracted_params or found.control_params or notes or unresolved or wants_all(text)
        if state.get("missing") and not told_something:
            problems.append(_unheard(text))
            unresolved = asked
    home = home_to_use(services, state, _accepted(known, validate_params, problems), new)
    problems.append(home.problem)
    update: dict[str, Any] = {
        "home_asked": home.asked,
        "params": home.params,
        "control": _short_scopes(_accepted(control, validate_control, problems)),
        "notes": notes,
        "heard": len(said),
        "problem": "\n".join(filter(None, problems)),
        "run_id": validate_run_id(state.get("run_id") or left_here(services) or unused_run_id(services.ledger.exists)),
    }
    heard_now = len(said) > state.get("heard", 0)  # 这一句话没有说清的照问；答了键值的，给了的不再问
    left = [name for name in unresolved if heard_now or name not in control]
    refused |= {*control} - {*update["control"]}
    left += [name for name in _SCOPES if name in refused - {*left}]  # 范围不合规则，不当作全部
    update["missing"] = missing_params(update["params"]) + left
    asking = {"phase": "params"} if update["missing"] or update["problem"] else {}
    return update | asking | {"messages": _question(update)}


def _unheard(text: str) -> str:
    """一句没有听出说的是哪一项。"""
    return tr("没有听出「{text}」说的是哪一项；可以写成「模块 gate」这样", text=text.strip()[:_SHOWN_TEXT])


def _still_open(asked: Sequence[str], told: Mapping[str, Any], text: str) -> list[str]:
    """先前没有说清的限度与范围，答了别的也还没有说清；说了「全部」、点了名的，范围就清楚了。"""
    scoped = wants_all(text) or any(name in told for name in _SCOPES)
    return [name for name in asked if name.islower() and name not in told and not (scoped and name in _SCOPES)]


def _answering(asked: Sequence[str], told: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """只问了不做哪几台的，光秃秃的几台答的就是它。"""
    spared, wanted = _SCOPES[1], _SCOPES[0]
    if spared in asked and wanted not in asked and list(told) == [wanted] and not _CHOOSES.search(text):
        return {spared: told[wanted]}
    return told


def _shown(state: GraphState) -> dict[str, Any]:
    """计划上的工作站：回答里的「.6」「6 号」说的是它们。"""
    shown = (state.get("plan") or {}).get("target_ips")
    return {"target_ips": shown} if shown else {}


def _mapping(name: str, given: object, problems: list[str]) -> dict[str, Any]:
    """现成的输入要是键值映射；不是的不要，原因加进 ``problems``。"""
    if isinstance(given, Mapping):
        return dict(given)
    if given:
        problems.append(
            tr(
                "输入 {name} 的值 {given} 应为键值映射，例如 {examples}",
                name=name,
                given=show_value(given),
                examples=_EXAMPLES[name],
            )
        )
    return {}


def _addressed(services: Services, control: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """现成的范围里的名称换成地址；认不得的不要，原因加进 ``problems``。"""
    try:
        return name_scopes(control, services.inventory)
    except InvalidInputError as error:
        problems.append(str(error))
        return {name: value for name, value in control.items() if name not in _SCOPES}


def _question(update: Mapping[str, Any]) -> list[AIMessage]:
    """要问的话；不必问时为空。"""
    if not (update["missing"] or update["problem"]):
        return []
    return [AIMessage(spoken(ask_params(update["missing"], update["params"], update["notes"], update["problem"])))]


def _short_scopes(control: Mapping[str, Any]) -> dict[str, Any]:
    """检查点里不放长长的工作站清单，只放范围；空的清单还是空的清单。"""
    return {name: compress_ips(value) if value and name.endswith("_ips") else value for name, value in control.items()}


def _accepted(
    given: Mapping[str, Any], check: Callable[[Mapping[str, Any]], dict[str, Any]], problems: list[str]
) -> dict[str, Any]:
    """逐个检查，留下合规则的；其余的原因加进 ``problems``。"""
    accepted: dict[str, Any] = {}
    for name, value in given.items():
        try:
            accepted |= check({name: value})
        except InvalidInputError as error:
            problems.append(str(error))
    return accepted
