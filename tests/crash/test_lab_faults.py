"""试验场的故障：答案丢了、没有答案、慢、离线、试验场自己死了；效果恰好一次，或停下来问人（faults「network」）。"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pam_deploy_graph.lab.launcher import LabProcess
from tests.cli.program import Pam, Zygote
from tests.cli.site import BEFORE, Site

ORDERS = ["stop", "deploy", "start"]


@pytest.mark.parametrize("kind", ["drop", "slow=0.5", "status=500", "status=404", "busy=503", "offline"])
def test_done_without_an_answer(site: Site, kind: str) -> None:
    """动作做了而答案丢了、说明不了，答得慢，或没有收下：查证之后接着做，不问人，每个效果恰好一次。"""
    site.take(4)
    for ip, order in zip(site.ips, [*ORDERS, "verify"], strict=True):
        site.lab.add_fault(f"{ip}:{order}:{kind}:1")
    done = site.run("--yes", "--max-parallel", 4)
    assert done.code == 0, done.err
    site.all_right()


def test_a_rollback_without_an_answer(site: Site) -> None:
    """回滚做了而答案丢了：查证之后算做过，恰好一次。"""
    (bad,) = site.take(1)
    site.lab.add_fault(f"{bad}:verify:fail")
    site.lab.add_fault(f"{bad}:rollback:drop:1")
    assert site.run("--yes").code == 10
    assert site.confirm("approve").code == 0
    assert site.resume().code == 11
    assert site.count("rollback-ip", bad) == 1
    assert site.real(bad) == (True, BEFORE)
    assert site.report()["ips"][bad]["rollback"] == "ROLLBACK_DONE"


def test_hangs_are_asked_about(site: Site) -> None:
    """没有答案：时限一到就是结果未知，问过、再送过一次还没有，停下来问人；重试之后做完，每个效果恰好一次。"""
    site.take(3)
    for ip, order in zip(site.ips, ORDERS, strict=True):
        site.lab.add_fault(f"{ip}:{order}:hang:2")
    done = site.run("--yes", "--max-parallel", 3, "--ask-after", 3, REQUEST_TIMEOUT="2")
    assert done.code == 10, done.err
    assert {row["status"] for row in site.status()["waiting"]} == {"IN_DOUBT"}
    assert site.confirm("retry").code == 0
    done = site.resume()
    assert done.code == 0, done.err
    site.all_right()


def test_one_hang_is_settled_without_asking(site: Site) -> None:
    """只挂一次的：时限之后问过工作站，没有做，以同一个键再送一次就做完，不问人。"""
    site.take(3)
    for ip, order in zip(site.ips, ORDERS, strict=True):
        site.lab.add_fault(f"{ip}:{order}:hang:1")
    done = site.run("--yes", "--max-parallel", 3, REQUEST_TIMEOUT="2")
    assert done.code == 0, done.err
    site.all_right()


@pytest.mark.parametrize("decision", ["retry", "reject"])
def test_gone_offline(site: Site, decision: str) -> None:
    """推到一半一直离线的：送到时限为止，没有效果，问人；回来之后重试做完，或保持现状。"""
    (ip,) = site.take(1)
    site.lab.add_fault(f"{ip}:deploy:offline")
    assert site.run("--yes", REQUEST_TIMEOUT="2").code == 10
    (waiting,) = site.status()["waiting"]
    assert (waiting["failed_stage"], ip in waiting["failure_reason"]) == ("deploy-ip", True)
    assert site.count("deploy-ip", ip) == 0
    site.lab.clear_faults()
    assert site.confirm(decision).code == 0
    assert site.resume().code == (0 if decision == "retry" else 11)
    assert site.count("deploy-ip", ip) == (decision == "retry")


@pytest.fixture
def mortal_lab(tmp_path: Path) -> Iterator[LabProcess]:
    """自己的试验场，状态留在磁盘上。"""
    with LabProcess(workstations=2, state=tmp_path / "state", faults=["10.0.0.1:deploy:crash:1"]) as running:
        yield running


def test_the_lab_dies(mortal_lab: LabProcess, zygote: Zygote, tmp_path: Path) -> None:
    """部署生效之后 PAM 整个死了：停下来问人；PAM 回来之后重试，每个效果恰好一次，每台都在新版本上。"""
    pam = Pam(zygote, tmp_path, {"PAM_HOME_URL": mortal_lab.home_url, "PAM_TOKEN": mortal_lab.token})
    site = Site(pam, mortal_lab, lambda number: [f"10.0.0.{n + 1}" for n in range(number)], 1)
    site.take(2)
    done = site.run("--yes", REQUEST_TIMEOUT="3")
    assert (done.code, "Traceback" in done.err) == (10, False), done.err
    mortal_lab.wait()
    with LabProcess(workstations=2, state=tmp_path / "state") as site.lab:
        assert (site.lab.home_url, site.lab.token) == (mortal_lab.home_url, mortal_lab.token)
        assert site.confirm("retry").code == 0
        done = site.resume()
        assert done.code == 0, done.err
        site.all_right()
