"""五百台：灰度、五十台并发、三种故障、预算停一次、kill -9 恢复一次，报告与试验场逐台对得上。"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.cli.rehearsal import provision
from pam_deploy_graph.lab.process import LabProcess

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(400)]

FAILING = [f"10.0.0.{n}" for n in (60, 70, 80, 90)]
BROKEN = [f"10.0.1.{n}" for n in (10, 20, 30)]
DROPPED = [f"10.0.0.{n}" for n in (150, 160, 170)]
FAULTS = [
    *(f"{ip}:verify:fail" for ip in FAILING),
    *(f"{ip}:deploy:fail" for ip in BROKEN),
    *(f"{ip}:start:drop:1" for ip in DROPPED),
]


def _argv(*args: str, home: Path) -> list[str]:
    """一条命令。"""
    return [sys.executable, "-m", "pam_deploy_graph", *args, "--home", str(home)]


def _run(lab: LabProcess, version: str, *extra: str) -> list[str]:
    """推出一次的参数。"""
    params = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": version}
    pairs = [part for name, value in params.items() for part in ("--param", f"{name}={value}")]
    pace = ("--canary", "5", "--max-parallel", "50", "--ask-after", "20")
    return ["run", *pairs, "--param", f"PAM_HOME_URL={lab.home_url}", *pace, "--yes", *extra]


def _report(run_id: str, home: Path) -> dict[str, Any]:
    """一次运行的 JSON 报告。"""
    done = subprocess.run(
        _argv("report", run_id, "--format", "json", home=home), check=True, capture_output=True, text=True
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _agrees(report: dict[str, Any], lab: LabProcess, version: str) -> None:
    """报告说在新版本上的，与试验场里的逐台相同；每个键只有一个效果。"""
    real = {row["ip"] for row in lab.workstations() if row["version"] == version}
    said = {ip for ip, row in report["ips"].items() if row["version_after"] == version}
    waiting = {ip for ip, row in report["ips"].items() if row["rollback"] == "PENDING_AGENT_CONFIRMATION"}
    assert real - waiting == said - waiting
    keys = Counter(row["key"] for row in lab.journal())
    assert {key: count for key, count in keys.items() if count > 1} == {}


def test_budget_stop_then_kill_and_resume(tmp_path: Path) -> None:
    """预算花完就停；下一次推其余的，被 kill -9，恢复后做完；报告始终与试验场一致。"""
    with LabProcess(workstations=500, faults=FAULTS, state=tmp_path / "lab") as lab:
        version = provision(lab)
        env = {**os.environ, "PAM_TOKEN": lab.token}
        budget = _argv(*_run(lab, version, "--max-failures", "3", "--run-id", "budget"), home=tmp_path)
        assert subprocess.run(budget, check=False, env=env, capture_output=True).returncode == 10
        subprocess.run(_argv("confirm", "budget", "--approve", home=tmp_path), check=True, env=env, capture_output=True)
        resumed = subprocess.run(_argv("resume", "budget", home=tmp_path), check=False, env=env, capture_output=True)
        assert resumed.returncode == 12
        first = _report("budget", tmp_path)
        assert first["counts"]["not_started"] > 0
        _agrees(first, lab, version)

        rest = subprocess.Popen(
            _argv(*_run(lab, version, "--run-id", "rest"), home=tmp_path), env=env, stderr=subprocess.DEVNULL
        )
        before = len(lab.journal())
        while len(lab.journal()) < before + 300:
            time.sleep(0.05)
        rest.send_signal(signal.SIGKILL)
        rest.wait()
        code = 10
        while code == 10:
            code = subprocess.run(
                _argv("resume", "rest", home=tmp_path), check=False, env=env, capture_output=True
            ).returncode
            if code == 10:
                approve = _argv("confirm", "rest", "--approve", home=tmp_path)
                subprocess.run(approve, check=True, env=env, capture_output=True)
        assert code == 11
        second = _report("rest", tmp_path)
        assert len(second["ips"]) == 500
        bad = {ip for ip, row in second["ips"].items() if row["status"] != "SUCCESS"}
        assert bad == {*FAILING, *BROKEN}
        assert {second["ips"][ip]["rollback"] for ip in bad} == {"ROLLBACK_DONE"}
        _agrees(second, lab, version)
