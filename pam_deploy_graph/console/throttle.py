"""登录的限速：接连答错的名字与地址，越错等得越久；记在内存里，有上限。"""

import time
from collections import OrderedDict
from typing import Final

_FREE: Final = 5
"""头几次答错不必等。"""
_FIRST_SECONDS: Final = 15.0
_LONGEST_SECONDS: Final = 900.0
_REMEMBERED: Final = 4_096


class Throttle:
    """答错过的，各错了几次、等到何时。"""

    def __init__(self) -> None:
        """还没有人答错过。"""
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_for(self, *keys: str) -> float:
        """还要等几秒；不必等为 0。"""
        now = time.monotonic()
        return max([0.0, *(self._wrong[key][1] - now for key in keys if key in self._wrong)])

    def wrong(self, *keys: str) -> None:
        """答错了一次。"""
        for key in keys:
            times = self._wrong.pop(key, (0, 0.0))[0] + 1
            more = min(_FIRST_SECONDS * 2 ** (times - _FREE), _LONGEST_SECONDS) if times >= _FREE else 0.0
            self._wrong[key] = (times, time.monotonic() + more)
        while len(self._wrong) > _REMEMBERED:
            self._wrong.popitem(last=False)

    def right(self, *keys: str) -> None:
        """答对了。"""
        for key in keys:
            self._wrong.pop(key, None)
