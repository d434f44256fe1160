"""一步的长短：开新的满若干秒就收，等进行中的做完（architecture「图」）。

两步之间，宿主读得到状态、回得到从前、取消得了。收尾时空着的并发位是损失：只有一个并发位的没有，
多个的约是一台的半程，所以一步至少 ``_PER_WORKSTATION`` 台的工夫，损失不到百分之五（``bench`` 里量着）。
"""

import math
from bisect import insort
from typing import Final

import anyio

STEP_SECONDS: Final = 5.0
"""做得快的，一步这么久。"""
MOST_STEPS: Final = 200
"""整个推出大约不超过这么多步：图的检查点才不会太多。"""
_PER_WORKSTATION: Final = 20


class StepTime:
    """一步开了多久、一台要多久。"""

    def __init__(self, workstations: int, at_once: int, most: float = math.inf) -> None:
        """``workstations`` 是整个推出的台数，``at_once`` 是并发位，``most`` 是最长几秒。"""
        self._most = most
        self._share = max(workstations / at_once / MOST_STEPS, _PER_WORKSTATION if at_once > 1 else 0)
        self._began = anyio.current_time()
        self._took: list[float] = []

    def done(self, began: float) -> None:
        """一台做完了，它从 ``began`` 做起。"""
        insort(self._took, anyio.current_time() - began)

    def is_up(self) -> bool:
        """该收了吗；一台都还没有做完的不收。"""
        elapsed = anyio.current_time() - self._began
        if elapsed < min(STEP_SECONDS, self._most) or not self._took:
            return False
        return elapsed >= self._most or elapsed >= self._share * self._took[len(self._took) // 2]
