"""场景 idle：一次等人的运行留在进程里，不该用 CPU。"""

import json
import subprocess
import tempfile
import time

from bench import child
from bench.figures import Goal, Metric, Scenario


def measure(seconds: float) -> dict[str, float]:
    """让它等 ``seconds`` 秒，返回其间的 CPU 毫秒数。"""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            child.driver("waiting"),
            cwd=folder,
            env=child.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        if process.stdin is None or process.stdout is None or not process.stdout.readline():
            raise RuntimeError("等人的进程没有报到")
        time.sleep(seconds)
        said, _ = process.communicate("\n")
    return {"cpu": 1000 * json.loads(said)["cpu"]}


def scenario(*, quick: bool) -> Scenario:
    """返回这个场景；``quick`` 为真时只等一秒。"""
    seconds = 1.0 if quick else 5.0
    return Scenario(
        "idle",
        f"空等：停在回滚的问题上 {seconds:g} 秒",
        "账本的写手线程与事件循环都在，检查点在内存里。",
        2 if quick else 3,
        (Metric("cpu", f"{seconds:g} 秒里的 CPU", "毫秒", 2, Goal(5.0)),),
        lambda: measure(seconds),
    )
