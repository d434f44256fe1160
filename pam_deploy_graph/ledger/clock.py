"""账本用的时间：毫秒整数。"""

import time
from datetime import datetime


def now_ms() -> int:
    """返回当前时间，Unix 毫秒。"""
    return time.time_ns() // 1_000_000


def shown_time(at_ms: int) -> str:
    """把 Unix 毫秒写成当地时间 ``YYYY-mm-dd HH:MM:SS +08:00``，带着时区。"""
    return datetime.fromtimestamp(at_ms / 1000).astimezone().isoformat(sep=" ", timespec="seconds")
