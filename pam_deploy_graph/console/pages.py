"""其余的几页：总览、等决定的、提出一次部署、证据、人。"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import HTMLResponse, Response, StreamingResponse

from pam_deploy_graph.audit import verify as checks
from pam_deploy_graph.console.cards import COUNTED_FROM, Card, cards_of
from pam_deploy_graph.console.decision_form import Outcome, decide, read_shown
from pam_deploy_graph.console.hub import read_watches
from pam_deploy_graph.console.room import Room
from pam_deploy_graph.console.visit import Visit, give_session
from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import ConfirmationError
from pam_deploy_graph.i18n import language, tr
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.report.html.page import report_policy
from pam_deploy_graph.runs.evidence import gather
from pam_deploy_graph.runs.local_runs import LocalRuns

_FILTERS: Final = ("airport", "application", "requested_by")


async def board(visit: Visit) -> Response:
    """总览；照机场、应用、人、结果挑。"""
    wanted = {name: visit.query(name)[:80] for name in (*_FILTERS, "result") if visit.query(name)}
    found = await visit.hub.board()
    template = "board_part.html.j2" if visit.partial else "board.html.j2"
    choices = {name: sorted({str(row[name]) for row in found.rows() if row.get(name)}) for name in _FILTERS}
    return await visit.show(template, wanted=wanted, choices=choices, keeps=_keeps(wanted))


def _keeps(wanted: Mapping[str, str]) -> Any:
    """返回「这一行要不要」。"""

    def kept(row: Mapping[str, Any]) -> bool:
        """照挑的看。"""
        results = {"0": "done", "11": "failed", "12": "stopped"}
        same = all(str(row[name]) == value for name, value in wanted.items() if name != "result")
        return same and wanted.get("result", "") in ("", results.get(str(row["exit_code"]), "open"))

    return kept


async def live(visit: Visit) -> Response:
    """流：几次运行与总览，一个浏览器一条。"""
    watches = read_watches(visit.request.query_params.getlist("w"))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(visit.hub.stream(watches, language()), media_type="text/event-stream", headers=headers)


def _cards(room: Room, run_ids: list[str], person: str) -> list[Card]:
    """各次运行等着的，停用的在前，等得久的在前。"""
    found = [card for run_id in run_ids for card in cards_of(room, room.live(run_id), person)]
    return sorted(found, key=lambda card: (not (card.dark and not card.plan), card.since))


async def waiting(visit: Visit) -> Response:
    """等人决定的：一个原因一张卡片。"""
    found = await visit.hub.board()
    run_ids = [row["run_id"] for row in found.waiting]
    cards = await visit.room.ask(_cards, visit.room, run_ids, visit.session.person)
    return await visit.show("decide.html.j2", cards=cards, changed=[], problem="")


async def card(visit: Visit) -> Response:
    """一张卡片；已经不是这一张的，把此刻的全给他看。"""
    run_id, code = visit.path("run_id"), visit.path("code")
    cards = await visit.room.ask(_cards, visit.room, [run_id], visit.session.person)
    same = [one for one in cards if one.code == code]
    problem = "" if same else tr("这张卡片已经变了，或已经有了决定；下面是此刻等着的。")
    return await visit.show("decide.html.j2", cards=same or cards, changed=[], problem=problem)


async def answer(visit: Visit) -> Response:
    """记下一个决定；口令是很久以前给的，先再给一次。"""
    run_id, shown = visit.path("run_id"), read_shown(visit.form.get("shown", []))
    count = await visit.room.ask(_count, visit.room, run_id, shown)
    session, problem = visit.session, _problem(visit, count)
    if not problem and not visit.room.alone and not session.fresh:
        known = await asyncio.to_thread(visit.room.enter, session.person, visit.text("password"))
        problem = "" if known else tr("登录已经过了 15 分钟：请再给一次口令；什么也没有记下。")
        session = session.proven_again() if known else session
    if problem:
        cards = await visit.room.ask(_cards, visit.room, [run_id], session.person)
        return await visit.show("decide.html.j2", status=403, cards=cards, changed=[], problem=problem)
    services = visit.room.acting(visit.room.actor(session))
    decision = Decision(visit.text("decision"))
    try:
        outcome = await visit.room.ask(decide, services, run_id, shown, decision, visit.text("note")[:500])
    except ConfirmationError as error:
        cards = await visit.room.ask(_cards, visit.room, [run_id], session.person)
        return await visit.show("decide.html.j2", status=409, cards=cards, changed=[], problem=str(error))
    response = await _settled(visit, outcome)
    give_session(response, visit.room, session, secure=visit.request.url.scheme == "https")
    return response


def _count(room: Room, run_id: str, shown: list[tuple[str, str]]) -> int:
    """这个决定管几台。"""
    return len(room.live(run_id).state.planned_ips or []) if shown[0][0] == PLAN else len(shown)


def _problem(visit: Visit, count: int) -> str:
    """表单还缺什么；不缺为空串。拒绝计划一台也不动，不必打台数。"""
    if visit.text("decision") not in list(Decision):
        return tr("没有选是哪一种回答；什么也没有记下。")
    counted = count >= COUNTED_FROM and visit.text("decision") != Decision.REJECT
    if counted and visit.text("count") != str(count):
        return tr(
            "要把台数打出来才作数：这一张管 {count} 台，打的是「{text}」；什么也没有记下。",
            count=count,
            text=visit.text("count")[:10],
        )
    return ""


async def _settled(visit: Visit, outcome: Outcome) -> Response:
    """说出各自的结局；变了的把此刻的再给他看。"""
    cards = await visit.room.ask(_cards, visit.room, [outcome.run_id], visit.session.person)
    again = cards if outcome.refused else []
    driven = outcome.run_id in visit.room.driven() or visit.room.may_drive(outcome.run_id)
    return await visit.show("outcome.html.j2", status=outcome.status, outcome=outcome, cards=again, driven=driven)


async def audit(visit: Visit) -> Response:
    """证据：哪几次运行。"""
    return await visit.show("audit.html.j2", rows=list((await visit.hub.board()).rows()))


async def evidence(visit: Visit) -> Response:
    """一次运行的证据：逐项核对，列出决定。"""
    run_id = visit.path("run_id")
    bundle = await asyncio.to_thread(gather, visit.room.services, run_id)
    findings = await asyncio.to_thread(checks.verify, bundle)
    told = checks.summary(bundle, findings)
    empty = [
        name for name, number in ((checks.ANCHORS, told["anchors"]), (checks.SIGNATURES, told["signed"])) if not number
    ]
    shown: dict[str, Any] = {"told": told, "bundle": bundle, "checked": checks.CHECKS, "empty": empty}
    return await visit.show("evidence.html.j2", run_id=run_id, **shown)


async def export(visit: Visit) -> Response:
    """导出的证据：一个文件，别处也能核对。"""
    run_id = visit.path("run_id")
    bundle = await asyncio.to_thread(gather, visit.room.services, run_id)
    headers = {"content-disposition": f'attachment; filename="{bundle.run_id}.evidence.json"'}
    return Response(bundle.to_json(), media_type="application/json", headers=headers)


async def report(visit: Visit) -> Response:
    """报告页：与 ``report --format html`` 是同一份。"""
    read = LocalRuns(visit.room.services).report
    text = await asyncio.to_thread(read, visit.path("run_id"), "html")
    return HTMLResponse(text, headers={"content-security-policy": report_policy()})


async def people(visit: Visit) -> Response:
    """谁是谁，策略许谁做什么；在终端里用 ``people`` 管。"""
    services = visit.room.services
    return await visit.show("people.html.j2", book=services.people, policy=services.policy)
