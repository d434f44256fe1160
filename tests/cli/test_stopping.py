"""停下：Ctrl-C、取消、被别的进程握着、两个人同时作决定。"""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.cli.program import Job
from tests.cli.site import BEFORE, Site
from tests.patience import patience


def slow_start(site: Site, seconds: float) -> Job:
    """开始一次推出，等到第一台正在慢慢地部署。"""
    first = site.take(2)[0]
    site.lab.add_fault(f"{first}:deploy:slow={seconds}:1")
    job = site.start("--yes")
    deadline = time.monotonic() + patience(20)
    while not site.count("stop-ip", first):
        assert time.monotonic() < deadline, job.text()
        time.sleep(0.02)
    return job


def test_interrupt_during_a_slow_step(site: Site) -> None:
    """慢动作途中 Ctrl-C：进行中的一台做完就停，退出码 12，说出怎样继续；resume 做完其余的。"""
    job = slow_start(site, 1)
    job.interrupt()
    done = job.wait()
    assert (done.code, "Traceback" in done.err) == (12, False)
    assert f"resume {site.run_id}" in done.err
    assert site.real(site.ips[1]) == (True, BEFORE)
    assert site.resume().code == 0
    site.all_right()


@pytest.mark.parametrize("deaf", ["stdout", "stderr"])
def test_whoever_read_the_progress_went_away(site: Site, deaf: str) -> None:
    """看进度的走了（管道断了）：像 Ctrl-C 那样停下，退出码 12，一台没做完一半；resume 做完。"""
    site.take(2)
    argv = [sys.executable, "-m", "pam_deploy_graph", *site.argv("--yes", "--json"), "--home", str(site.pam.home)]
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        out, err = (pipe, subprocess.DEVNULL) if deaf == "stdout" else (subprocess.DEVNULL, pipe)
        options: dict[str, Any] = {"cwd": site.pam.folder, "env": site.pam.env, "stdin": subprocess.DEVNULL}
        process = subprocess.Popen(argv, stdout=out, stderr=err, **options)
    os.close(reader)
    assert process.wait(patience(50)) == 12
    assert site.resume().code == 0
    site.all_right()


def test_the_terminal_is_closed(site: Site) -> None:
    """终端关了（SIGHUP）：像 Ctrl-C 那样，进行中的一台做完才停，退出码 12。"""
    job = slow_start(site, 1)
    job.interrupt(signal.SIGHUP)
    assert job.wait().code == 12
    assert (site.real(site.ips[0]), site.real(site.ips[1])) == ((True, site.version), (True, BEFORE))
    assert site.resume().code == 0


def test_under_nohup_it_goes_on(site: Site) -> None:
    """``nohup`` 之下终端关了也照样做完：不换掉继承来的「不理 SIGHUP」。"""
    first = site.take(1)[0]
    site.lab.add_fault(f"{first}:deploy:slow=1:1")
    argv = ["nohup", sys.executable, "-m", "pam_deploy_graph", *site.argv("--yes"), "--home", str(site.pam.home)]
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(argv, cwd=site.pam.folder, env=site.pam.env, **quiet)
    deadline = time.monotonic() + patience(20)
    while not site.count("stop-ip", first):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    assert process.wait(patience(50)) == 0
    site.all_right()


def test_interrupt_twice(site: Site) -> None:
    """第二次 Ctrl-C 立即停；进行中的那个动作恢复时先查证，一次也不多。"""
    job = slow_start(site, 2)
    job.interrupt()
    time.sleep(0.3)
    job.interrupt()
    done = job.wait()
    assert (done.code, "Traceback" in done.err) == (12, False)
    assert site.resume().code == 0
    site.all_right()


def test_a_run_that_is_held(site: Site) -> None:
    """别的进程正推着：resume 以 2 退出并说出是哪个进程，什么也不做；status 照样能看。"""
    job = slow_start(site, 2)
    done = site.resume()
    assert (done.code, str(job.pid) in done.err) == (2, True)
    found = site.status()
    assert (found["phase"], str(job.pid) in found["holder"]) == ("running", True)
    assert job.wait().code == 0
    site.all_right()


def test_cancel_while_it_runs(site: Site) -> None:
    """从另一个终端取消：进行中的做完，没开工的不碰，以 12 结束并说出是谁取消的。"""
    job = slow_start(site, 1.5)
    done = site.pam("cancel", site.run_id)
    assert (done.code, str(job.pid) in done.err) == (0, True)
    assert job.wait().code == 12
    assert (site.real(site.ips[0]), site.real(site.ips[1])) == ((True, site.version), (True, BEFORE))
    assert site.resume().code == 12


def test_cancel_after_a_crash(site: Site) -> None:
    """进程被杀之后再取消：进行中的那一台仍要做完，不能已中断就算结束。"""
    slow_start(site, 1).kill()
    assert site.pam("cancel", site.run_id).code == 0
    assert site.resume().code == 12
    assert site.real(site.ips[0]) == (True, site.version)
    assert site.real(site.ips[1]) == (True, BEFORE)


def test_cancel_keeps_what_was_decided(site: Site) -> None:
    """批准了回滚、还没有执行就取消：回滚仍要做完才结束，没开工的不碰。"""
    bad, untouched = site.take(2)
    site.lab.add_fault(f"{bad}:verify:fail:1")
    assert (site.run("--yes").code, site.confirm("approve").code) == (10, 0)
    done = site.pam("cancel", site.run_id)
    assert (done.code, bad in done.err) == (0, True)
    assert site.resume().code == 12
    assert (site.real(bad), site.count("rollback-ip", bad)) == ((True, BEFORE), 1)
    assert (site.real(untouched), site.count("stop-ip", untouched)) == ((True, BEFORE), 0)


@pytest.mark.parametrize("bad", [False, True], ids=["plan", "rollback"])
def test_a_late_answer_is_told_whose_counts(site: Site, *, bad: bool) -> None:
    """两个相反的决定先后到：第二个以 10 退出，被告知是谁先决定了什么；先决定的人再说一遍不算错。"""
    (ip,) = site.take(1)
    if bad:
        site.lab.add_fault(f"{ip}:verify:fail")
    assert site.run(*(["--yes"] if bad else [])).code == 10
    assert site.confirm("approve", "--operator", "甲").code == 0
    done = site.confirm("reject", "--operator", "乙")
    assert (done.code, "甲" in done.err, "approve" in done.err) == (10, True, True)
    assert site.confirm("approve", "--operator", "甲").code == 0
    assert [row["operator"] for row in site.report()["decisions"][bad:]] == ["甲"]


def test_two_opposite_answers(site: Site) -> None:
    """两个人同时给出相反的决定：一个作数，另一个被告知是谁先决定了什么。"""
    site.take(1)
    assert site.run().code == 10
    people = {"甲": "approve", "乙": "reject"}
    jobs = {
        name: site.pam.start("confirm", site.run_id, f"--{decision}", *site.code(), "--operator", name)
        for name, decision in people.items()
    }
    done = {name: job.wait() for name, job in jobs.items()}
    (winner,) = [name for name, one in done.items() if one.code == 0]
    (loser,) = [name for name, one in done.items() if one.code == 10]
    assert winner in done[loser].err
    assert [(row["operator"], row["decision"]) for row in site.report()["decisions"]] == [(winner, people[winner])]
    assert site.resume().code == (0 if winner == "甲" else 12)
    assert bool(site.effects()) is (winner == "甲")
