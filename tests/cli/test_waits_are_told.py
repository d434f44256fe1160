"""等着再送、再问的时候说出在等什么：文字、``--json``、对话都一样；批准之前的检查等到动作的时限（contract 第 3 节）。"""

import time
from collections.abc import Iterator

import pytest

from tests.cli.program import Done, Job
from tests.cli.site import Site
from tests.cli.terminal import Terminal
from tests.patience import patience
from tests.protocol.proxy import Proxy, proxy_of

TOLD = "deploy-ip 没有收下，1 秒后用同一个键重发"


def busy(site: Site) -> str:
    """一台的部署先说忙，请一秒之后再来。"""
    (ip,) = site.take(1)
    site.lab.add_fault(f"{ip}:deploy:busy=503:1")
    return ip


def test_run_says_what_it_waits_for(site: Site) -> None:
    """进度里有哪一台、哪一步、等几秒、为什么。"""
    ip = busy(site)
    done = site.run("--yes")
    assert done.code == 0, done.err
    (line,) = (line for line in done.err.splitlines() if TOLD in line)
    assert (line.startswith(f"{ip} "), "503" in line) == (True, True), line
    site.all_right()


def test_json_says_what_it_waits_for(site: Site) -> None:
    """``--json`` 里是一个事件，账本与报告里也是。"""
    ip = busy(site)
    done = site.run("--yes", "--json")
    for events in (done.events(), site.report()["events"]):
        (found,) = (event for event in events if event["type"] == "RESEND_WAIT")
        told = {name: found[name] for name in ("stage", "ip", "outcome", "seconds")}
        assert told == {"stage": "deploy-ip", "ip": ip, "outcome": "not_taken", "seconds": 1.0}
        assert "503" in found["message"]


def test_chat_says_what_it_waits_for(site: Site, terminal: Terminal) -> None:
    """对话里也看得见。"""
    ip = busy(site)
    job = site.pam.start("chat", tty=terminal.slave)
    terminal.expect("> ")
    terminal.type(f"把首都机场 checkin/gate 升级到 {site.version}，只做 {ip}，安装包 {site.package}\n")
    terminal.expect("批准？")
    terminal.type("同意\n")
    terminal.expect(TOLD)
    terminal.expect("结果:")
    terminal.type("退出\n")
    assert terminal.finish(job).code == 0


@pytest.fixture
def before_home(site: Site) -> Iterator[Proxy]:
    """HOME 前面的代理，命令行从它那里进。"""
    with proxy_of(site.lab.home_url) as proxy:
        site.pam.env["PAM_HOME_URL"] = proxy.url
        yield proxy


@pytest.mark.slow
def test_a_check_before_the_plan_waits_until_its_time_limit(site: Site, before_home: Proxy) -> None:
    """HOME 七八秒不听：检查一直再问，说出在等什么，等到了就提出计划，不必重做一次。"""
    site.take(1)
    jobs: list[Job] = []

    def until_told() -> None:
        """开始，等到说了四遍（3.5 秒之后说的，还要等 4 秒）。"""
        jobs.append(site.start())
        heard(jobs[0], 4)

    before_home.away(until_told)
    done = jobs[0].wait()
    assert done.code == 10, done.err
    assert "4 秒后再问" in done.err
    assert site.effects() == []


def test_ctrl_c_ends_the_wait_before_the_plan(site: Site, before_home: Proxy) -> None:
    """等的时候 Ctrl-C：马上停，说是人停下的，什么也没有改变。"""
    site.take(1)
    ended: list[Done] = []

    def interrupted() -> None:
        """开始，听到它在等就打断。"""
        job = site.start()
        heard(job, 1)
        job.interrupt()
        ended.append(job.wait(5))

    before_home.away(interrupted)
    assert (ended[0].code, "Traceback" in ended[0].err) == (12, False), ended
    assert site.effects() == []


def heard(job: Job, times: int) -> None:
    """等到它说了几遍在等什么。"""
    deadline = time.monotonic() + patience(30)
    while job.text().count("check-home 没有收下") < times:
        assert time.monotonic() < deadline, job.text()
        time.sleep(0.02)
