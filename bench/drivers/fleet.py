"""假后端经命令行的驱动走图：``fleet start|resume 台数 同时几台 [做完几台就 kill -9 自己]``。

从批准计划那一刻起计时，到图走到头为止；账本与检查点都落盘在当前目录的 ``runtime/``。
"""

import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from bench.drivers.meter import Meter, tell
from bench.fleet import PARAMS, addresses
from pam_deploy_graph.action_router import ActionRouter
from pam_deploy_graph.constants import Decision
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.graph.driver import open_driver
from pam_deploy_graph.models import Event
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.services import Services

RUN_ID = "bench"


class Killer:
    """听账本的事件，做完 ``after`` 台就 kill -9 自己。"""

    def __init__(self, after: int) -> None:
        """从零数起。"""
        self._left = after

    def __call__(self, event: Event) -> None:
        """数一台。"""
        self._left -= event["type"] == "IP_DONE"
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _services(workstations: int) -> Services:
    """一套部件；假后端不记调用，免得量到它自己的内存。"""
    fake = FakeActionRunner(online_ips=addresses(workstations))
    fake.calls = deque(maxlen=0)  # type: ignore[assignment]  # 它只用到 append
    return Services(given_router=ActionRouter(fake_runner=fake))


def main() -> None:
    """开始或恢复，做到底，报告用量。"""
    how, workstations, parallel, *die = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *map(int, sys.argv[4:])
    services = _services(workstations)
    services.listeners.extend(Killer(after) for after in die)
    meter = Meter()

    def approve(_question: Mapping[str, Any]) -> str:
        """批准计划，从这里起计时。"""
        meter.reset()
        return str(Decision.APPROVE)

    with closing(services):
        fold = 0.0
        if how == "start":
            register(services.ledger, RunRequest(PARAMS, "fake", RUN_ID, control_params={"max_parallel": parallel}))
        else:
            services.ledger.list_runs()  # 打开数据库的开销不算在折叠里
            meter.reset()
            services.ledger.load_state(RUN_ID, keep_events=False)
            fold = meter.read()["cpu"]
            meter.reset()
        with open_driver(services, approve) as driver:
            code = driver.start(RUN_ID) if how == "start" else driver.resume(RUN_ID)
        tell(**meter.read(), fold=fold, exit_code=int(code))


if __name__ == "__main__":
    main()
