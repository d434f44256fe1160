"""叫一次运行停下的几处：进程要停了，有人说「暂停」，宿主取消了，账本里记了取消。"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pam_deploy_graph.runs.actor import Actor
from pam_deploy_graph.system.host_tasks import told_to_stop

_CANCEL_POLL_SECONDS: Final = 0.5


@dataclass
class StopSigns:
    """一个进程里的停止标志；``process`` 管它的全部运行，``pausing`` 是正推着而有人说「暂停」的几次，各是谁说的。"""

    process: threading.Event
    pausing: dict[str, Actor] = field(default_factory=dict)

    def by_person(self, run_id: str) -> bool:
        """是不是人要它停一停：本进程的 Ctrl-C，或对话里的「暂停」。"""
        return self.process.is_set() or run_id in self.pausing

    def check(self, run_id: str, cancelled: Callable[[str], bool]) -> Callable[[], bool]:
        """返回「该停了吗」，在要做这一段的线程里调用。

        Args:
            run_id: 哪次运行。
            cancelled: 账本里记了取消没有；最多隔半秒看一次。

        """
        checked_at, over, told = 0.0, False, told_to_stop()

        def stop() -> bool:
            """该停则为真。"""
            nonlocal checked_at, over
            if time.monotonic() - checked_at > _CANCEL_POLL_SECONDS:
                checked_at, over = time.monotonic(), cancelled(run_id)
            return over or told.is_set() or self.by_person(run_id)

        return stop
