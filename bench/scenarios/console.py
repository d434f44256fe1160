"""场景 console：一万台的一次运行正推着，二十个人看着它的页面。"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench import child
from bench.figures import Goal, Metric, Scenario

_VIEWERS = 20


def scenario(*, quick: bool) -> Scenario:
    """返回这个场景；``quick`` 为真时一千台、两秒。"""
    workstations, seconds = (1_000, 2) if quick else (10_000, 20)

    def once() -> Mapping[str, float]:
        """量一轮。"""
        with tempfile.TemporaryDirectory() as folder:
            return child.run(child.driver("console", workstations, _VIEWERS, seconds), cwd=Path(folder)).report

    return Scenario(
        "console",
        f"网页控制台：{workstations:,} 台，每秒 700 个事件，{_VIEWERS} 个人看着",
        "真的进程、真的流；参照是另一个进程照同样的节拍只做折叠。CPU 是一个核的百分之几。",
        1 if quick else 3,
        (
            Metric("rate", "每秒写进账本的事件", "个", 0),
            Metric("page", "运行的页面，压缩之后", "kB", 1, Goal(50)),
            Metric("stream", "流，每个人每秒", "kB", 2, Goal(4, least=0.1)),
            Metric("fold", "参照：只做折叠", "%", 2),
            Metric("cpu", "控制台", "%", 2, Goal(3)),
            Metric("ratio", "控制台 ÷ 只做折叠", "倍", 2),
        ),
        once,
    )
