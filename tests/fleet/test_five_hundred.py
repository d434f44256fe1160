"""五百台：灰度、五十台并发、三种故障、预算停一次、kill -9 恢复一次，报告与试验场逐台对得上。"""

import os
import time
from pathlib import Path

import pytest

from pam_deploy_graph.cli.demo_scenario import provision
from pam_deploy_graph.lab.launcher import LabProcess
from tests.fleet.rollout import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(400)]

FAILING = [f"10.0.0.{n}" for n in (60, 70, 80, 90)]
BROKEN = [f"10.0.1.{n}" for n in (10, 20, 30)]
DROPPED = [f"10.0.0.{n}" for n in (150, 160, 170)]
FAULTS = [
    *(f"{ip}:verify:fail" for ip in FAILING),
    *(f"{ip}:deploy:fail" for ip in BROKEN),
    *(f"{ip}:start:drop:1" for ip in DROPPED),
]
PACE = ("--canary", "5", "--max-parallel", "50", "--ask-after", "20")


def test_budget_stop_then_kill_and_resume(tmp_path: Path) -> None:
    """预算花完就停；下一次推其余的，被 kill -9，恢复后做完；报告始终与试验场一致。"""
    with LabProcess(workstations=500, faults=FAULTS, state=tmp_path / "lab") as lab:
        fleet = Fleet(lab, provision(lab), tmp_path, os.environ)
        assert fleet.start("budget", *PACE, "--max-failures", "3").wait() == 10
        assert fleet.finish("budget") == 12
        first = fleet.report("budget")
        assert first["counts"]["not_started"] > 0
        fleet.agrees(first)

        rest = fleet.start("rest", *PACE)
        before = len(lab.journal())
        while len(lab.journal()) < before + 300:
            time.sleep(0.05)
        rest.kill()
        rest.wait()
        assert fleet.finish("rest") == 11
        second = fleet.report("rest")
        assert len(second["ips"]) == 500
        bad = {ip for ip, row in second["ips"].items() if row["status"] != "SUCCESS"}
        assert bad == {*FAILING, *BROKEN}
        assert {second["ips"][ip]["rollback"] for ip in bad} == {"ROLLBACK_DONE"}
        fleet.agrees(second)
