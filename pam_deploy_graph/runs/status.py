"""一次运行此刻的处境：从账本折叠得出，别的进程正在跑时也准。"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from pam_deploy_graph.constants import REQUIRED_PARAMS, Ask, Decision, RollbackStatus
from pam_deploy_graph.errors import LedgerDamagedError, RunNotFoundError
from pam_deploy_graph.flows.dispatch import unfinished_ips
from pam_deploy_graph.flows.rollout import not_reached, not_reached_text
from pam_deploy_graph.flows.service_state import out_of_service, running_text, service_line, truth_of, version_text
from pam_deploy_graph.i18n import Worded, msgid, tr
from pam_deploy_graph.inputs.addresses import with_name
from pam_deploy_graph.inventory import EMPTY, Inventory
from pam_deploy_graph.ledger import Ledger, RunRecord
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.code_words import bare_reason, word_of
from pam_deploy_graph.report.decision_text import describe, group_alike
from pam_deploy_graph.report.summary import counts
from pam_deploy_graph.runs.open_questions import asked_questions, open_questions
from pam_deploy_graph.system.safe_text import printable

_NEXT: Final = {
    "waiting": msgid("confirm {run_id} --approve{code}（或 {others}），然后 resume {run_id}"),
    "decided": "resume {run_id}",
    "interrupted": "resume {run_id}",
    "running": msgid("稍后再看；要取消就用 cancel {run_id}"),
    "finished": "report {run_id}",
}
_COUNTS: Final = Worded(
    {
        "targets": "目标",
        "succeeded": "成功",
        "recalled": "已退回",
        "failed": "失败",
        "running": "进行中",
        "not_started": "未开工",
        "pending": "待确认",
        "missing": "不在线",
    }
)
_ONLY_SOME: Final = frozenset({"recalled"})
"""没有就不提的数。"""
_MOST_NAMED: Final = 50
_OPTIONS: Final = {str(decision): f"--{decision}" for decision in Decision}
SHORT_DIGEST: Final = 12
"""写给人看的摘要有几位。"""
PHASES: Final = Worded(
    {
        "waiting": "等人决定",
        "decided": "已有决定，等着执行",
        "interrupted": "已中断",
        "running": "正在进行",
        "finished": "已结束",
    }
)


def standing(ledger: Ledger, run_id: str = "", inventory: Inventory = EMPTY) -> dict[str, Any]:
    """返回一次运行的处境。

    Args:
        ledger: 账本。
        run_id: 运行名；空串是最近一次。
        inventory: 提出计划时没有名称的，用它显示。

    Raises:
        RunNotFoundError: 没有这次运行，或还没有任何运行。

    """
    if not run_id:
        return _latest_standing(ledger, inventory)
    record = ledger.get_run(run_id)
    return standing_of(ledger, record, inventory.lend_names(ledger.load_state(run_id, keep_events=False)))


def standing_of(ledger: Ledger, record: RunRecord, state: AgentState) -> dict[str, Any]:
    """同上，登记与状态已经读好。"""
    run_id = record.run_id
    waiting = open_questions(ledger, state) if record.exit_code is None else []
    phase = phase_of(ledger, record, state, waiting=bool(waiting))
    return {
        "first_line": service_line(state, idle=phase != "running"),
        "run_id": run_id,
        "phase": phase,
        "exit_code": record.exit_code,
        "reason": record.reason or "",
        "holder": ledger.holder(run_id),
        "params": state.params,
        "execution_strategy": state.execution_strategy,
        "counts": counts(state),
        "out_of_service": out_of_service(state),
        "not_reached": not_reached(state),
        "names": _names(state),
        "truth": {ip: truth_of(state.ip_states[ip]) for ip in islice(_told_of(state), _MOST_NAMED)},
        "completed_global_steps": state.completed_global_steps,
        "running_ips": unfinished_ips(state)[:_MOST_NAMED],
        "unsuccessful": _unsuccessful(state),
        "missing_ips": state.missing_ips,
        "rollback_of": record.input.get("rollback_of", ""),
        "failed_of": state.control_params.get("failed_of", ""),
        "waiting": waiting,
        "next": next_step(phase, run_id, plan_digest=_plan_digest(waiting)),
        "damaged": {},
    }


def _names(state: AgentState) -> dict[str, str]:
    """要说到的各台的名称。"""
    told = {*islice(_told_of(state), _MOST_NAMED), *_unsuccessful(state), *unfinished_ips(state), *state.missing_ips}
    return {ip: name for ip, name in state.names.items() if ip in told}


def _latest_standing(ledger: Ledger, inventory: Inventory) -> dict[str, Any]:
    """最近一次读得下去的运行的处境；比它更近而记录已损坏的在 ``damaged`` 里，各有原因。

    Raises:
        RunNotFoundError: 还没有任何运行。
        LedgerDamagedError: 没有一次读得下去。

    """
    damaged: dict[str, LedgerDamagedError] = {}
    for run in ledger.list_runs():
        try:
            found = standing(ledger, run.run_id, inventory)
        except LedgerDamagedError as error:
            damaged[run.run_id] = error
        else:
            return found | {"damaged": {name: str(error) for name, error in damaged.items()}}
    raise next(iter(damaged.values()), RunNotFoundError())


def next_step(phase: str, run_id: str, *, plan_digest: str = "") -> str:
    """这种处境下的下一步；等的是计划的给出它的摘要，计划不能 ``--retry``。"""
    code = f" --digest {plan_digest[:SHORT_DIGEST]}" if plan_digest else ""
    others = "--reject" if plan_digest else tr("--reject、--retry")
    return tr(_NEXT[phase], run_id=run_id, code=code, others=others)


def _plan_digest(waiting: list[dict[str, Any]]) -> str:
    """等着的是计划的，它的摘要；不是的为空串。"""
    return str(waiting[0]["digest"]) if waiting and waiting[0]["type"] == Ask.PLAN else ""


def render_standing(found: dict[str, Any], *, brief: bool = False) -> str:
    """把处境写给人看；``brief`` 时不说等着的问题与下一步的命令（对话里问题就在眼前）。"""
    count, params = found["counts"], found["params"]
    what = " ".join(params[name] for name in REQUIRED_PARAMS)
    lines = [found["first_line"]] if found["first_line"] else []
    lines += [tr("注意: {why}", why=why) for why in found["damaged"].values()]
    lines += (
        [tr("最近一次读得下去的是 {run_id}；其余的用 runs 查看", run_id=found["run_id"])] if found["damaged"] else []
    )
    lines += [
        tr("运行 {run_id}: {phases}", run_id=found["run_id"], phases=PHASES[found["phase"]])
        + (tr("（{reason}）", reason=found["reason"]) if found["reason"] else ""),
        (
            tr("退回: 到运行 {rollback_of} 之前，", rollback_of=found["rollback_of"])
            if found["rollback_of"]
            else tr("部署: ")
        )
        + tr("{what}（{execution_strategy}）", what=what, execution_strategy=found["execution_strategy"]),
        tr("，").join(
            f"{word} {count[name]}" for name, word in _COUNTS.items() if count[name] or name not in _ONLY_SOME
        ),
    ]
    lines += [tr("正由{holder}执行", holder=found["holder"])] if found["holder"] else []
    if brief:
        return "\n".join(lines)
    label = partial(with_name, names=found["names"])
    lines += [tr("重做运行 {failed_of} 里没有成功的", failed_of=found["failed_of"])] if found["failed_of"] else []
    lines += show_questions(found["waiting"])
    lines += (
        []
        if found["waiting"]
        else [tr("没有成功: {label} {why}", label=label(ip), why=why) for ip, why in found["unsuccessful"].items()]
    )
    if found["not_reached"] and found["exit_code"] is None:
        lines.append(not_reached_text(found["not_reached"], found["names"]))
    lines += [_truth(label(ip), truth, params["MODULE_NAME"]) for ip, truth in found["truth"].items()]
    lines.append(tr("下一步: {next}", next=found["next"]))
    return "\n".join(printable(line) for text in lines for line in text.split("\n"))


def latest_unfinished(ledger: Ledger) -> str:
    """返回最近一次没有结束的运行；没有为空串。"""
    return next((run.run_id for run in ledger.list_runs() if run.exit_code is None), "")


def phase_of(ledger: Ledger, record: RunRecord, state: AgentState, *, waiting: bool) -> str:
    """此刻属于哪一种处境。"""
    if record.exit_code is not None:
        return "finished"
    if ledger.holder(record.run_id):
        return "running"
    if waiting:
        return "waiting"
    return "decided" if asked_questions(ledger, state) else "interrupted"


def _unsuccessful(state: AgentState) -> dict[str, str]:
    """有了结果而没有成功的工作站（最多列这么多台）：停在哪一步、为什么。"""
    bad = ((ip, w) for ip, w in state.ip_states.items() if w.tally == "failed")
    over = state.exit_code is not None
    return {ip: _why(ip, w, over=over) for ip, w in islice(bad, _MOST_NAMED)}


def _why(ip: str, workstation: Mapping[str, Any], *, over: bool) -> str:
    """停在哪一步、为什么、后来怎样了。"""
    stage, rollback = workstation["failed_stage"], workstation["rollback_status"]
    then = "" if rollback == RollbackStatus.NOT_RUN else tr("（{word_of}）", word_of=word_of(rollback, over=over))
    return f"{stage}: {bare_reason(workstation['failure_reason'], stage, ip)}{then}"


def _told_of(state: AgentState) -> Iterator[str]:
    """值得说出真相的工作站：没有成功的、等人决定的、停用的。"""
    for ip, workstation in state.ip_states.items():
        fine = workstation.tally == "succeeded" and not workstation.awaits_decision
        if (workstation["running_before"] or workstation["read_at"]) and not (
            fine and workstation["running"] == "true"
        ):
            yield ip


def _truth(ip: str, truth: dict[str, Any], module: str) -> str:
    """一台最后读回的真相。"""
    before, now = (version_text(truth[name]) for name in ("version_before", "version_now"))
    return tr(
        "{ip} 开工前 {before}，此刻 {now}，{running_text}",
        ip=ip,
        before=before,
        now=now,
        running_text=running_text(truth["running"], module),
    )


def show_questions(questions: Sequence[dict[str, Any]]) -> list[str]:
    """等着的问题，情形相同的工作站并在一起，连同 ``confirm --digest`` 用的摘要。"""
    lines: list[str] = []
    for question in (one for one in questions if one["type"] == Ask.PLAN):
        lines.append(tr("等批准: 计划（摘要 {digest}）", digest=question["digest"][:SHORT_DIGEST]))
        lines += map(printable, question["text"].splitlines())
    codes = {str(one["ip"]): str(one["digest"]) for one in questions if one["type"] != Ask.PLAN}
    for group in group_alike(one for one in questions if one["type"] != Ask.PLAN):
        told = tr("、").join(codes[ip][:SHORT_DIGEST] for ip in group.ips[:_MOST_NAMED])
        lines += [tr("等决定（摘要 {told}）:", told=told), *describe(group, _OPTIONS).splitlines()]
    return lines
