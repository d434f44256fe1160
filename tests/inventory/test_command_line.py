"""命令行上的名称：选项、显示、途中换了清单、写错了的清单（真的进程、真的试验场）。"""

from pathlib import Path

from pam_deploy_graph.inventory.stock import Row
from tests.cli.site import Site
from tests.inventory.files import write_csv


def _names(site: Site, *, named: str = "柜台", encoding: str = "gbk") -> Path:
    """给领到的几台起名。"""
    rows = [Row(ip, f"K{n} {named}", ("值机岛",)) for n, ip in enumerate(site.ips, 1)]
    return write_csv(site.pam.folder / "names.csv", rows, encoding=encoding)


def test_names_from_the_option_to_the_report(site: Site) -> None:
    """名称与组点名要做的、不要动的；问题、进度、状态、报告里名称都在地址旁边。"""
    first, second, third = site.take(3)
    site.lab.add_fault(f"{first}:verify:fail")
    names = _names(site)
    done = site.run("--yes", "--inventory", names, "--targets", "值机岛", "--exclude", "K3柜台")
    assert done.code == 10
    assert f"{first} K1 柜台 开始" in done.err
    assert f"{first} K1 柜台" in site.pam("status", site.run_id).out
    assert site.status()["waiting"][0]["name"] == "K1 柜台"
    answered = site.pam("confirm", site.run_id, "--approve", "--ip", "K1 柜台", "--json")
    assert answered.json()["subjects"] == [first]
    resumed = site.pam("resume", site.run_id, "--json")
    assert any(event.get("name") == "K1 柜台" for event in resumed.events())
    report = site.report()
    assert {ip: row["name"] for ip, row in report["ips"].items()} == {first: "K1 柜台", second: "K2 柜台"}
    assert f"| {first} K1 柜台 |" in site.pam("report", site.run_id).out
    assert "K2 柜台" in site.pam("report", site.run_id, "--format", "html").out
    assert site.count("deploy-ip", third) == 0


def test_a_list_changed_before_the_resume(site: Site) -> None:
    """批准之后清单里的名称指到了别的机器：做的还是批准的那几台，名称照提出计划时的。"""
    first, second = site.take(2)
    site.lab.add_fault(f"{first}:verify:fail")
    names = _names(site)
    assert site.run("--yes", "--inventory", names, "--targets", "K1 柜台").code == 10
    write_csv(names, [Row(second, "K1 柜台"), Row(first, "K2 柜台")])
    assert site.confirm("retry").code == 0
    site.lab.clear_faults()
    assert site.pam("resume", site.run_id, "--inventory", names).code == 0
    report = site.report()
    assert {ip: row["name"] for ip, row in report["ips"].items()} == {first: "K1 柜台"}
    assert site.count("deploy-ip", second) == 0


def test_what_is_not_in_the_list(site: Site) -> None:
    """认不得的名称、没有清单的名称、写错了的清单：一句话，什么也没有登记。"""
    site.take(2)
    names = _names(site)
    strange = site.run("--inventory", names, "--targets", "K9 柜台")
    assert (strange.code, "K1 柜台" in strange.err, str(names) in strange.err) == (2, True, True)
    bare = site.run("--targets", "K1 柜台")
    assert (bare.code, "--inventory" in bare.err) == (2, True)
    names.write_text("ip,name\n10.0.0.1,K1\n10.0.0.1,K2\n", encoding="utf-8")
    wrong = site.run("--yes", env={"PAM_INVENTORY": str(names)})
    assert (wrong.code, "第 3 行" in wrong.err) == (2, True)
    assert site.pam("runs", "--json").json() == []


def test_a_scope_from_a_file(site: Site) -> None:
    """``--targets @FILE``：一行一个地址或名称。"""
    first, second, _ = site.take(3)
    wanted = site.pam.folder / "tonight.txt"
    wanted.write_text(f"# 今晚\nK2 柜台\n{first}\n", encoding="utf-8")
    done = site.run("--yes", "--inventory", _names(site), "--targets", f"@{wanted}", "--strategy", "fake")
    assert done.code in (11, 12)  # 演练里没有这几台在线
    assert [row["ip"] for row in site.report()["events"] if row["type"] == "IP_START"] == []
    assert site.report()["missing_ips"] == [second, first]


def test_looking_does_not_need_the_list(site: Site) -> None:
    """清单写错了，照样看得了状态，只说一声名称没有显示。"""
    site.take(1)
    names = _names(site)
    assert site.run("--yes").code == 0
    assert "K1 柜台" in site.pam("report", site.run_id, "--inventory", names).out
    names.write_text("ip\n", encoding="utf-8")
    seen = site.pam("status", site.run_id, "--inventory", names)
    assert (seen.code, "名称没有显示" in seen.err) == (0, True)
