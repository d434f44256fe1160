"""推出：只做批准过的，答了哪台做哪台，同一个毛病只问一次，重做与重试（contract 第 2、5、8 节）。"""

import hashlib

import pytest

from tests.cli.site import BEFORE, Site


def test_resume_from_another_folder(site: Site) -> None:
    """``--home`` 给相对路径开始的运行，换个当前目录也能继续，回滚照样成功。"""
    (bad,) = site.take(1)
    site.lab.add_fault(f"{bad}:verify:fail:1")
    elsewhere = site.pam.folder / "elsewhere"
    elsewhere.mkdir()
    assert site.pam(*site.argv("--yes"), home=".").code == 10
    assert site.pam("confirm", site.run_id, "--approve", home=site.pam.folder).code == 0
    assert site.pam("resume", site.run_id, home=site.pam.folder, cwd=elsewhere).code == 11
    assert site.real(bad) == (True, BEFORE)
    assert list(elsewhere.rglob("*")) == []


def test_resume_carries_out_a_partial_answer(site: Site) -> None:
    """两台在等而只答了一台：resume 执行这一台，另一台继续等。"""
    first, second = site.take(2)
    for ip in site.ips:
        site.lab.add_fault(f"{ip}:verify:fail:1")
    assert site.run("--yes", "--ask-after", 2).code == 10
    assert site.confirm("approve", "--ip", first).code == 0
    assert site.resume().code == 10
    assert site.count("rollback-ip", first) == 1
    assert site.count("rollback-ip", second) == 0


def test_only_what_was_approved(site: Site) -> None:
    """批准之后才上线的工作站不在批准过的计划里：要么不动它，要么再问。"""
    shown, late = site.take(2)
    site.lab.set_online(late, online=False)
    try:
        assert site.run().code == 10
    finally:
        site.lab.set_online(late, online=True)
    assert site.confirm("approve").code == 0
    done = site.resume()
    assert site.real(late) == (True, BEFORE), "没有给人看过的工作站被部署了"
    assert (done.code, site.real(shown)[1]) == (11, site.version)
    assert f"1 台没有到（不在线）：{late}" in done.err


def test_three_of_a_kind_are_asked_once(site: Site) -> None:
    """接连三台同样的失败就停下来问，虽然 ``--ask-after`` 还远；答过之后同一个毛病不再为它停。"""
    site.take(6)
    for ip in site.ips[:5]:
        site.lab.add_fault(f"{ip}:verify:fail")
    assert site.run("--yes", "--ask-after", 10).code == 10
    assert [row["subject"] for row in site.status()["waiting"]] == site.ips[:3]
    assert [site.real(ip) for ip in site.ips[3:]] == [(True, BEFORE)] * 3
    assert site.confirm("reject").code == 0
    assert site.resume().code == 10
    assert [row["subject"] for row in site.status()["waiting"]] == site.ips[3:5]
    assert site.real(site.ips[5]) == (True, site.version)


@pytest.mark.parametrize("force", [True, False])
def test_force(site: Site, *, force: bool) -> None:
    """已在目标版本上运行的跳过；``--force`` 则照样重做。"""
    (ip,) = site.take(1)
    assert site.run("--yes").code == 0
    site.run_id += "-again"
    assert site.run("--yes", *(["--force"] if force else [])).code == 0
    assert [action for action, where in site.effects() if where == ip] == ["stop-ip", "deploy-ip", "start-ip"] * force
    assert site.real(ip) == (True, site.version)


def test_what_never_passed_its_verification_is_not_skipped(site: Site) -> None:
    """上次验证不过而留在新版本上的：再推一次时不算已经在目标版本上，要重做。"""
    (ip,) = site.take(1)
    site.lab.add_fault(f"{ip}:verify:fail:2")
    assert site.run("--yes").code == 10
    assert (site.confirm("reject").code, site.resume().code) == (0, 11)
    site.run_id += "-again"
    assert site.run("--yes").code == 0
    assert [action for action, where in site.effects() if where == ip] == ["stop-ip", "deploy-ip", "start-ip"]


def test_retry_goes_on_from_the_failed_step(site: Site) -> None:
    """``confirm --retry``：不回滚，从失败的那一步接着做，做过的不重做。"""
    (ip,) = site.take(1)
    site.lab.add_fault(f"{ip}:start:fail:1")
    assert site.run("--yes").code == 10
    assert site.confirm("retry", "--note", "换了网线").code == 0
    assert site.resume().code == 0
    site.all_right()
    decided = [(row["subject"], row["decision"], row["note"]) for row in site.report()["decisions"]]
    assert (ip, "retry", "换了网线") in decided


def test_what_fails_again_is_asked_again(site: Site) -> None:
    """重试之后又失败：是新的问题，先前的决定不作数。"""
    (ip,) = site.take(1)
    site.lab.add_fault(f"{ip}:verify:fail:2")
    assert site.run("--yes").code == 10
    for code in (10, 0):
        assert site.confirm("retry").code == 0
        assert site.resume().code == code
    site.all_right()


def test_the_failure_budget(site: Site) -> None:
    """失败到了 ``--max-failures`` 台就不再开新的；有了决定之后以 12 结束，说出还剩几台。"""
    site.take(3)
    for ip in site.ips[:2]:
        site.lab.add_fault(f"{ip}:verify:fail")
    assert site.run("--yes", "--max-failures", 2, "--ask-after", 9).code == 10
    assert site.confirm("reject").code == 0
    done = site.resume()
    assert (done.code, "1 台" in done.err) == (12, True)
    assert site.real(site.ips[2]) == (True, BEFORE)


def test_a_package_that_changed_since_it_was_shown(site: Site) -> None:
    """给人看过、批准了之后安装包换了：不上传，批准作废，就地提出新的计划；批准的总是要部署的那一份。"""
    site.take(1)
    assert site.run().code == 10
    shown = site.status()["waiting"][0]
    assert hashlib.sha256(site.package.read_bytes()).hexdigest() in shown["text"]
    site.package.write_bytes(b"not what was shown\n")
    assert site.confirm("approve").code == 0
    done = site.resume()
    assert (done.code, str(site.package) in done.err, site.effects()) == (10, True, [])
    again = site.status()["waiting"][0]
    assert again["digest"] != shown["digest"]
    assert hashlib.sha256(site.package.read_bytes()).hexdigest() in again["text"]
    assert (site.confirm("approve").code, site.resume().code) == (0, 0)
    site.all_right()
