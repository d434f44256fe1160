"""测试里等多久才算太久：上限只在这里放宽，忙的机器因此不会把好的判成坏的。

写法是 ``patience(2)``：空闲的机器上就是 2 秒；一分钟的平均负载是核数的几倍，就放宽几倍。
``TEST_PATIENCE=3`` 至少放宽三倍（虚拟机、模拟器）。下限（至少等了多久）不放宽。
"""

import os
from typing import Final

LEAST: Final = float(os.environ.get("TEST_PATIENCE", "1"))


def patience(seconds: float) -> float:
    """把一个上限（秒）照此刻的负载放宽。"""
    return seconds * max(LEAST, os.getloadavg()[0] / (os.cpu_count() or 1))
