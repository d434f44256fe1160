"""耐久：一个进程里接连推出几十次，有的失败、回滚；打开的文件、线程、内存不随次数增长，每个效果恰好一次。"""

import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command
from pydantic import SecretStr

from pam_deploy_graph.cli.demo_scenario import provision
from pam_deploy_graph.graph import open_graph
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.settings import Settings

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

WARM, ROUNDS = 5, 60
BROKEN = "10.0.0.4"
MOST_GROWTH_MB = 20
PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate"}


class Footprint:
    """这个进程占着多少：打开的文件、线程、常驻内存（MB）。"""

    def __init__(self) -> None:
        """现在量。"""
        self.files = len(list(Path("/proc/self/fd").iterdir()))
        self.threads = threading.active_count()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        self.memory = pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def roll_out(graph: Any, name: str, version: str) -> dict[str, Any]:
    """推出一次：批准计划，同意回滚；退不回去的（没有上一个版本）再问时保持现状。返回结束时的状态。"""
    config = {"configurable": {"thread_id": name}}
    control = {"max_parallel": 4, "force": True}
    value: Any = {"run_id": name, "params": PARAMS | {"VERSION_NUMBER": version}, "control": control}
    while pending := (out := graph.invoke(value, config)).get("__interrupt__"):
        failed = pending[0].value.get("rollback_status") == "ROLLBACK_FAILED"
        value = Command(resume="reject" if failed else "approve")
    found: dict[str, Any] = out
    return found


def test_sixty_rollouts_in_one_process(tmp_path: Path) -> None:
    """两个版本来回推六十次，走 MCP，每次都有一台验证不过、回滚：占的东西不变多，没有一个键做过两次。"""
    with LabProcess(workstations=8, faults=[f"{BROKEN}:verify:fail"], state=tmp_path / "lab") as lab:
        versions = ("1.2.2", provision(lab))
        settings = Settings(pam_home_url=lab.home_url, pam_token=SecretStr(lab.token))
        with open_graph(tmp_path, settings=settings) as graph:
            for number in range(WARM + ROUNDS):
                if number == WARM:
                    before = Footprint()
                done = roll_out(graph, f"round-{number}", versions[(number + 1) % 2])
                assert (done["exit_code"], done["counters"]["succeeded"], done["counters"]["failed"]) == (11, 7, 1)
            after = Footprint()
        keys = Counter(row["key"] for row in lab.journal())
    told = f"文件 {before.files} → {after.files}，线程 {before.threads} → {after.threads}"
    print(f"{told}，内存 {before.memory:.0f} → {after.memory:.0f} MB，效果 {len(keys)} 个")  # noqa: T201  给跑它的人看
    assert max(keys.values()) == 1
    assert after.files <= before.files
    assert after.threads <= before.threads
    assert after.memory - before.memory < MOST_GROWTH_MB
