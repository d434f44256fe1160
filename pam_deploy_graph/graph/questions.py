"""问人的话：三种中断的内容（contract 第 5 节）；人的回答由 ``answers`` 读。

内容同时满足 LangGraph 审阅界面的模式（``action_requests`` 与 ``review_configs``）。
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pam_deploy_graph.constants import (
    CONFIRM,
    PLAN_DECISIONS,
    REQUIRED_PARAMS,
    REVIEW_DECISIONS,
    WORDS,
    Ask,
)
from pam_deploy_graph.flows.diagnosis import same_cause
from pam_deploy_graph.i18n import Worded, tr
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.report.decision_text import coverage, describe, group_alike
from pam_deploy_graph.report.plan_text import CALLED

_NAMED: Final = Worded(
    {
        "AIRPORT_CODE": "哪座机场",
        "APP_NAME": "哪个应用",
        "MODULE_NAME": "哪个模块",
        "VERSION_NUMBER": "哪个版本",
        "PACKAGE_PATH": "安装包在哪里；也可以改说 HOME 有的版本",
        "target_ips": "要做哪几台",
        "exclude_ips": "不做哪几台",
    }
)
_MOST_SPOKEN: Final = 20


def ask_params(missing: Sequence[str], known: Mapping[str, str], notes: Sequence[str], problem: str) -> dict[str, Any]:
    """要参数的问题（``provide_params``）。"""
    told = tr("、").join(f"{CALLED[name]} {known[name]}" for name in REQUIRED_PARAMS if known.get(name))
    text = (
        tr("还缺 {missing}，请补充。", missing=tr("、").join(_glossed(name) for name in missing))
        if missing
        else tr("请补充。")
    )
    if len(missing) > 1 and missing[0] in _NAMED:
        text += tr("先说{named}就行，也可以一句话说完。", named=_NAMED[missing[0]])
    description = "\n".join(filter(None, [problem, *notes, tr("已知 {told}。", told=told) if told else "", text]))
    form = {name: known.get(name, "") for name in dict.fromkeys([*known, *missing])}
    more = {"missing": list(missing), "known": dict(known), "notes": list(notes), "problem": problem}
    return _review(Ask.PARAMS, [form], [description], []) | more


def _glossed(name: str) -> str:
    """参数名，连同它问的是什么。"""
    return tr("{name}（{named}）", name=name, named=_NAMED[name]) if name in _NAMED else name


def ask_plan(plan: Mapping[str, Any], problem: str) -> dict[str, Any]:
    """批准计划的问题（``approve_plan``）。"""
    args = {"run_id": plan["run_id"], "digest": plan["digest"], "summary": plan["summary"]}
    description = "\n".join(filter(None, [problem, plan["text"], tr("摘要: {digest}", digest=plan["digest"][:12])]))
    shown = _review(Ask.PLAN, [{"run_id": plan["run_id"], "summary": plan["summary"]}], [description], PLAN_DECISIONS)
    return shown | args | {"plan": dict(plan), "problem": problem, "allowed_decisions": PLAN_DECISIONS}


def ask_rollback(
    run_id: str, waiting: Sequence[Mapping[str, Any]], problem: str, *, first_line: str = ""
) -> dict[str, Any]:
    """回滚的问题（``rollback-ip``）：列出每一台等决定的工作站；顶层的键说的是第一台。

    ``first_line`` 是停用的几台（contract 第 8 节），说在最前面。
    """
    each, groups = [one for question in waiting for one in group_alike([question])], group_alike(waiting)
    descriptions = [describe(one, WORDS) for one in each]
    allowed = [d for d in WORDS if any(d in question["allowed_decisions"] for question in waiting)]
    reviewable = [decision for decision in REVIEW_DECISIONS if decision in allowed]
    shown = _review(Ask.ROLLBACK, [{"ip": question["ip"]} for question in waiting], descriptions, reviewable)
    more = {"run_id": run_id, "waiting": list(waiting), "problem": problem, "allowed_decisions": allowed}
    more |= {"groups": [group.data() for group in groups], "covers": coverage(waiting)}
    headline = "\n".join(filter(None, [first_line, _headline(waiting)]))
    said = "\n".join(describe(group, WORDS) for group in groups[:_MOST_SPOKEN])
    return {**waiting[0], **shown, **more, "headline": headline, "out_of_service": first_line, "text": said}


def ask_confirm(run_id: str, confirm: Mapping[str, str]) -> dict[str, Any]:
    """没有别的问题等着时，要人再说一遍（``confirm``）：接着做、取消这次运行，连同代价；答「确认」或「不」。"""
    text = sure_text(confirm["costs"])
    shown = _review(CONFIRM, [{"run_id": run_id}], [text], PLAN_DECISIONS)
    return shown | {"run_id": run_id, "problem": text, "allowed_decisions": PLAN_DECISIONS} | asking(confirm)


def sure_text(costs: str) -> str:
    """说出代价，以及怎样算确定。"""
    return tr("{costs}确定就说「确认」，别的话都当作没有要求过。", costs=costs)


def asking(confirm: Mapping[str, str]) -> dict[str, Any]:
    """要人再说一遍才做的事，附在同一个问题里：``{"confirm": {"intent", "costs"}}``；没有就什么也不附。"""
    return {"confirm": {name: confirm[name] for name in ("intent", "costs")}} if confirm else {}


def spoken(question: Mapping[str, Any]) -> str:
    """问题写成一段话，供聊天界面显示；情形相同的工作站只说一次。"""
    if question["ask"] != Ask.ROLLBACK:
        return "\n".join(str(request["description"]) for request in question["action_requests"])
    left = len(question["groups"]) - _MOST_SPOKEN
    more = tr("……还有 {left} 种情形", left=left) if left > 0 else ""
    lines = [question["headline"], question["text"], more, question["covers"], question["problem"]]
    return "\n".join(filter(None, lines))


def _review(ask: str, args: Iterable[Any], descriptions: Iterable[str], decisions: list[str]) -> dict[str, Any]:
    """审阅界面的模式，外加 ``ask`` 与 ``type``；``args`` 由界面逐项画出来，只放人读的。"""
    name = str(ask)
    requests = [{"name": name, "args": a, "description": d} for a, d in zip(args, descriptions, strict=True)]
    config = {"action_name": name, "allowed_decisions": decisions or ["edit"]}
    return {"ask": name, "type": name, "action_requests": requests, "review_configs": [config]}


def _headline(waiting: Sequence[Mapping[str, Any]]) -> str:
    """几台是同一个毛病时，先说这一句。"""
    failed = [question for question in waiting if question["failed_stage"]]  # 操作员要退回的不是毛病
    groups = [ips for _, ips in same_cause(failed) if len(ips) > 1]
    lines = [
        tr("{n} 台同样的原因（{show_ips}）。是版本的问题，还是环境的问题？", n=len(ips), show_ips=show_ips(ips))
        for ips in groups
    ]
    return "\n".join(lines)
