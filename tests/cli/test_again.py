"""再来：只做没有成功的，照原来的参数与规则另开一次；离线的点得出名，不会丢（contract 第 2、8 节）。"""

import pytest

from tests.cli.site import BEFORE, Site


@pytest.fixture
def stopped(site: Site) -> Site:
    """四台：成功一台，保持现状一台，退回一台，失败到了上限而没有开工一台。"""
    _, kept, returned, _ = site.take(4)
    site.lab.add_fault(f"{kept}:verify:fail:1")
    site.lab.add_fault(f"{returned}:start:fail:1")
    assert site.run("--yes", "--max-failures", 2, "--ask-after", 9).code == 10
    assert site.confirm("reject", "--ip", kept).code == 0
    assert site.confirm("approve").code == 0
    assert site.resume().code == 12
    return site


def again(site: Site, *options: object) -> int:
    """照上一次再来，返回退出码。"""
    return site.pam("run", "--failed-of", site.run_id, "--run-id", f"{site.run_id}-b", *options).code


def test_only_the_unsuccessful_are_deployed_again(stopped: Site) -> None:
    """参数不必重说：没有成功的三台都从头做，成功的那台不碰；新的运行记着它是照谁再来的。"""
    good, *rest = stopped.ips
    assert again(stopped, "--yes") == 0
    new, before = f"{stopped.run_id}-b.", len(stopped.lab.journal())
    done = [(row["action"], row["ip"]) for row in stopped.lab.journal() if row["key"].startswith(new) and row["ip"]]
    assert sorted(done) == sorted((step, ip) for ip in rest for step in ("stop-ip", "deploy-ip", "start-ip"))
    assert [stopped.real(ip) for ip in (good, *rest)] == [(True, stopped.version)] * 4
    report = stopped.pam("report", f"{stopped.run_id}-b", "--format", "json").json()
    assert report["control_params"]["failed_of"] == stopped.run_id
    assert f"重做: 运行 {stopped.run_id}" in stopped.pam("report", f"{stopped.run_id}-b").out
    assert (again(stopped), len(stopped.lab.journal())) == (2, before), "没有不成功的就没有可再来的"


def test_the_plan_is_asked_and_options_win(stopped: Site) -> None:
    """再来也要批准计划；这次给的选项压过原来的；排除的不做。"""
    kept, returned, fresh = stopped.ips[1:]
    assert again(stopped, "--exclude", kept, "--max-parallel", 2) == 10
    found = stopped.pam("status", f"{stopped.run_id}-b", "--json").json()
    assert (found["failed_of"], found["phase"]) == (stopped.run_id, "waiting")
    code = found["waiting"][0]["digest"][:12]
    assert stopped.pam("confirm", f"{stopped.run_id}-b", "--approve", "--digest", code).code == 0
    assert stopped.pam("resume", f"{stopped.run_id}-b").code == 0
    report = stopped.pam("report", f"{stopped.run_id}-b", "--format", "json").json()
    assert list(report["ips"]) == [returned, fresh]
    assert report["control_params"]["max_parallel"] == 2


def test_wrong_use(site: Site) -> None:
    """没有这次运行、它还没有结束、又给了目标：都是 2，说出怎么办，什么也没有登记。"""
    (ip,) = site.take(1)
    site.lab.add_fault(f"{ip}:verify:fail:1")
    assert site.run("--yes").code == 10
    for options, said in [
        (["--failed-of", "nope"], "nope"),
        (["--failed-of", site.run_id], f"confirm {site.run_id} --retry"),
        (["--failed-of", site.run_id, "--targets", ip], "--exclude"),
    ]:
        done = site.pam("run", *options)
        assert (done.code, said in done.err) == (2, True), done.err
    assert len(site.pam("runs", "--json").json()) == 1


def test_offline_after_approval(site: Site) -> None:
    """批准之后离线的：不动它，报告与 status 点出它的名字，以 11 结束；上线之后 ``--failed-of`` 补上它。"""
    here, away = site.take(2)
    assert site.run().code == 10
    site.lab.set_online(away, online=False)
    try:
        assert site.confirm("approve").code == 0
        done = site.resume()
    finally:
        site.lab.set_online(away, online=True)
    assert (done.code, f"1 台没有到（不在线）：{away}" in done.err) == (11, True)
    assert f"| {away} | 不在线 OFFLINE |" in done.out
    assert f"没有到（不在线）：{away}" in site.pam("status", site.run_id).out
    assert site.report()["missing_ips"] == [away]
    assert again(site, "--yes") == 0
    assert [site.real(ip) for ip in (here, away)] == [(True, site.version)] * 2


def test_offline_when_its_turn_comes(site: Site) -> None:
    """轮到它时头两次没有收下：照原来的键再送，没有人被问，每一步只生效一次。"""
    first, away = site.take(2)
    site.lab.add_fault(f"{away}:stop:offline:2")
    assert site.run("--yes").code == 0
    assert (site.real(first), site.real(away)) == ((True, site.version), (True, site.version))
    assert [site.count("stop-ip", ip) for ip in (first, away)] == [1, 1]


def test_two_answers_for_many(site: Site) -> None:
    """四台在等，分两次答：前两台回滚，其余重试；一次 resume 都执行了，重试的从失败的一步接着做，尝试次数加一。"""
    site.take(4)
    for ip in site.ips:
        site.lab.add_fault(f"{ip}:start:fail:1")
    assert site.run("--yes", "--ask-after", 4, "--max-parallel", 4).code == 10
    back, retried = site.ips[:2], site.ips[2:]
    assert site.confirm("approve", "--ip", back[0], "--ip", back[1]).code == 0
    assert {row["subject"] for row in site.status()["waiting"]} == set(retried)
    assert site.confirm("retry").code == 0
    assert site.resume().code == 11
    assert [site.real(ip)[1] for ip in site.ips] == [BEFORE] * 2 + [site.version] * 2
    assert [site.count("rollback-ip", ip) for ip in site.ips] == [1, 1, 0, 0]
    assert [site.count("stop-ip", ip) for ip in site.ips] == [1] * 4
    keys = {row["key"].partition(":")[2] for row in site.lab.journal() if row["key"].startswith(f"{site.run_id}.")}
    assert {f"{ip}:start-ip:2" for ip in retried} <= keys
