"""一万台、同时一千台，经 MCP：报告与试验场对到最后一台，内存、账本、打开的文件都在界内。

两个核上约两分钟（不忙的时候）。试验场与智能体都从常见的「最多打开 1024 个文件」起步。
"""

import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pam_deploy_graph.cli.demo_scenario import provision
from pam_deploy_graph.constants import IP_ACTION_SEQUENCE
from pam_deploy_graph.lab.launcher import LabProcess
from tests.fleet.rollout import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(1200)]

WORKSTATIONS = 10_000
ACTIONS = WORKSTATIONS * len(IP_ACTION_SEQUENCE)
FAILING = [f"10.0.{n}.77" for n in range(5, 15)]
BROKEN = [f"10.0.{n}.78" for n in range(5, 15)]
DROPPED = [f"10.0.{n}.79" for n in range(5, 15)]
AWAY = [f"10.0.{n}.80" for n in range(5, 15)]
FAULTS = [
    *(f"{ip}:verify:fail" for ip in FAILING),
    *(f"{ip}:deploy:fail" for ip in BROKEN),
    *(f"{ip}:start:drop:1" for ip in DROPPED),
    *(f"{ip}:stop:offline" for ip in AWAY),
]
PACE = ("--canary", "20", "--max-parallel", "1000", "--ask-after", "200")


@pytest.fixture
def few_files() -> Iterator[None]:
    """软限制放到 1024，离开时还原。"""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _size(home: Path, name: str) -> int:
    """一个数据库连同它的 WAL 的字节数。"""
    return sum(path.stat().st_size for path in (home / "runtime").glob(f"{name}*") if not path.name.endswith("-shm"))


def test_ten_thousand(few_files: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """四种故障各十台，推到问人，途中 status 一直答得出；联系不上的保持现状，其余的回滚，最后逐台对得上。"""
    with LabProcess(workstations=WORKSTATIONS, faults=FAULTS, state=tmp_path / "lab") as lab:
        fleet = Fleet(lab, provision(lab), tmp_path, os.environ)
        began, job = time.monotonic(), fleet.start("all", *PACE)
        agent, peak, seen = psutil.Process(job.pid), 0, [0]
        while job.poll() is None:
            peak = max(peak, agent.memory_info().rss)
            if (tmp_path / "runtime" / "pam.db").exists() and time.monotonic() - began > 10 * len(seen):
                seen.append(fleet.ask("status", "all", "--json")["counts"]["succeeded"])
            time.sleep(0.5)
        assert job.returncode == 10
        assert seen == sorted(seen)
        assert fleet.code("confirm", "all", "--reject", *(part for ip in AWAY for part in ("--ip", ip))) == 0
        assert fleet.code("confirm", "all", "--approve") == 0
        assert fleet.code("resume", "all") == 11
        seconds, report = time.monotonic() - began, fleet.report("all")
        ledger, checkpoints = _size(tmp_path, "pam.db"), _size(tmp_path, "checkpoints.sqlite")
        with capsys.disabled():
            figures = (
                f"{seconds:.0f} s，内存 {peak >> 20} MB，账本 {ledger / ACTIONS:.0f} B/动作，检查点 {checkpoints} B"
            )
            print(f"\n一万台、同时一千台：{figures}")  # noqa: T201  量出来的数字给人看
        bad = {ip for ip, row in report["ips"].items() if row["status"] != "SUCCESS"}
        assert bad == {*FAILING, *BROKEN, *AWAY}
        assert len(report["ips"]) == WORKSTATIONS
        fleet.agrees(report)
        done = Counter(row["action"] for row in lab.journal())
        assert done["start-ip"] == WORKSTATIONS - len(BROKEN) - len(AWAY)
        assert peak < 256 << 20
        assert ledger / ACTIONS < 450
        assert checkpoints < 1 << 20
