"""``langgraph dev`` 上正推着三台的一个会话：宿主能做的都做得了，随后看它落在哪里。"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

from langgraph_sdk import get_sync_client

from examples.dev_server import DevServer
from examples.stage import CONTROL, Stage
from pam_deploy_graph.graph.remote import GRAPH, ServerThread
from pam_deploy_graph.ledger import Ledger, locks

IPS: Final = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
EFFECTS: Final = 9
"""三台各停、装、起一次。"""


class Rolling:
    """一个会话；用作上下文管理器，离开时断开。``effects`` 是它以来工作站上真的发生过的。"""

    def __init__(self, server: DevServer, stage: Stage, seconds: float = 60.0) -> None:
        """走到计划的问题；每处最多等 ``seconds`` 秒。"""
        self._stage, self._seconds = stage, seconds
        self._before = len(stage.lab.journal())
        with contextlib.ExitStack() as opened:
            self.thread = opened.enter_context(ServerThread(server.url, seconds=seconds))
            self.client = opened.enter_context(get_sync_client(url=server.url, api_key=None, timeout=seconds))
            (self.plan,) = self.thread.start({"params": stage.params, "control": {**CONTROL, "force": True}})
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        """已经走到计划。"""
        return self

    def __exit__(self, *_: object) -> None:
        """断开；会话留在服务器上。"""
        self._opened.close()

    @property
    def name(self) -> str:
        """会话的名字。"""
        return self.thread.thread_id

    def effects(self) -> list[tuple[str, str]]:
        """这个会话以来工作站上的效果：动作与地址。"""
        return [(one["action"], one["ip"]) for one in self._stage.lab.journal()[self._before :] if one["ip"]]

    def approve(self, after: int, **given: Any) -> str:
        """批准，等到有了 ``after`` 个效果；返回服务器上这一次执行的名字。"""
        run = self.client.runs.create(self.name, GRAPH, command=self._approval(), **given)
        self._wait(lambda: len(self.effects()) >= after, f"{after} 个效果")
        return str(run["run_id"])

    def watch(self, **given: Any) -> Iterator[Any]:
        """批准，在流上看着。"""
        yield from self.client.runs.stream(self.name, GRAPH, command=self._approval(), **given)

    def say(self, words: str, **given: Any) -> None:
        """说一句话，不等它。"""
        message: Any = {"messages": [{"role": "user", "content": words}]}
        self.client.runs.create(self.name, GRAPH, input=message, **given)

    def heard(self, words: str) -> str:
        """说一句话，等它停下；返回最后的答复。"""
        self.say(words)
        self.idle()
        return self.last()

    def cancel(self, run: str, action: Any) -> None:
        """由服务器取消一次执行，等它停下。"""
        self.client.runs.cancel(self.name, run, wait=True, action=action)
        self.idle()

    def idle(self) -> None:
        """等服务器上这个会话没有在跑的，进行中的也收完了尾：服务器说停下时，还在收尾。"""
        self._wait(lambda: not self._running() and not self._draining(), "它停下")

    def _running(self) -> bool:
        """服务器上还有没有在跑的。"""
        return any(run["status"] in ("pending", "running") for run in self.client.runs.list(self.name))

    def _draining(self) -> bool:
        """还有没有进程握着它的运行。"""
        with self._ledger() as ledger:
            return any(ledger.holder(run_id) for _, run_id, _, _ in locks.held(ledger.engine))

    def _ledger(self) -> contextlib.closing[Ledger]:
        """打开账本来看。"""
        return contextlib.closing(Ledger(f"sqlite:///{self._stage.home / 'runtime' / 'pam.db'}", look=True))

    def last(self) -> str:
        """最后说的话。"""
        return str(self.thread.values()["messages"][-1]["content"])

    def over(self) -> bool:
        """账本说了结了没有：模块放开了，九个效果都有了。"""
        return len(self.effects()) == EFFECTS and not self.held()

    def held(self) -> list[str]:
        """占着模块的运行。"""
        with self._ledger() as ledger:
            return [run_id for _, run_id, _, _ in locks.held(ledger.engine)]

    def repeated(self) -> list[tuple[str, str]]:
        """做了不止一次的效果；该是空的。"""
        return [one for one, times in Counter(self.effects()).items() if times > 1]

    def forks(self) -> dict[str, Any]:
        """会话里还有下文的检查点：接下来的节点 -> 最近的那一个。"""
        history = self.client.threads.get_history(self.name, limit=100)
        return {state["next"][0]: state["checkpoint"] for state in reversed(history) if state["next"]}

    def fork(self, checkpoint: Any) -> None:
        """从一个检查点再来。"""
        self.client.runs.wait(self.name, GRAPH, input=None, checkpoint=checkpoint, raise_error=True)
        self.idle()

    def _approval(self) -> Any:
        """对计划的回答。"""
        return {"resume": {self.plan.id: "approve"}}

    def _wait(self, ready: Callable[[], bool], what: str) -> None:
        """等到 ``ready``。

        Raises:
            TimeoutError: 等了 ``seconds`` 秒还没有。

        """
        deadline = time.monotonic() + self._seconds
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"等了 {self._seconds:.0f} 秒，没有等到{what}")
            time.sleep(0.05)
