"""子进程自己的表：从开始到现在用了多少 CPU 和多少时间。"""

import json
import resource
import sys
import time
from typing import Any


def cpu_seconds() -> float:
    """本进程到现在用了多少 CPU，秒（getrusage）。"""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Meter:
    """一只秒表；创建或 ``reset`` 时开始。"""

    def __init__(self) -> None:
        """开始。"""
        self.reset()

    def reset(self) -> None:
        """从现在重新开始。"""
        self._cpu, self._wall = cpu_seconds(), time.perf_counter()

    def read(self) -> dict[str, float]:
        """返回 ``{"cpu": 秒, "wall": 秒}``。"""
        return {"cpu": cpu_seconds() - self._cpu, "wall": time.perf_counter() - self._wall}


def tell(**report: Any) -> None:
    """把结果写成一行 JSON。"""
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()
