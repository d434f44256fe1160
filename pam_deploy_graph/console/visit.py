"""一次请求：谁来的、要什么、表单里写了什么；认人与核对表单都在进页面之前（contract 第 8 节）。"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from pam_deploy_graph.console.drawing import draw
from pam_deploy_graph.console.front_door import VOUCHED
from pam_deploy_graph.console.hub import Hub
from pam_deploy_graph.console.room import Room
from pam_deploy_graph.console.sessions import COOKIE, LASTS_SECONDS, Session
from pam_deploy_graph.errors import LedgerDamagedError, PamError, PolicyRefusedError, RunNotFoundError
from pam_deploy_graph.i18n import LANGUAGES, language, speaking, tr
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.system.http_body import bounded
from pam_deploy_graph.system.masking import mask

_LANGUAGE: Final = "pam_lang"
_MOST_BYTES: Final = 2 << 20
_MOST_FIELDS: Final = 20_000
_STATUS: Final = ((RunNotFoundError, 404), (PolicyRefusedError, 403), (LedgerDamagedError, 500))
Form = Mapping[str, list[str]]


@dataclass
class Visit:
    """一次已经认了人的请求；``form`` 是表单的各项。"""

    request: Request
    room: Room
    hub: Hub
    session: Session
    form: Form = field(default_factory=dict)

    def text(self, name: str) -> str:
        """表单里的一项；没有为空串。"""
        return (self.form.get(name) or [""])[0].strip()

    def query(self, name: str) -> str:
        """地址里的一项；没有为空串。"""
        return self.request.query_params.get(name, "")

    def path(self, name: str) -> str:
        """地址里的一段。"""
        return str(self.request.path_params[name])

    @property
    def partial(self) -> bool:
        """要的是页面的一块。"""
        return self.request.headers.get("hx-request") == "true"

    async def show(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """画一页：每一页上都有等人的、停用的各几。"""
        board = await self.hub.board(1.0)
        common = {"session": self.session, "token": self.room.sealer.form_token(self.session), "now": now_ms()}
        common |= {"board": board, "alone": self.room.alone, "path": self.request.url.path, "drill": self.room.drill}
        return HTMLResponse(await asyncio.to_thread(draw, template, **common, **values), status)


Page = Callable[[Visit], Awaitable[Response]]


def page(handler: Page) -> Callable[[Request], Awaitable[Response]]:
    """把一页包起来：没有登录的去登录；改东西的核对来处与表单令牌；出错的说成一页。"""

    async def called(request: Request) -> Response:
        """认人，读表单，交给这一页。"""
        room, hub = request.app.state.room, request.app.state.hub
        session = await session_of(request, room)
        with speaking(spoken_by(request)):
            response = await answered(request, room, hub, session)
            if session and session.vouched and request.cookies.get(COOKIE) != room.sealer.seal(session):
                give_session(response, room, session, secure=True)
            return remembering(request, response)

    async def answered(request: Request, room: Room, hub: Hub, session: Session | None) -> Response:
        """用他的语言答。"""
        if session is None:
            return to_login(request)
        visit = Visit(request, room, hub, session)
        if request.method == "POST":
            form = await read_form(request)
            if form is None or not _genuine(request, room, session, form):
                return PlainTextResponse(
                    tr("这张表单不是从本页来的，或已经过期；什么也没有做，请回到页面重新打开。"), 403
                )
            visit.form = form
        try:
            return await handler(visit)
        except PamError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
            return await visit.show("problem.html.j2", status=status, problem=mask(str(error)))

    return called


def spoken_by(request: Request) -> str:
    """他要哪种语言：点过的，记着的，浏览器说的，否则照这个进程的。"""
    wanted = request.query_params.get("lang") or request.cookies.get(_LANGUAGE, "")
    if wanted in LANGUAGES:
        return wanted
    accepted = request.headers.get("accept-language", "").lower()[:2]
    return accepted if accepted in LANGUAGES else language()


def remembering(request: Request, response: Response) -> Response:
    """点过的语言，记在浏览器里。"""
    if (wanted := request.query_params.get("lang")) in LANGUAGES:
        response.set_cookie(_LANGUAGE, str(wanted), max_age=31_536_000, httponly=True, samesite="strict")
    return response


async def session_of(request: Request, room: Room) -> Session | None:
    """这次请求的登录；没有、不作数的为 ``None``。前面的代理认过的人，照它此刻说的。"""
    session = room.sealer.open(request.cookies.get(COOKIE, ""))
    vouched = request.scope.get(VOUCHED, "")
    if session and (vouched or session.vouched) and session.person != vouched:
        session = None
    if session and session.sid not in room.ended_sessions and await asyncio.to_thread(room.still_valid, session):
        return session
    return await asyncio.to_thread(room.vouch, vouched) if vouched else None


def to_login(request: Request) -> Response:
    """请先登录：页面的去登录页，别的只答 401；代理认过而账户文件里没有的，说出来。"""
    if vouched := request.scope.get(VOUCHED, ""):
        return PlainTextResponse(
            tr("代理说您是 {name}，账户文件里没有这个人：请管理员用 people add 登记。", name=vouched), 403
        )
    if request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(tr("请先登录。"), 401)
    return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)


async def read_form(request: Request) -> Form | None:
    """读表单；太大的、不是表单的为 ``None``。"""
    body = await bounded(request.stream(), _MOST_BYTES)
    if body is None or not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    found: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        ):
            found.setdefault(name, []).append(value)
    except ValueError:
        return None
    return found


def same_origin(request: Request) -> bool:
    """是不是从本站的页面来的。"""
    origin = request.headers.get("origin")
    if origin is not None:
        return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _genuine(request: Request, room: Room, session: Session, form: Form) -> bool:
    """来处对，表单令牌是这次登录的。"""
    given = (form.get("token") or [""])[0]
    return same_origin(request) and hmac.compare_digest(given.encode(), room.sealer.form_token(session).encode())


def give_session(response: Response, room: Room, session: Session, *, secure: bool) -> None:
    """把登录交给浏览器：脚本读不到，别的站点带不来。"""
    response.set_cookie(
        COOKIE, room.sealer.seal(session), max_age=LASTS_SECONDS, httponly=True, samesite="strict", secure=secure
    )
