"""问人的话：三种中断的内容（contract 第 5 节）；人的回答由 ``answers`` 读。

内容同时满足 LangGraph 审阅界面的模式（``action_requests`` 与 ``review_configs``）。
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pam_deploy_graph.constants import (
    PLAN_DECISIONS,
    REQUIRED_PARAMS,
    REVIEW_DECISIONS,
    Ask,
    Decision,
    IpStatus,
    RollbackStatus,
)
from pam_deploy_graph.flows.diagnosis import same_cause
from pam_deploy_graph.flows.service_state import UNKNOWN, version_text
from pam_deploy_graph.inputs.addresses import with_name
from pam_deploy_graph.system.safe_text import markdown_safe

_NAMED: Final = {
    "AIRPORT_CODE": "哪座机场",
    "APP_NAME": "哪个应用",
    "MODULE_NAME": "哪个模块",
    "VERSION_NUMBER": "哪个版本",
    "PACKAGE_PATH": "安装包在哪里；也可以改说 HOME 有的版本",
    "target_ips": "要做哪几台",
    "exclude_ips": "不做哪几台",
}
_MOST_SPOKEN: Final = 20
_ANSWERS: Final = {str(Decision.APPROVE): "同意", str(Decision.REJECT): "拒绝", str(Decision.RETRY): "重试"}


def ask_params(missing: Sequence[str], known: Mapping[str, str], notes: Sequence[str], problem: str) -> dict[str, Any]:
    """要参数的问题（``provide_params``）。"""
    told = "、".join(f"{name} {known[name]}" for name in REQUIRED_PARAMS if known.get(name))
    text = f"还缺 {'、'.join(_glossed(name) for name in missing)}，请补充。" if missing else "请补充。"
    if len(missing) > 1 and missing[0] in _NAMED:
        text += f"先说{_NAMED[missing[0]]}就行，也可以一句话说完。"
    description = "\n".join(filter(None, [problem, *notes, f"已知 {told}。" if told else "", text]))
    form = {name: known.get(name, "") for name in dict.fromkeys([*known, *missing])}
    more = {"missing": list(missing), "known": dict(known), "notes": list(notes), "problem": problem}
    return _review(Ask.PARAMS, [form], [description], []) | more


def _glossed(name: str) -> str:
    """参数名，连同它问的是什么。"""
    return f"{name}（{_NAMED[name]}）" if name in _NAMED else name


def ask_plan(plan: Mapping[str, Any], problem: str) -> dict[str, Any]:
    """批准计划的问题（``approve_plan``）。"""
    args = {"run_id": plan["run_id"], "digest": plan["digest"], "summary": plan["summary"]}
    description = "\n".join(filter(None, [problem, plan["text"], f"摘要: {plan['digest'][:12]}"]))
    shown = _review(Ask.PLAN, [args], [description], PLAN_DECISIONS)
    return shown | args | {"plan": dict(plan), "problem": problem, "allowed_decisions": PLAN_DECISIONS}


def ask_rollback(
    run_id: str, waiting: Sequence[Mapping[str, Any]], problem: str, *, first_line: str = ""
) -> dict[str, Any]:
    """回滚的问题（``rollback-ip``）：列出每一台等决定的工作站；顶层的键说的是第一台。

    ``first_line`` 是停用的几台（contract 第 8 节），说在最前面。
    """
    descriptions = [_describe(question) for question in waiting]
    allowed = [d for d in _ANSWERS if any(d in question["allowed_decisions"] for question in waiting)]
    reviewable = [decision for decision in REVIEW_DECISIONS if decision in allowed]
    shown = _review(Ask.ROLLBACK, [dict(question) for question in waiting], descriptions, reviewable)
    more = {"run_id": run_id, "waiting": list(waiting), "problem": problem, "allowed_decisions": allowed}
    headline = "\n".join(filter(None, [first_line, _headline(waiting)]))
    return {**waiting[0], **shown, **more, "headline": headline, "out_of_service": first_line}


def asking(confirm: Mapping[str, str]) -> dict[str, Any]:
    """要人再说一遍才做的事，附在同一个问题里：``{"confirm": {"intent", "costs"}}``；没有就什么也不附。"""
    return {"confirm": {name: confirm[name] for name in ("intent", "costs")}} if confirm else {}


def spoken(question: Mapping[str, Any]) -> str:
    """问题写成一段话，供聊天界面显示。"""
    descriptions = [request["description"] for request in question["action_requests"]]
    shown = descriptions[:_MOST_SPOKEN]
    problem = question["problem"] if question["ask"] == Ask.ROLLBACK else ""
    left = [f"……还有 {len(descriptions) - len(shown)} 台"] if len(descriptions) > len(shown) else []
    return "\n".join(filter(None, [question.get("headline", ""), *shown, *left, problem]))


def _review(ask: Ask, args: Iterable[Any], descriptions: Iterable[str], decisions: list[str]) -> dict[str, Any]:
    """审阅界面的模式，外加 ``ask`` 与 ``type``。"""
    name = str(ask)
    requests = [{"name": name, "args": a, "description": d} for a, d in zip(args, descriptions, strict=True)]
    config = {"action_name": name, "allowed_decisions": decisions or ["edit"]}
    return {"ask": name, "type": name, "action_requests": requests, "review_configs": [config]}


def _headline(waiting: Sequence[Mapping[str, Any]]) -> str:
    """几台是同一个毛病时，先说这一句。"""
    failed = [question for question in waiting if question["failed_stage"]]  # 操作员要退回的不是毛病
    groups = [(cause, ips) for cause, ips in same_cause(failed) if len(ips) > 1]
    lines = [
        f"{len(ips)} 台同样的原因（{markdown_safe(cause)}）。是版本的问题，还是环境的问题？" for cause, ips in groups
    ]
    return "\n".join(lines)


def _describe(question: Mapping[str, Any]) -> str:
    """一台工作站的问题，写给人看：停在哪里、此刻的真相、每种回答做什么，都照读回来的说。"""
    state = "结果未知" if question.get("status") == IpStatus.IN_DOUBT else "失败"
    where = f"在 {question['failed_stage']} {state}：" if question["failed_stage"] else ""
    diagnosis = question.get("diagnosis") or {"summary": "", "evidence": []}
    lines = [
        f"{_named(question)} {where}{markdown_safe(question['failure_reason'])}。怎么办？",
        f"  {_truth(question)}",
    ]
    if question.get("rollback_status") == RollbackStatus.FAILED:
        lines.append(f"  上次回滚没有成功：{markdown_safe(question.get('rollback_failure') or '没有说明原因')}")
    lines += [
        f"  {markdown_safe(note)}" for note in filter(None, [question.get("changed"), *question.get("cautions", ())])
    ]
    lines += [f"  {_ANSWERS[decision]}：{markdown_safe(does)}" for decision, does in question["effects"].items()]
    lines += [f"  不能同意回滚：{markdown_safe(question['no_approve'])}"] if question["no_approve"] else []
    lines += [f"  可能的原因: {diagnosis['summary']}"] if diagnosis["summary"] else []
    lines += [f"  {item['file']}:{item['line']}: {markdown_safe(item['quote'])}" for item in diagnosis["evidence"]]
    return "\n".join(lines)


def _named(question: Mapping[str, Any]) -> str:
    """地址连同名称。"""
    return markdown_safe(with_name(question["ip"], {question["ip"]: question.get("name", "")}))


def _truth(question: Mapping[str, Any]) -> str:
    """最后读回的真相，一行。"""
    before, now = (markdown_safe(version_text(question[name])) for name in ("version_before", "version_now"))
    running = {True: "在运行", False: "已停止", None: UNKNOWN}[question["running"]]
    aim = f"要装 {question['wanted']}" if question["failed_stage"] else f"要退回 {question['to_version']}"
    return f"开工前 {before}，此刻 {now}（{running}），{aim}"
