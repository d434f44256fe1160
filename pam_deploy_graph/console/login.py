"""登录与登出。"""

import asyncio

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from pam_deploy_graph.console.drawing import draw
from pam_deploy_graph.console.sessions import COOKIE
from pam_deploy_graph.console.visit import Visit, give_session, read_form, remembering, same_origin, spoken_by
from pam_deploy_graph.i18n import speaking, tr


async def login(request: Request) -> Response:
    """GET 给出登录页；没有账户文件的，启动时写出的地址带着一句钥匙，拿着它就进来。"""
    with speaking(spoken_by(request)):
        return remembering(request, await _login(request))


async def _login(request: Request) -> Response:
    """同上，语言已经定了。"""
    if request.method == "POST":
        return await _enter(request)
    if request.app.state.room.alone and (key := request.query_params.get("entry", "")):
        return await _try(request, "", key)
    return _form(request)


async def logout(visit: Visit) -> Response:
    """登出：这次登录从此不作数。"""
    visit.room.ended_sessions.add(visit.session)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


async def _enter(request: Request) -> Response:
    """表单交来的名字与口令。"""
    form = await read_form(request)
    if form is None or not same_origin(request):
        return PlainTextResponse(tr("这张表单不是从本页来的；什么也没有做。"), 403)
    name, password = ((form.get(key) or [""])[0] for key in ("name", "password"))
    return await _try(request, name.strip()[:64], password[:1024], (form.get("next") or ["/"])[0])


async def _try(request: Request, name: str, password: str, then: str = "/") -> Response:
    """核对；接连答错的要等。"""
    room = request.app.state.room
    keys = (f"name:{name}", f"from:{request.client.host if request.client else ''}")
    if (seconds := room.throttle.wait_for(*keys)) > 0:
        return _form(request, tr("答错太多次，请等 {seconds:.0f} 秒再试。", seconds=seconds), 429)
    async with room.verifying:
        session = await asyncio.to_thread(room.enter, name, password)
    if session is None:
        room.throttle.wrong(*keys)
        wrong = tr("钥匙不对：请用启动时写出的那个地址。") if room.alone else tr("名字或口令不对。")
        return _form(request, wrong, 401)
    room.throttle.right(*keys)
    response = RedirectResponse(_inside(then), 303)
    give_session(response, room, session, secure=request.url.scheme == "https")
    return response


def _inside(then: str) -> str:
    """登录之后去哪里：只去本站的一页。"""
    plain = then.startswith("/") and not then.startswith(("//", "/\\")) and then.isprintable()
    return then if plain else "/"


def _form(request: Request, problem: str = "", status: int = 200) -> Response:
    """登录页。"""
    room = request.app.state.room
    then = _inside(request.query_params.get("next", "/"))
    return HTMLResponse(draw("login.html.j2", alone=room.alone, problem=problem, then=then), status)
