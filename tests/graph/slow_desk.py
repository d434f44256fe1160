"""慢的假后端：每个动作要花一会儿，好让宿主来得及取消、来问。"""

import threading
from typing import Any

import anyio

from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.models import ActionResult, AgentState
from tests.patience import patience


class SlowRunner(FakeActionRunner):
    """每次调用先等 ``seconds`` 秒；``done`` 是做完了的。"""

    def __init__(self, *, online_ips: list[str], seconds: float) -> None:
        """``seconds`` 是一个动作要多久。"""
        super().__init__(online_ips=online_ips)
        self.seconds = seconds
        self.done: list[tuple[str, str | None]] = []
        self._changed = threading.Condition()

    async def arun_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """等一会儿再做。"""
        await anyio.sleep(self.seconds)
        found = self.run_action(state, action, **kwargs)
        with self._changed:
            self.done.append((action, kwargs.get("ip")))
            self._changed.notify_all()
        return found

    def wait_for(self, number: int) -> None:
        """等到做完了 ``number`` 个动作。"""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.done) >= number, timeout=patience(30))
