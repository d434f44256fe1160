"""手工使用图的一张桌子：假后端、一个会话、问与答。"""

import weakref
from pathlib import Path
from typing import Any

from langgraph.types import Command

from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.llm import LlmClient
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings

PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.2.3"}
SOME = {name: value for name, value in PARAMS.items() if name != "APP_NAME"}
FAKE = {"execution_strategy": "fake"}
IPS = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
READ_ONLY = {"check-home", "get-node-url", "get-online-ips"}


class Desk:
    """一个会话；``fake.calls`` 是真的发生过的调用。"""

    def __init__(
        self,
        home: Path,
        checkpointer: Any,
        *,
        thread: str = "desk",
        ips: list[str] | None = None,
        services: Services | None = None,
        llm_client: LlmClient | None = None,
    ) -> None:
        """建图；``home`` 是工作目录，``services`` 不给就走假后端。"""
        self.fake = FakeActionRunner(online_ips=ips or IPS)
        own = Services(home=home, settings=Settings(), given_router=self.fake, given_llm_client=llm_client)
        self.services = services or own
        weakref.finalize(self, own.close)  # 几百张桌子各开着几个文件，总数会到上限
        self.graph = build_graph(checkpointer=checkpointer, services=self.services)
        self.config: Any = {"configurable": {"thread_id": thread}}

    def begin(self, params: dict[str, str] | None = None, **control: Any) -> dict[str, Any]:
        """以现成的参数开始，返回第一个问题。"""
        return self.say({"params": params or PARAMS, "control": FAKE | control})

    def say(self, value: Any) -> dict[str, Any]:
        """交给图，返回问题的内容；没有问题就是最后的状态。"""
        out: dict[str, Any] = self.graph.invoke(value, self.config)
        return _asked(out)

    def answer(self, value: Any) -> dict[str, Any]:
        """以问题的 id 回答，返回同上；没有开着的问题就不写 id。"""
        pending = [one for task in self.graph.get_state(self.config).tasks for one in task.interrupts]
        return self.say(Command(resume={pending[0].id: value} if pending else value))

    def to_rollback(self, *bad: str, **control: Any) -> dict[str, Any]:
        """走到 ``bad`` 这几台验证不通过、等人决定回滚的地方。"""
        for ip in bad:
            self.fake.fail("verify-ip", ip)
        self.begin(**control)
        return self.answer("approve")

    def actions(self) -> list[tuple[str, str | None]]:
        """会改变外界的调用。"""
        return [(action, ip) for action, ip, given in self.fake.calls if "idempotency_key" in given]

    def decisions(self) -> list[tuple[str, str, str]]:
        """账本里记下的决定：``(对象, 决定, 备注)``。"""
        run_id = self.values()["run_id"]
        return [(one.subject, one.decision, one.note) for one in self.services.ledger.decisions(run_id)]

    def values(self) -> dict[str, Any]:
        """检查点里的状态。"""
        found: dict[str, Any] = self.graph.get_state(self.config).values
        return found

    def open_question(self) -> dict[str, Any]:
        """检查点里还开着的问题。"""
        (interrupt,) = (one for task in self.graph.get_state(self.config).tasks for one in task.interrupts)
        found: dict[str, Any] = interrupt.value
        return found


def _asked(out: dict[str, Any]) -> dict[str, Any]:
    """图停下时的问题，或最后的状态。"""
    if pending := out.get("__interrupt__"):
        (interrupt,) = pending
        found: dict[str, Any] = interrupt.value
        return found
    return out
