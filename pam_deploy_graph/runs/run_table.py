"""已有的运行列成一张表：谁在何时把什么部署到哪里、走到哪里、在等什么；文字与 JSON 出自同一份。"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pam_deploy_graph.constants import Ask, ExitCode
from pam_deploy_graph.errors import LedgerDamagedError
from pam_deploy_graph.i18n import Worded, msgid, tr
from pam_deploy_graph.inputs.addresses import show_ips
from pam_deploy_graph.inventory import EMPTY
from pam_deploy_graph.ledger import Ledger, RunRecord, ending
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.policy import Policy
from pam_deploy_graph.report.summary import tally_of
from pam_deploy_graph.report.text_table import aligned, width_of
from pam_deploy_graph.runs.dark_counters import dark_counters, first_line, spoken_for_in
from pam_deploy_graph.runs.open_questions import open_questions
from pam_deploy_graph.runs.status import PHASES, phase_of
from pam_deploy_graph.system.account import name_of
from pam_deploy_graph.system.safe_text import printable
from pam_deploy_graph.system.shown_time import span, zoned_clock, zoned_moment

ENDINGS: Final = Worded(
    {
        ExitCode.DONE: "全部完成",
        ExitCode.FINISHED_WITH_FAILURES: "有失败",
        ExitCode.STOPPED: "已停止",
    }
)
_HEAD: Final = tuple(map(msgid, ("运行", "部署", "谁", "开始", "用时", "状态", "做完", "失败", "停用")))
_PARAMS: Final = ("AIRPORT_CODE", "APP_NAME", "MODULE_NAME", "VERSION_NUMBER")
_DAY_AND_MINUTE: Final = slice(5, 16)
_LOOKED_AT: Final = 200
"""停用的柜台往回看几次运行。"""


def list_runs(
    ledger: Ledger, policy: Policy, most: int, names: Mapping[str, str] = EMPTY.names
) -> list[dict[str, Any]]:
    """返回每次运行一行，新的在前；一次运行的记录坏了，不妨碍看别的。再早而还有停用的、不知道的柜台的，也在。

    Args:
        ledger: 账本。
        policy: 站点的策略；等的是谁，由它说。
        most: 至多几次，不算再早的那些。
        names: 地址 -> 名称；``first_line`` 里用，那里是这次运行留下的、还停用的与不知道的。

    """
    runs = ledger.list_runs(max(most, _LOOKED_AT))
    rows = [
        _done(run) if place >= most and run.exit_code == ExitCode.DONE else row_of(ledger, policy, run)
        for place, run in enumerate(runs)
    ]
    said = {dark.row["run_id"]: dark.said(names) for dark in dark_counters(rows, spoken_for_in(ledger))}
    shown = {run.run_id for run in runs[:most]} | said.keys()
    return [row | {"first_line": said.get(row["run_id"], "")} for row in rows if row["run_id"] in shown]


def _done(run: RunRecord) -> dict[str, Any]:
    """从前全部做完的一次：没有留下停用的，只看它说了算的是哪几台；不在表里，不必读事件。"""
    try:
        params = run.input["params"]
    except LedgerDamagedError:
        params = {}
    what = {name: params.get(key) for name, key in zip(_KEYS, _PARAMS, strict=False)}
    return dict.fromkeys(_KEYS) | what | {"run_id": run.run_id, "exit_code": run.exit_code}


def row_of(
    ledger: Ledger, policy: Policy, run: RunRecord, state_of: Callable[[str], AgentState] | None = None
) -> dict[str, Any]:
    """一次运行的一行；读不出的各项为 ``None``。``state_of`` 给出折叠好的状态，不给就从头折叠。"""
    known = {"run_id": run.run_id, "created_at": zoned_moment(run.created_at), "exit_code": run.exit_code}
    try:
        code, why = run.exit_code, run.reason or ""
        over = None if code is None else ending(ledger.engine, run.run_no, run.row, code, why)
        if over and "state_unknown" in over.get("tally", ()):  # 结束时数好了的，不必读全部事件
            return known | _told(run, run.input["params"], "finished", over["at"], over["tally"])
        return known | _folded(ledger, policy, run, state_of)
    except LedgerDamagedError:
        return known | dict.fromkeys(_KEYS) | {"standing": tr("记录已损坏，用 repair {run_id}", run_id=run.run_id)}


_KEYS: Final = (
    *("airport", "application", "module", "version", "rollback_of", "requested_by", "phase", "standing", "reason"),
    *("took_ms", "targets", "done", "failed", "out_of_service", "state_unknown", "holder", "waiting"),
)


def _folded(
    ledger: Ledger, policy: Policy, run: RunRecord, state_of: Callable[[str], AgentState] | None
) -> dict[str, Any]:
    """从全部事件折叠出的一行：还没有结束的，与结束时没有记下数目的。"""
    state = state_of(run.run_id) if state_of else ledger.load_state(run.run_id, keep_events=False)
    waiting = open_questions(ledger, state) if run.exit_code is None else []
    phase = phase_of(ledger, run, state, waiting=bool(waiting))
    until = (state.last_at or run.created_at) if phase == "finished" else now_ms()
    holder = ledger.holder(run.run_id)
    tally = tally_of(state, idle=holder is None)
    return _told(run, state.params, phase, until, tally) | {
        "holder": holder,
        "waiting": _waiting(policy, state, waiting),
    }


def _told(
    run: RunRecord, params: Mapping[str, str], phase: str, until: int, tally: Mapping[str, Any]
) -> dict[str, Any]:
    """一次读得下去的运行；``until`` 是算用时算到何时，``tally`` 见 ``tally_of``。"""
    found = dict(zip(_KEYS, (params[name] for name in _PARAMS), strict=False))
    return (
        dict.fromkeys(_KEYS)
        | found
        | {
            **tally,
            "rollback_of": run.input.get("rollback_of", ""),
            "phase": phase,
            "standing": PHASES[phase] if run.exit_code is None else ENDINGS.get(ExitCode(run.exit_code), PHASES[phase]),
            "reason": run.reason or "",
            "took_ms": until - run.created_at,
        }
    )


def _waiting(policy: Policy, state: AgentState, waiting: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """在等什么、等谁、从何时起；没有在等为 ``None``。策略没有说是谁的，``whom`` 为空：谁都可以。"""
    if not waiting:
        return None
    plan = waiting[0]["type"] == Ask.PLAN
    ips = [] if plan else [str(one["ip"]) for one in waiting]
    rule = policy.rule_for(state.params["AIRPORT_CODE"], state.params["APP_NAME"])
    whom = (rule.approve_plan if plan else rule.approve_rollback) if rule else []
    since = state.asked_at if plan else min(state.ip_states[ip].get("asked_at", 0) for ip in ips)
    return {"for": str(Ask.PLAN if plan else Ask.ROLLBACK), "ips": ips, "since": since or None, "whom": whom}


def render_runs(rows: Sequence[Mapping[str, Any]], *, width: int | None = None) -> str:
    """写成一张表，停用的在它前面；在等什么、正由谁执行、停在哪里，各在那一行下面。

    Args:
        rows: ``list_runs`` 的结果。
        width: 屏幕有几格宽，表放不下就一次运行几行；不给就不管。

    """
    if not rows:
        return tr("还没有任何运行。")
    now = now_ms()
    zones = tr("、").join(dict.fromkeys(f"UTC{row['created_at'][-6:]}" for row in rows))
    words = [tr(word) for word in _HEAD]
    head = (*words[:3], tr("{head}（{zones}）", head=words[3], zones=zones), *words[4:])
    cells = [_cells(row) for row in rows]
    table = aligned([head, *cells])
    if width and max(map(width_of, table)) > width:
        table = ["", *(_narrow(each) for each in cells)]
    lines = [*filter(None, [first_line(rows), table[0]])]
    for line, row in zip(table[1:], rows, strict=True):
        lines += [line, *(f"  {note}" for note in _notes(row, now))]
    return "\n".join(printable(line) for text in lines for line in text.split("\n"))


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """一行的格子；记录坏了的只有名字、开始与处境。"""
    began = row["created_at"][_DAY_AND_MINUTE]
    if row["phase"] is None:
        return (row["run_id"], "", "", began, "", row["standing"], "", "", "")
    what = f"{row['airport']}/{row['application']}/{row['module']} {row['version']}"
    return (
        row["run_id"],
        tr("退回 {what}", what=what) if row["rollback_of"] else what,
        name_of(row["requested_by"]),
        began,
        span(row["took_ms"]),
        row["standing"],
        f"{row['done']}/{row['targets']}",
        str(row["failed"]),
        str(len(row["out_of_service"])),
    )


def _narrow(cells: Sequence[str]) -> str:
    """窄的屏幕上，一次运行两行。"""
    run_id, what, who, began, took, standing, *numbers = cells
    first = "  ".join(filter(None, [run_id, what, standing]))
    done, failed, dark = numbers
    second = tr(
        "  由 {who} · {began} 开始 · 用时 {took} · 做完 {done} · 失败 {failed} · 停用 {dark}",
        who=who,
        began=began,
        took=took,
        done=done,
        failed=failed,
        dark=dark,
    )
    return f"{first}\n{second}"


def _notes(row: Mapping[str, Any], now: int) -> list[str]:
    """一行之下要说的。"""
    notes = [tr("停用: {show_ips}", show_ips=show_ips(row["out_of_service"]))] if row["out_of_service"] else []
    if row["state_unknown"]:
        notes.append(tr("状态未知: {show_ips}", show_ips=show_ips(row["state_unknown"])))
    if row["holder"]:
        notes.append(tr("正由{holder}执行", holder=row["holder"]))
    if waiting := row["waiting"]:
        what = (
            tr("等决定 {n} 台：{show_ips}", n=len(waiting["ips"]), show_ips=show_ips(waiting["ips"]))
            if waiting["ips"]
            else tr("等批准计划")
        )
        since = waiting["since"]
        long = (
            tr("；从 {zoned_clock} 起，已等 {span}", zoned_clock=zoned_clock(since), span=span(now - since))
            if since
            else ""
        )
        notes.append(
            what + (tr("；可以答的是 {whom}", whom=tr("、").join(waiting["whom"])) if waiting["whom"] else "") + long
        )
    elif row["phase"] == "interrupted" and row["reason"]:
        notes.append(tr("停下的原因: {reason}", reason=row["reason"]))
    return notes
