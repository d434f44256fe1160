"""模块锁：同一机场的同一模块，一次推出没有结束，另一次就进不来。"""

import time
from collections.abc import Callable

import pytest

from tests.cli.site import BEFORE, Site
from tests.patience import patience


@pytest.fixture
def holder(site: Site) -> Site:
    """一次停在等人决定的推出。"""
    (bad,) = site.take(1)
    site.lab.add_fault(f"{bad}:verify:fail")
    assert site.run("--yes").code == 10
    return site


@pytest.mark.parametrize("freed_by", ["cancel", "finish"])
def test_one_rollout_at_a_time(holder: Site, make_site: Callable[[], Site], freed_by: str) -> None:
    """第二次推出以 12 停下，说出被谁、自何时占着、怎么办，什么也没做；前一次了结之后它接着做完。"""
    second = make_site()
    (ip,) = second.take(1)
    done = second.run("--yes")
    assert done.code == 12
    for said in ("PEK/checkin/gate", holder.run_id, "自 20", f"resume {holder.run_id}", f"cancel {holder.run_id}"):
        assert said in done.err
    assert (second.effects(), second.real(ip)) == ([], (True, BEFORE))
    if freed_by == "cancel":
        assert holder.pam("cancel", holder.run_id).code == 0
    else:
        assert holder.confirm("reject").code == 0
        assert holder.resume().code == 11
    assert second.resume().code == 10
    assert second.confirm("approve").code == 0
    assert second.resume().code == 0
    second.all_right()


def test_what_does_not_collide(holder: Site, make_site: Callable[..., Site]) -> None:
    """假后端不占也不问；别的工作目录是别的账本。"""
    assert make_site().run("--yes", "--strategy", "fake").code == 0
    elsewhere = make_site("elsewhere")
    elsewhere.take(1)
    assert elsewhere.run("--yes").code == 0


def test_waiting_for_the_module(holder: Site, make_site: Callable[[], Site]) -> None:
    """``--wait``：说出在等谁，前一次了结之后接着做；等到了时候还占着，以 12 停下。"""
    second = make_site()
    second.take(1)
    assert second.run("--yes", "--wait", 1).code == 12
    job = second.pam.start("resume", second.run_id, "--wait", 300)
    deadline = time.monotonic() + patience(60)
    while "等着" not in second.pam("status", second.run_id).out:
        assert time.monotonic() < deadline
    assert holder.pam("cancel", holder.run_id).code == 0
    assert holder.resume().code == 12
    done = job.wait()
    assert done.code == 10, done.err
    assert (f"由运行 {holder.run_id} 占着" in done.err, "最多再等" in done.err) == (True, True), done.err
    assert second.confirm("approve").code == 0
    assert second.resume().code == 0
    second.all_right()
