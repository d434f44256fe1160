"""叫一次运行停下的几处：进程要停了，有人说「暂停」，宿主取消了，账本里记了取消。"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from anyio import to_thread

from pam_deploy_graph.errors import LedgerError
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

    def leaving(self) -> bool:
        """这个线程里的事该放手了：进程要停，或宿主取消了。"""
        return self.process.is_set() or told_to_stop().is_set()

    def check(self, run_id: str, cancelled: Callable[[str], bool]) -> "StopCheck":
        """返回「该停了吗」，在要做这一段的线程里调用。

        Args:
            run_id: 哪次运行。
            cancelled: 账本里记了取消没有。

        """
        return StopCheck(self, run_id, cancelled, told_to_stop(), over=cancelled(run_id))


@dataclass
class StopCheck:
    """一段流程的「该停了吗」：只看内存，不占事件循环；``looking`` 期间隔半秒去账本看一次取消。"""

    signs: StopSigns
    run_id: str
    cancelled: Callable[[str], bool]
    told: threading.Event
    over: bool

    def __call__(self) -> bool:
        """该停则为真。"""
        return self.over or self.told.is_set() or self.signs.by_person(self.run_id)

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """在别的线程里看着账本。"""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _look(self) -> None:
        """看到取消为止；一时读不到的，下次再看，写不写得进去由写手说。"""
        while not self.over:
            await asyncio.sleep(_CANCEL_POLL_SECONDS)
            with contextlib.suppress(LedgerError):
                self.over = await to_thread.run_sync(self.cancelled, self.run_id)
