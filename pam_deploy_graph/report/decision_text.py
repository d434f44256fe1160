"""等人决定的工作站写给人看：情形相同的并成一组，每组说一次停在哪里、此刻怎样、每种回答做什么（纯函数）。

对话里的问题、``status`` 与 ``confirm`` 用的是同一段话，只是回答的叫法不同。
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from pam_deploy_graph.constants import Ask, Decision, IpStatus, RollbackStatus
from pam_deploy_graph.flows.diagnosis import cause_of, without_ip
from pam_deploy_graph.flows.service_state import version_text
from pam_deploy_graph.i18n import Worded, tr
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.report.code_words import bare_reason
from pam_deploy_graph.system.safe_text import markdown_safe
from pam_deploy_graph.system.shown_time import zoned_clock

_RUNNING: Final = Worded({True: "在运行", False: "已停止", None: "在不在运行未知"})
_SAME: Final = ("status", "rollback_status", "version_before", "version_now", "running", "wanted", "to_version")
_ALIKE: Final = ("effects", "no_approve", "cautions", "changed", "rollback_failure")
_LOG_HEAD: Final = re.compile(r"^\S*\d\d:\d\d:\d\d\S*\s*(?:\[\w+\]\s*)?")
_PATH_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Alike:
    """情形相同的几台；``question`` 是头一台的。"""

    ips: list[str]
    names: dict[str, str]
    question: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """为什么停下；几台时地址写成占位，已经说过的步骤与地址不再说。"""
        ip, asked = self.ips[0], self.question
        said = bare_reason(asked["failure_reason"], asked["failed_stage"], ip)
        return without_ip(said, ip) if len(self.ips) > 1 else said

    def data(self) -> dict[str, Any]:
        """给界面画的数据。"""
        asked = self.question
        shown = {name: asked[name] for name in ("failed_stage", "allowed_decisions", "effects")}
        return {"ips": self.ips, "failure_reason": self.reason, **shown}


def group_alike(waiting: Iterable[Mapping[str, Any]]) -> list[Alike]:
    """把情形相同的工作站并成一组：停在同一步、同样的原因、此刻同样、每种回答做的也同样；台数多的在前。"""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for question in waiting:
        groups.setdefault(_situation(question), []).append(question)
    made = [
        Alike([str(one["ip"]) for one in same], {one["ip"]: one["name"] for one in same if one.get("name")}, same[0])
        for same in groups.values()
    ]
    return sorted(made, key=lambda group: -len(group.ips))


def describe(group: Alike, labels: Mapping[str, str]) -> str:
    """一组写给人看；``labels`` 是各种回答的叫法。"""
    question = group.question
    lines = [_failure(group), f"  {_truth(group)}"]
    if question.get("rollback_status") == RollbackStatus.FAILED:
        why = bare_reason(question.get("rollback_failure") or tr("没有说明原因"), Ask.ROLLBACK, group.ips[0])
        lines.append(tr("  上次回滚没有成功：{why}", why=why))
    lines += [f"  {note}" for note in filter(None, [question.get("changed"), *question.get("cautions", ())])]
    lines += [
        tr("  {labels}：{does}", labels=labels[decision], does=does) for decision, does in question["effects"].items()
    ]
    lines += (
        [tr("  不能{approve}：{no_approve}", approve=labels["approve"], no_approve=question["no_approve"])]
        if question["no_approve"]
        else []
    )
    return "\n".join([*map(markdown_safe, lines), *_evidence(group)])


def coverage(waiting: Sequence[Mapping[str, Any]]) -> str:
    """不点名的回答管哪几台；只有一台时不必说。"""
    if len(waiting) <= 1:
        return ""
    ips = [str(question["ip"]) for question in waiting]
    may_retry = all(Decision.RETRY in question["allowed_decisions"] for question in waiting)
    example = tr("{ip} 回滚，其余{others}", ip=ips[0], others=tr("重试") if may_retry else tr("保持现状"))
    return tr(
        "不点名的回答管这 {n} 台：{show_ips}；只答几台就点名，如「{example}」。",
        n=len(ips),
        show_ips=show_ips(ips),
        example=example,
    )


def _situation(question: Mapping[str, Any]) -> str:
    """一台的情形，自己的地址与数字抹平。"""
    same = [question.get(name) for name in _SAME]
    alike = without_ip(json.dumps([question.get(name) for name in _ALIKE]), str(question["ip"]))
    return json.dumps([cause_of(str(question["ip"]), question), same, alike])


def _failure(group: Alike) -> str:
    """哪几台、停在哪一步、为什么。"""
    question = group.question
    who = show_ips(group.ips, group.names) + (tr("（{n} 台）", n=len(group.ips)) if len(group.ips) > 1 else "")
    state = tr("结果未知") if question.get("status") == IpStatus.IN_DOUBT else tr("失败")
    where = (
        tr("在 {failed_stage} {state}：", failed_stage=question["failed_stage"], state=state)
        if question["failed_stage"]
        else ""
    )
    return tr("{who} {where}{reason}。怎么办？", who=who, where=where, reason=group.reason)


def _truth(group: Alike) -> str:
    """最后读回的真相，连同何时读的。"""
    question = group.question
    before, now = (version_text(question[name]) for name in ("version_before", "version_now"))
    read = tr("，{zoned_clock} 读回", zoned_clock=zoned_clock(question["read_at"])) if question.get("read_at") else ""
    aim = (
        tr("要装 {wanted}", wanted=question["wanted"])
        if question["failed_stage"]
        else tr("要退回 {to_version}", to_version=question["to_version"])
    )
    return tr(
        "开工前 {before}，此刻 {now}（{running}{read}），{aim}",
        before=before,
        now=now,
        running=_RUNNING[question["running"]],
        read=read,
        aim=aim,
    )


def _evidence(group: Alike) -> list[str]:
    """可能的原因与日志里的依据；与原因说的是同一句的不再念。"""
    diagnosis = group.question.get("diagnosis") or {"summary": "", "evidence": []}
    reason = str(group.question["failure_reason"])
    failed = diagnosis["summary"] and group.question["failed_stage"]  # 做完了要退回的，没有失败的原因
    lines = [tr("  可能的原因: {summary}", summary=diagnosis["summary"])] if failed else []
    for item in diagnosis["evidence"]:
        told = _LOG_HEAD.sub("", item["quote"])
        if told not in reason and reason not in told:
            where = "/".join(PurePath(item["file"]).parts[-_PATH_PARTS:])
            lines.append(f"  {where}:{item['line']}: {markdown_safe(item['quote'])}")
    return lines
