"""账本用的时间：毫秒整数。"""

import time


def now_ms() -> int:
    """返回当前时间，Unix 毫秒。"""
    return time.time_ns() // 1_000_000
