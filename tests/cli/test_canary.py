"""灰度：先做几台，观察，再验证，请人批准其余的（contract 第 2 节 ``canary``）。"""

import time

import pytest

from tests.cli.program import Job
from tests.cli.site import BEFORE, Site
from tests.patience import patience


def until_said(job: Job, words: str) -> None:
    """等命令说出一句话。"""
    deadline = time.monotonic() + patience(20)
    while words not in job.text():
        assert time.monotonic() < deadline, job.text()
        time.sleep(0.02)


def test_a_failed_canary_stops(site: Site) -> None:
    """灰度的一台失败了，没有人决定之前不碰其余的。"""
    first, second = site.take(2)
    site.lab.add_fault(f"{first}:verify:fail:1")
    assert site.run("--yes", "--canary", 1, "--ask-after", 3).code == 10
    assert site.real(second) == (True, BEFORE)


def test_the_canary_is_observed(site: Site) -> None:
    """``--hold``：灰度做完之后观察够时候，再开其余的。"""
    first, second = site.take(2)
    assert site.run("--yes", "--canary", 1, "--hold", 1).code == 0
    site.all_right()
    events = site.report()["events"]
    at = {(event["type"], event.get("ip")): event["at"] for event in events}
    assert at["IP_DONE", first] <= at["CANARY_HOLD", None]
    assert at["CANARY_HOLD", None] + 1000 <= at["CANARY_RELEASED", None] <= at["IP_START", second]


def test_a_canary_that_breaks_while_observed(site: Site) -> None:
    """观察的时候坏了的灰度：再验证查得出来，停下来问，其余的一台没碰；修好之后重试，再观察，推完。"""
    first, second = site.take(2)
    job = site.start("--yes", "--canary", 1, "--hold", 1)
    until_said(job, "观察")
    site.lab.add_fault(f"{first}:verify:fail:1")
    assert job.wait().code == 10
    assert [(row["subject"], row["failed_stage"]) for row in site.status()["waiting"]] == [(first, "verify-ip")]
    assert site.real(second) == (True, BEFORE)
    assert site.confirm("retry").code == 0
    assert site.resume().code == 0
    site.all_right()


@pytest.mark.parametrize(("decision", "code"), [("approve", 0), ("reject", 12)])
def test_the_rest_is_approved(site: Site, decision: str, code: int) -> None:
    """``--confirm-canary``：灰度之后停在 10，批准了才推其余的，否决就到此为止。"""
    first, second = site.take(2)
    assert site.run("--yes", "--canary", 1, "--confirm-canary").code == 10
    assert (site.real(first), site.real(second)) == ((True, site.version), (True, BEFORE))
    assert [row["subject"] for row in site.status()["waiting"]] == ["plan"]
    assert site.resume().code == 10
    assert site.confirm(decision).code == 0
    assert site.resume().code == code
    assert site.real(second) == (True, site.version if decision == "approve" else BEFORE)
