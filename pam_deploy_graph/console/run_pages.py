"""一次运行的几页：网格与旁边的清单、一台工作站、停下与继续。"""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from pam_deploy_graph.console.cards import Card, cards_of
from pam_deploy_graph.console.frames import figures
from pam_deploy_graph.console.live import KEYS, Live
from pam_deploy_graph.console.room import Room
from pam_deploy_graph.console.visit import Visit
from pam_deploy_graph.errors import ConfirmationError, PolicyRefusedError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.policy import Act
from pam_deploy_graph.report.durations import Times
from pam_deploy_graph.report.html.causes import Cause, causes_of
from pam_deploy_graph.report.html.networks import networks
from pam_deploy_graph.report.html.status_styles import LOOKS
from pam_deploy_graph.report.html.timeline import Entry, timeline_of
from pam_deploy_graph.report.html.workstations import workstation_of
from pam_deploy_graph.report.summary import ip_object
from pam_deploy_graph.runs.open_questions import cancel_costs, cancel_run
from pam_deploy_graph.runs.site_rules import asked_of
from pam_deploy_graph.runs.workstation_story import story_of

_ROWS: Final = 100
_ENTRIES: Final = 40


@dataclass(frozen=True, slots=True)
class Side:
    """网格旁边的清单。"""

    cards: list[Card]
    causes: list[Cause]
    entries: list[Entry]
    dark: list[str]
    problem: str
    reason: str
    holder: str
    paused_by: str
    mine: bool
    over: bool
    mark: int


@dataclass(frozen=True, slots=True)
class Row:
    """下面的表里的一台。"""

    ip: str
    name: str
    look: str
    stage: str
    before: str
    now: str


def _side(room: Room, live: Live, person: str) -> Side:
    """收齐旁边的清单；在管账本的线程里用。"""
    run_id = live.state.run_id
    record = room.services.ledger.get_run(run_id)
    decisions = [asdict(one) for one in room.services.ledger.decisions(run_id)]
    state = live.state
    told = {"events": live.milestones, "decisions": decisions, "control_params": state.control_params}
    failed = [ip for ip, each in state.ip_states.items() if each["failure_reason"]]
    fleet = [workstation_of(ip, ip_object(state, ip), Times()) for ip in failed]
    return Side(
        cards=cards_of(room, live, person),
        causes=causes_of(told, fleet, {}),
        entries=list(reversed(timeline_of(told)))[:_ENTRIES],
        dark=list(live.dark),
        problem=room.problem_of(run_id),
        reason=record.reason or "",
        holder=live.holder,
        paused_by=state.paused_by,
        mine=run_id in room.driven(),
        over=record.exit_code is not None,
        mark=live.side,
    )


def _rows(live: Live, look: str, text: str, number: int) -> tuple[list[Row], int]:
    """下面的表：照处境与文字挑，一页一百台；返回这一页与一共几台。"""
    state = live.state
    keys = [
        (ip, key)
        for ip, key in zip(live.ips, live.looks, strict=True)
        if (not look or key == look) and text in f"{ip} {state.names.get(ip, '')}"
    ]
    found = []
    for ip, key in keys[number * _ROWS : (number + 1) * _ROWS]:
        each = workstation_of(ip, ip_object(state, ip), Times())
        found.append(Row(ip, state.names.get(ip, ""), key, each.stage, each.before, each.after))
    return found, len(keys)


def _view(room: Room, run_id: str, person: str, look: str, text: str, number: int) -> dict[str, Any]:
    """一页要的全部；网格与行号是同一刻的。"""
    live = room.live(run_id)
    record = room.services.ledger.get_run(run_id)
    rows, found = _rows(live, look, text, number)
    places = {ip: place for place, ip in enumerate(live.ips)}
    groups = [(head, [(ip, live.looks[places[ip]]) for ip in ips]) for head, ips in networks(live.ips)]
    return {
        "run_id": run_id,
        "state": live.state,
        "record": record,
        "seq": live.seq,
        "grid": live.grid,
        "groups": groups,
        "keys": KEYS,
        "counts": dict(live.counts),
        "figures": figures(live, now_ms()),
        "side": _side(room, live, person),
        "rows": rows,
        "found": found,
        "look": look,
        "text": text,
        "number": number,
        "more": (number + 1) * _ROWS < found,
        "may_act": not _why_not_act(room, live.state, person),
    }


async def run(visit: Visit) -> Response:
    """一次运行。"""
    look = visit.query("look") if visit.query("look") in LOOKS else ""
    number = int(visit.query("page")) if visit.query("page").isdigit() else 0
    asked = (visit.path("run_id"), visit.session.person, look, visit.query("find")[:80], min(number, 10_000))
    return await visit.show("run.html.j2", **await visit.room.ask(_view, visit.room, *asked))


async def side(visit: Visit) -> Response:
    """网格旁边的清单，单独一块。"""
    run_id = visit.path("run_id")
    found = await visit.room.ask(lambda: _side(visit.room, visit.room.live(run_id), visit.session.person))
    return await visit.show("side.html.j2", run_id=run_id, side=found)


async def workstation(visit: Visit) -> Response:
    """一台工作站：读回的版本、各步、决定；日志要看才读。"""
    run_id, ip = visit.path("run_id"), visit.path("ip")
    told = await asyncio.to_thread(story_of, visit.room.services.ledger, run_id, ip, visit.room.services.inventory)
    log = await asyncio.to_thread(_log, visit.room, told) if visit.query("log") else None
    template = "workstation_sheet.html.j2" if visit.partial else "workstation.html.j2"
    return await visit.show(template, told=told, log=log, run_id=run_id)


def _log(room: Room, told: dict[str, Any]) -> str:
    """日志的末尾；没有取到为空串。"""
    state = room.services.ledger.load_state(told["run_id"], keep_events=False)
    return "\n".join(room.services.logs.tail(state, told["ip"]))


async def stop(visit: Visit) -> Response:
    """停止新开工：先说代价，再点一次才记下。"""
    run_id = visit.path("run_id")
    if visit.request.method == "GET":
        costs = await visit.room.ask(lambda: cancel_costs(visit.room.live(run_id).state))
        return await visit.show("stop.html.j2", run_id=run_id, costs=costs)
    await visit.room.ask(_cancel, visit.room, run_id, visit)
    return RedirectResponse(f"/runs/{run_id}", 303)


def _cancel(room: Room, run_id: str, visit: Visit) -> None:
    """记下取消；欠着的由推着它的做完。"""
    _refuse(room, run_id, visit)
    actor = room.actor(visit.session)
    cancel_run(room.acting(actor), run_id, actor)


async def pause(visit: Visit) -> Response:
    """停一停：本控制台推着的，进行中的做完就停。"""
    run_id = visit.path("run_id")
    await visit.room.ask(_refuse, visit.room, run_id, visit)
    if not visit.room.pause(run_id, visit.room.actor(visit.session)):
        raise ConfirmationError(tr("运行 {run_id} 不是本控制台推着的，停不了它；什么也没有记下", run_id=run_id))
    return RedirectResponse(f"/runs/{run_id}", 303)


async def go_on(visit: Visit) -> Response:
    """继续：停着的、停在半路的，从此由本控制台推。"""
    run_id = visit.path("run_id")
    await visit.room.ask(_go_on, visit.room, run_id, visit)
    return RedirectResponse(f"/runs/{run_id}", 303)


def _go_on(room: Room, run_id: str, visit: Visit) -> None:
    """记下是谁让它继续的，交给推着运行的人。"""
    _refuse(room, run_id, visit)
    actor = room.actor(visit.session)
    room.acting(actor).go_on(run_id, actor)
    room.hand_over(run_id)


def _refuse(room: Room, run_id: str, visit: Visit) -> None:
    """不许的不做。

    Raises:
        PolicyRefusedError: 策略不许他提出部署，也就不许停下与继续。

    """
    if why := _why_not_act(room, room.live(run_id).state, visit.session.person):
        raise PolicyRefusedError(why)


def _why_not_act(room: Room, state: Any, person: str) -> str:
    """为什么停下、继续不是他的；是的为空串：可以提出的、可以批准的都可以。"""
    site = room.services.site()
    reasons = [site.policy.why_not(asked_of(site, state, act, person)) for act in (Act.REQUEST, Act.APPROVE_ROLLBACK)]
    return reasons[0] if all(reasons) else ""
