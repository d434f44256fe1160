"""在网页上决定：一个原因一张卡片，照看到的摘要记，各有结局；记下之后由控制台接着做。"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.console.sessions import PROOF_SECONDS
from tests.console.browser import Browser, Site
from tests.console.conftest import PASSWORD
from tests.graph.desk import IPS, Desk


def refused_in(page: str) -> list[tuple[str, str]]:
    """页面上没有作数的，各有原因。"""
    found = re.search(r'class="rows refused">(.*?)</ul>', page)
    return re.findall(r"<li><code>([^<]+)</code> ([^<]+)</li>", found[1]) if found else []


@pytest.fixture
def site(desk: Desk, staffed: Site) -> Site:
    """三台里两台验证不过，等人决定。"""
    desk.to_rollback(*IPS[:2], ask_after=2)
    return staffed


@pytest.fixture
def wang(site: Site) -> Browser:
    """可以批准的人，已经登录。"""
    return site.enter("wang", PASSWORD)


def test_one_card_for_one_cause(wang: Browser) -> None:
    """两台同样的原因一张卡片；按钮说出动词与台数，回答之前说清各做什么。"""
    page = wang.page("/decide")
    assert page.count('class="card') == 1
    assert "回滚 2 台" in page
    assert "保持 2 台" in page
    assert "不决定" in page


def test_whole_card_is_recorded_at_once(wang: Browser, site: Site) -> None:
    """一张卡片一个事务记下，写着谁、从哪里来；决定要做的事还没有做，页面也不说做了。"""
    found = wang.decide("approve", note="照手册")
    assert found.status_code == 200
    assert "记下</b> 2 项" in found.text
    decided = [one for one in site.room.services.ledger.decisions(site.run_id) if one.subject in IPS]
    assert [(one.operator, one.channel, one.note) for one in decided] == [("wang", "web", "照手册")] * 2
    assert not [call for call in site.desk.fake.calls if call[0] == "rollback-ip"]
    assert wang.page("/decide").count('class="card') == 0


def test_a_stale_digest_is_refused_and_the_rest_recorded(wang: Browser) -> None:
    """看过之后变了的那一台没有记下，说出是哪一台；其余的记下，此刻的再给他看。"""
    first, second = wang.shown(wang.site.run_id)
    found = wang.decide("approve", [first, second[:-4] + "0000"])
    assert found.status_code == 409
    assert refused_in(found.text) == [(second.split()[0], "给您看过之后变了，没有记下")]
    assert wang.shown(wang.site.run_id) == [second]


def test_a_forged_digest_records_nothing(wang: Browser, site: Site) -> None:
    """瞎写的摘要、写在别的工作站名下的摘要，什么也没有记下。"""
    first, second = wang.shown(site.run_id)
    swapped = [f"{first.split()[0]} {second.split()[1]}", f"{second.split()[0]} {first.split()[1]}"]
    for shown in (swapped, ["10.0.0.1 " + "a" * 64], ["nonsense"], ["10.0.0.1 x y"]):
        assert wang.decide("approve", shown).status_code in (400, 409)
    assert len(wang.shown(site.run_id)) == 2


def test_two_people_at_once(wang: Browser, site: Site) -> None:
    """两个人同时决定：先记下的作数，后一个听到是谁、何时、怎样决定的。"""
    shown, chen = wang.shown(site.run_id), site.enter("chen", PASSWORD)
    assert chen.decide("reject", shown[:1]).status_code == 200
    found = wang.decide("approve", shown)
    assert found.status_code == 409
    (refused,) = refused_in(found.text)
    assert "chen 在" in refused[1]
    assert "记下了一部分" in found.text


def test_viewer_cannot_decide(site: Site) -> None:
    """只看的人：按钮关着，写着为什么；绕过页面直接交表单的不作数，记在账上。"""
    zhao = site.enter("zhao", PASSWORD)
    assert "不是您的：策略不许 zhao" in zhao.page("/decide")
    found = zhao.decide("approve")
    assert found.status_code == 409
    assert "策略不许 zhao 决定回滚" in found.text
    refused = [one for one in site.room.services.ledger.decisions(site.run_id) if one.subject.startswith("refused:")]
    assert {one.operator for one in refused} == {"zhao"}
    assert len(site.enter("wang", PASSWORD).shown(site.run_id)) == 2


@pytest.mark.parametrize("tail", ["stop", "pause", "go-on"])
def test_viewer_cannot_steer(site: Site, tail: str) -> None:
    """只看的人照地址去停、去继续，也不行。"""
    zhao = site.enter("zhao", PASSWORD)
    assert zhao.post(f"/runs/{site.run_id}/{tail}", {}).status_code == 403
    assert not site.room.services.cancelled(site.run_id)


def test_get_never_decides(wang: Browser, site: Site) -> None:
    """GET 什么也不决定：扫描邮件的程序点开链接也不会批准。"""
    shown = wang.shown(site.run_id)
    found = wang.get(f"/decide/{site.run_id}?decision=approve&shown={shown[0]}")
    assert found.status_code == 405
    assert wang.shown(site.run_id) == shown


def test_old_login_has_to_give_the_password_again(wang: Browser, site: Site) -> None:
    """登录满十五分钟：没有给口令的不记，给了的记下，接着又是新的。"""
    sealer = site.room.sealer
    session = sealer.open(wang.client.cookies["pam_session"])
    assert session
    wang.client.cookies.delete("pam_session")
    wang.client.cookies.set("pam_session", sealer.seal(replace(session, proved=session.proved - PROOF_SECONDS)))
    assert wang.decide("approve").status_code == 403
    assert wang.decide("approve", password="wrong").status_code == 403
    assert wang.decide("approve", password=PASSWORD).status_code == 200


def test_plan_is_shown_as_a_difference_and_needs_the_right_person(desk: Desk, staffed: Site) -> None:
    """计划的卡片说变化；提出的人不能批准，可以批准的批准之后记下。"""
    desk.begin()
    li, wang = (staffed.enter(name, PASSWORD) for name in ("li", "wang"))
    assert "不是您的：策略不许 li 批准计划" in li.page("/decide")
    assert li.decide("approve").status_code == 409
    page = wang.page("/decide")
    assert "批准部署 3 台" in page
    assert wang.decide("retry").status_code == 409
    assert wang.decide("approve").status_code == 200


def test_large_decision_needs_the_number(make_site: Callable[..., Site], tmp_path: Path) -> None:
    """满五十台的，台数打对了才记下。"""
    ips = [f"10.0.1.{n}" for n in range(60)]
    with open_saver(tmp_path / "runtime" / "checkpoints.sqlite") as saver:
        big = Desk(tmp_path, saver, thread="big", ips=ips)
        big.begin()
        site = make_site(staffed=False)
        site.desk = big
        browser = site.enter()
        assert browser.decide("approve").status_code == 403
        assert browser.decide("approve", count="6").status_code == 403
        assert browser.decide("approve", count="60").status_code == 200
        big.services.close()
