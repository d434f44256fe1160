"""前面有代理：外面是 TLS；代理认过的人只信写明的地址来的，写几遍的、别处来的、冒别人的都不算。"""

import pytest

from pam_deploy_graph.console.front_door import Front
from pam_deploy_graph.console.sessions import COOKIE
from pam_deploy_graph.errors import InvalidInputError
from tests.console.browser import PROXY, Browser, Site
from tests.console.conftest import PASSWORD
from tests.graph.desk import Desk

FRONT = Front([f"{PROXY}/32", "10.0.1.0/28"], "X-Remote-User")
ORIGIN = {"origin": "https://testserver"}
BAD = "10.0.0.2"


@pytest.fixture
def site(desk: Desk, staffed: Site) -> Site:
    """一台等人决定。"""
    desk.to_rollback(BAD)
    return staffed


def said(name: str) -> dict[str, str]:
    """代理认过的人。"""
    return {"x-remote-user": name}


def test_vouched_person_decides(site: Site) -> None:
    """代理认过的人：看得到，作得了决定，不必再给口令；没有登出可点，凭据只走 TLS。"""
    wang = Browser(site, FRONT)
    wang.client.headers.update(said("wang"))
    first = wang.get("/")
    assert first.status_code == 200
    assert "secure" in first.headers["set-cookie"].lower()
    assert "/logout" in first.text
    assert "登出" not in first.text
    form = {"decision": "approve", "shown": wang.shown(site.run_id)}
    assert wang.post(f"/decide/{site.run_id}", form, **ORIGIN).status_code == 200
    assert site.room.services.ledger.decisions(site.run_id)[-1].operator == "wang"


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("10.0.1.3", [("x-remote-user", "wang")], 200),
        ("10.0.0.6", [("x-remote-user", "wang")], 303),
        (PROXY, [("x-remote-user", "wang"), ("x-remote-user", "li")], 303),
        (PROXY, [("x-remote-user", "wang, li")], 403),
        (PROXY, [("x-remote-user", "stranger")], 403),
        (PROXY, [("x-forwarded-for", "10.0.1.3"), ("remote-user", "wang")], 303),
        ("10.0.0.6", [("x-forwarded-for", PROXY), ("x-remote-user", "wang")], 303),
    ],
)
def test_only_the_named_proxy_vouches(site: Site, peer: str, headers: list[tuple[str, str]], status: int) -> None:
    """别处来的、写几遍的、账户文件里没有的，都进不来。"""
    found = Browser(site, FRONT, peer).client.get("/", headers=[("accept", "text/html"), *headers])
    assert found.status_code == status


def test_cookie_is_worth_nothing_without_the_proxy(site: Site) -> None:
    """代理认的人留下的凭据：代理不再这样说就不作数；换了人就是另一个人。"""
    wang = Browser(site, FRONT)
    wang.get("/", **said("wang"))
    kept = wang.client.cookies[COOKIE]
    assert wang.get("/").status_code == 303
    assert "<span>li</span>" in wang.get("/", **said("li")).text
    direct = Browser(site)
    direct.client.cookies.set(COOKIE, kept)
    assert direct.get("/").status_code == 303


def test_passwords_work_behind_a_tls_proxy(site: Site) -> None:
    """代理只做 TLS 的：表单的来处是 https，登录得了，凭据只走 TLS；各人的来处照代理说的，一个人答错不连累别人。"""
    browser = Browser(site, Front([PROXY]))
    for _ in range(6):
        last = browser.login("nobody", "guess", **ORIGIN, **{"x-forwarded-for": "192.0.2.7"})
    assert last.status_code == 429
    entered = browser.login("wang", PASSWORD, **ORIGIN, **{"x-forwarded-for": "192.0.2.8"})
    assert entered.status_code == 303
    assert "secure" in entered.headers["set-cookie"].lower()
    assert browser.login("wang", PASSWORD, origin="http://testserver").status_code == 403


@pytest.mark.parametrize("given", [(["proxy.example"], ""), ([], "X-Remote-User"), (["10.0.0.5/8"], "")])
def test_what_cannot_be_trusted_is_refused_at_once(given: tuple[list[str], str]) -> None:
    """代理的地址写错的、只写了请求头的，开起来之前就说。"""
    with pytest.raises(InvalidInputError, match="--proxy"):
        Front(*given)
