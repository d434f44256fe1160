"""两个工作目录、一座机场：谁也看不见谁的账本，工作站上最近的键说得出来（contract 第 3 节 ``LAST_KEY``）。"""

import copy
from collections.abc import Callable

import pytest

from tests.cli.site import Site


@pytest.fixture
def other(site: Site, make_site: Callable[..., Site]) -> Site:
    """另一个目录里的人，要动的是同一台工作站。"""
    site.take(1)
    elsewhere = make_site("elsewhere")
    elsewhere.ips = site.ips
    return elsewhere


def test_the_plan_names_the_other_run(site: Site, other: Site) -> None:
    """最近由别的目录动过的：计划里说是哪次运行、现在是什么版本；自己动过的不提。"""
    assert other.run("--yes").code == 0
    assert site.run().code == 10
    text = site.status()["waiting"][0]["text"]
    for said in (f"注意: {site.ips[0]} 最近是运行 {other.run_id}", other.version, f"{other.version} → "):
        assert said in text
    again = copy.copy(other)
    again.run_id = f"{other.run_id}-again"
    assert again.run().code == 10
    assert "最近是" not in again.status()["waiting"][0]["text"]


def test_another_hand_between_plan_and_start(site: Site, other: Site) -> None:
    """提出计划之后别人动过：批准了也不动手，说出是谁，问人；人说接着做才做。"""
    assert site.run().code == 10
    assert other.run("--yes").code == 0
    assert site.confirm("approve").code == 0
    assert site.resume().code == 10
    (asked,) = site.status()["waiting"]
    assert (f"运行 {other.run_id}" in asked["failure_reason"], "没有动手" in asked["failure_reason"]) == (True, True)
    assert (site.real(site.ips[0]), asked["allowed_decisions"]) == ((True, other.version), ["reject", "retry"])
    assert site.confirm("retry").code == 0
    done = site.resume()
    assert done.code == 0, done.err
    site.all_right()


def test_another_hand_between_question_and_retry(site: Site, other: Site) -> None:
    """失败之后问着，别人动过：接着做的决定作废，重新问，问题里说出是谁；再决定一次才做。"""
    site.lab.add_fault(f"{site.ips[0]}:deploy:fail:1")
    assert site.run("--yes").code == 10
    assert site.confirm("retry").code == 0
    assert other.run("--yes").code == 0
    assert site.resume().code == 10
    assert site.real(site.ips[0]) == (True, other.version)
    (asked,) = site.status()["waiting"]
    assert f"运行 {other.run_id}" in asked["changed"]
    assert site.confirm("retry").code == 0
    done = site.resume()
    assert done.code == 0, done.err
    assert site.real(site.ips[0]) == (True, site.version)


@pytest.mark.parametrize("order", ["stop", "deploy"])
def test_another_hand_while_in_doubt(site: Site, other: Site, order: str) -> None:
    """结果未知，问着，别人动过：问题说出是谁、接着做会盖掉什么，不给退回；人说接着做就做到底，没有一步做两次。

    从前每次接着做都又停一次模块，然后仍说不清做没做；别人动过的事也不再记得，又给出了退回。
    """
    (ip,) = site.ips
    site.lab.add_fault(f"{ip}:{order}:hang:2")
    assert site.run("--yes", REQUEST_TIMEOUT="2").code == 10
    site.lab.clear_faults()
    assert site.status()["waiting"][0]["status"] == "IN_DOUBT"
    assert other.run("--yes").code == 0
    site.lab.add_fault(f"{ip}:verify:fail:1")
    assert site.confirm("retry").code == 0
    assert site.resume().code == 10
    (asked,) = site.status()["waiting"]
    who = f"运行 {other.run_id}"
    assert (asked["status"], asked["allowed_decisions"]) == ("IN_DOUBT", ["reject", "retry"])
    assert (who in asked["changed"], who in asked["no_approve"]) == (True, True)
    assert asked["effects"]["retry"] == f"先查证它的实情，再从头做，盖掉{who}做的，装 {site.version}"
    assert site.confirm("retry").code == 0
    assert site.resume().code == 10
    (asked,) = site.status()["waiting"]
    assert (asked["failed_stage"], asked["version_now"]) == ("verify-ip", site.version)
    assert ("approve" in asked["allowed_decisions"], who in asked["no_approve"]) == (False, True)
    assert (site.count("deploy-ip", ip), site.count("start-ip", ip)) == (1, 1)
    assert site.confirm("retry").code == 0
    assert site.resume().code == 0
    assert site.real(ip) == (True, site.version)
