"""攻击：外来的字、别处来的表单、借来的登录、走偏的地址，一样也不成。"""

import hashlib
import re
from collections.abc import Callable
from importlib.resources import files

import pytest

from pam_deploy_graph.console.drawing import static_files
from pam_deploy_graph.console.room import Room
from pam_deploy_graph.console.sessions import COOKIE, Sealer, Session
from pam_deploy_graph.system.terminal import for_screen
from tests.console.browser import Browser, Site
from tests.console.conftest import PASSWORD
from tests.graph.desk import Desk

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"
BAD = "10.0.0.2"
HTMX = "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de"
"""htmx 2.0.10 的 ``htmx.min.js``。"""


def test_hostile_words_stay_words(desk: Desk, alone: Browser) -> None:
    """原因、备注、名称、版本里的标签都只是字；页面里没有一段写在里面的脚本，也没有看不见的字符。"""
    desk.fake.fail("verify-ip", BAD, error=HOSTILE)
    desk.begin()
    desk.answer({"decision": "approve", "note": HOSTILE})
    run_id = alone.site.run_id
    for path in ("/", "/decide", f"/runs/{run_id}", f"/runs/{run_id}/ws/{BAD}", f"/audit/{run_id}"):
        page = alone.page(path)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "\u202e" not in page
        assert not re.search(r"<script(?![^>]* src=)", page)
        assert not re.search(r"<[a-z][^<>]*\son\w+=", page)
    sentence = alone.post("/ask", {"do": "hear", "text": HOSTILE})
    assert "<script>alert" not in sentence.text


@pytest.mark.parametrize("path", ["/", "/login", "/static/console.js", "/nowhere"])
def test_every_answer_carries_the_rules(alone: Browser, path: str) -> None:
    """每个应答都带着内容安全策略，不许嵌进别的页面，不猜类型。"""
    headers = alone.get(path).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")


@pytest.fixture
def site(desk: Desk, staffed: Site) -> Site:
    """一台等人决定。"""
    desk.to_rollback(BAD)
    return staffed


FORGERIES = {
    "没有令牌": ({}, {}),
    "别人的令牌": ({"token": "0" * 64}, {}),
    "别的站点": (None, {"origin": "https://evil.example"}),
    "别的站点，没有来处": (None, {"sec-fetch-site": "cross-site"}),
}


@pytest.mark.parametrize("case", FORGERIES)
def test_forged_forms_do_nothing(site: Site, case: str) -> None:
    """不是从本页来的表单，什么也没有做。"""
    wang = site.enter("wang", PASSWORD)
    given, headers = FORGERIES[case]
    form = {"decision": "approve", "shown": wang.shown(site.run_id)}
    form |= {"token": wang.token()} if given is None else given
    assert wang.client.post(f"/decide/{site.run_id}", data=form, headers=headers).status_code == 403
    assert len(wang.shown(site.run_id)) == 1


def test_login_from_another_site_is_refused(site: Site) -> None:
    """别的站点替人登录不成。"""
    assert site.browser().login("wang", PASSWORD, origin="https://evil.example").status_code == 403


def test_session_is_never_taken_from_outside(site: Site) -> None:
    """塞进来的登录不作数；登录一次换一个，从前的标识不会沿用。"""
    browser = site.browser()
    forged = Sealer(b"another").seal(Session.begin("wang"))
    browser.client.cookies.set(COOKIE, forged)
    assert browser.get("/").status_code == 303
    browser.client.cookies.delete(COOKIE)
    browser.login("wang", PASSWORD)
    first = browser.client.cookies[COOKIE]
    browser.login("wang", PASSWORD)
    sids = [opened.sid for text in (first, browser.client.cookies[COOKIE]) if (opened := site.room.sealer.open(text))]
    assert len({*sids}) == 2


def test_cookie_is_out_of_reach_of_scripts(site: Site) -> None:
    """cookie 脚本读不到，别的站点带不来。"""
    said = site.browser().login("wang", PASSWORD).headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said


def test_logout_and_a_new_password_end_the_login(site: Site) -> None:
    """登出之后、换了口令之后，从前的登录不作数。"""
    wang, chen = (site.enter(name, PASSWORD) for name in ("wang", "chen"))
    cookie = wang.client.cookies[COOKIE]
    assert wang.post("/logout", {}).status_code == 303
    wang.client.cookies.set(COOKIE, cookie)
    assert wang.get("/").status_code == 303
    again = Room(site.room.home, site.room.settings)  # 重新启动
    ended, key = again.ended_sessions, again.sealer
    again.close()
    opened = site.room.sealer.open(cookie)
    assert opened is not None
    assert opened.sid in ended
    assert key.open(cookie) == opened
    (site.room.home / "runtime" / "console_ended.json").write_text("{")  # 读不懂：从前的登录都不作数
    again = Room(site.room.home, site.room.settings)
    again.close()
    assert again.sealer.open(cookie) is None
    book = site.room.services.people
    assert book
    book.people["chen"].password = "another"
    book.save(site.room.home / "people.json")
    assert chen.get("/").status_code == 303


def test_wrong_passwords_have_to_wait(site: Site) -> None:
    """接连答错的要等，答对了也要等；别人不受牵连的是名字，地址一样就一起等。"""
    browser = site.browser()
    answers = [browser.login("nobody", "guess").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    assert browser.login("wang", PASSWORD).status_code == 429


@pytest.mark.parametrize("then", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_login_never_leads_away(alone: Browser, then: str) -> None:
    """登录之后只去本站的一页。"""
    given = {"name": "", "password": alone.site.room.entry_key, "next": then}
    assert alone.client.post("/login", data=given).headers["location"] == "/"


@pytest.mark.parametrize(
    "path",
    [
        *("/static/..%2f..%2fpyproject.toml", "/static/%2e%2e/room.py", "/runs/..%2f..%2fetc%2fpasswd/report"),
        *("/runs/none/ws/..%2f..%2fetc%2fpasswd?log=1", "/audit/..%2fx/evidence.json"),
    ],
)
def test_paths_lead_nowhere_else(alone: Browser, path: str) -> None:
    """走偏的地址：没有这一页，绝不读到别的文件。"""
    found = alone.get(path)
    assert found.status_code in (400, 404)
    assert "root:" not in found.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", ""])
def test_unknown_hosts_are_refused(alone: Browser, host: str) -> None:
    """用别的主机名找来的（DNS 重绑定）不答。"""
    assert alone.get("/", host=host).status_code == 421


@pytest.mark.parametrize("path", ["/", "/decide", "/ask", "/audit", "/people", "/live", "/runs/x", "/runs/x/report"])
def test_nothing_without_login(site: Site, path: str) -> None:
    """没有登录的，什么也看不到；流与别的不是页面的答 401。"""
    browser = site.browser()
    assert browser.get(path).status_code == 303
    assert browser.client.get(path, headers={"accept": "text/event-stream"}).status_code == 401


def test_only_the_written_address_opens_the_lonely_door(make_site: Callable[..., Site]) -> None:
    """一个人的工具：没有启动时写出的那句钥匙进不来；照屏幕上写的就进得来。"""
    site = make_site(staffed=False)
    browser = site.browser()
    assert browser.get("/login?entry=guess").status_code == 401
    assert browser.get("/").status_code == 303
    written = for_screen(f"http://127.0.0.1:1/{site.room.entry}").partition(":1")[2]
    assert (browser.get(written).status_code, browser.get("/").status_code) == (303, 200)


def test_too_large_a_form_is_refused(alone: Browser) -> None:
    """太大的表单读不完就拒绝。"""
    assert alone.post("/ask", {"text": "x" * (3 << 20), "do": "hear"}, token="x").status_code == 403


def test_foreign_script_is_the_pinned_one() -> None:
    """外来的脚本只有一份，正是登记的那一份，旁边放着它的许可。"""
    body, _, _ = static_files()["htmx.min.js"]
    assert hashlib.sha256(body).hexdigest() == HTMX
    assert (files("pam_deploy_graph.console") / "static" / "htmx.LICENSE").is_file()
