"""在终端里：``run`` 就地问计划与回滚，没有回答就停在 10（contract 第 8 节）。"""

import pytest

from tests.cli.program import Job
from tests.cli.site import BEFORE, Site
from tests.cli.terminal import Terminal


def start(site: Site, terminal: Terminal) -> Job:
    """在终端里开始一次推出。"""
    return site.pam.start(*site.argv(), tty=terminal.slave)


def test_asks_for_plan_and_rollback(site: Site, terminal: Terminal) -> None:
    """先问计划，再问回滚，各答一次，做到结束；看不懂的回答再问。"""
    good, bad = site.take(2)
    site.lab.add_fault(f"{bad}:verify:fail")
    job = start(site, terminal)
    terminal.expect(site.version)
    terminal.expect("批准？")
    assert site.effects() == []
    terminal.type("也许\n")
    terminal.expect("没有听出要改什么")
    terminal.expect("批准？")
    terminal.type("approve\n")
    terminal.expect(bad)
    terminal.expect("回滚？")
    assert site.count("rollback-ip", bad) == 0
    terminal.type("同意\n")
    done = terminal.finish(job)
    assert (done.code, done.out) == (11, "")
    assert "PAM 智能部署报告" in terminal.shown
    assert (site.real(good), site.real(bad)) == ((True, site.version), (True, BEFORE))


@pytest.mark.parametrize(("typed", "code"), [("reject\n", 12), ("\x04", 10)], ids=["reject", "end-of-input"])
def test_no_approval(site: Site, terminal: Terminal, typed: str, code: int) -> None:
    """拒绝计划是 12，Ctrl-D 没有作答是 10；都什么也没做。"""
    site.take(1)
    job = start(site, terminal)
    terminal.expect("批准？")
    terminal.type(typed)
    assert terminal.finish(job).code == code
    assert site.effects() == []


def test_answers_later(site: Site, terminal: Terminal) -> None:
    """在没有终端的地方停下的，到终端里 resume，接着问同一个问题。"""
    site.take(1)
    assert site.run().code == 10
    job = site.pam.start("resume", site.run_id, tty=terminal.slave)
    terminal.expect("批准？")
    terminal.type("approve\n")
    assert terminal.finish(job).code == 0
    site.all_right()
