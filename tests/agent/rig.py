"""手动驾驶测试的台架：假后端、代理、状态和常用的断言。"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pam_deploy_graph.action_router import ActionBackend
from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.constants import GLOBAL_ACTION_SEQUENCE, IP_ACTION_SEQUENCE
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.settings import Settings

PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.3.0"}
ONLINE = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
FIRST, SECOND, THIRD = ONLINE
DATABASE = Path("runtime/pam.db")

Call = tuple[str, str | None]
Hook = Callable[[str, str | None], object]


class Rig:
    """一个假后端和一个代理；``calls`` 是后端收到的 ``(动作, 工作站)``。"""

    def __init__(self, fake: FakeActionRunner | None = None) -> None:
        """三台在线的工作站。"""
        self.fake = fake or FakeActionRunner(online_ips=list(ONLINE))
        self.agent = PamDeployAgent(fake_runner=self.fake)

    @property
    def calls(self) -> list[Call]:
        """后端收到的 ``(动作, 工作站)``，按先后。"""
        return [(action, ip) for action, ip, _ in self.fake.calls]

    def kwargs(self, action: str, ip: str | None = None) -> list[dict[str, Any]]:
        """某个动作每次收到的其余参数。"""
        return [kwargs for name, where, kwargs in self.fake.calls if (name, where) == (action, ip)]

    def state(self, **options: Any) -> AgentState:
        """建一个走假后端的状态；选项同 ``create_state``。"""
        given = {"params": PARAMS, "execution_strategy": "fake"} | options
        return self.agent.create_state(**given)

    def ready(self, **options: Any) -> AgentState:
        """建一个全局流程已经做完的状态，并清空调用记录。"""
        state = self.agent.run_global_flow(self.state(**options))
        self.fake.calls.clear()
        return state

    def paused(self, action: str = "verify-ip", ip: str = FIRST, **options: Any) -> AgentState:
        """建一个因为 ``ip`` 在 ``action`` 失败而等人决定的状态，并清空调用记录。"""
        self.fake.fail(action, ip, error=f"{action} 坏了", times=1)
        state = self.agent.run_deploy_flow(self.state(**options))
        self.fake.calls.clear()
        return state


class Hooked:
    """在假后端前面插一段代码的后端；只有同步接口，也就在工作线程里运行。"""

    def __init__(self, inner: ActionBackend, hook: Hook) -> None:
        """``hook(动作, 工作站)`` 在每次调用之前运行。"""
        self._inner = inner
        self._hook = hook

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """先运行插进来的代码，再照常做。"""
        self._hook(action, kwargs.get("ip"))
        return self._inner.run_action(state, action, **kwargs)


def global_calls() -> list[Call]:
    """全局流程该有的调用。"""
    return [(action, None) for action in GLOBAL_ACTION_SEQUENCE]


def ip_calls(*ips: str, until: str = IP_ACTION_SEQUENCE[-1]) -> list[Call]:
    """逐台流程该有的调用，每台做到 ``until`` 为止。"""
    steps = IP_ACTION_SEQUENCE[: IP_ACTION_SEQUENCE.index(until) + 1]
    return [(action, ip) for ip in ips for action in steps]


def failed_calls(action: str, ip: str) -> list[Call]:
    """一台在 ``action`` 失败该有的调用：做到这一步，再取一次日志。"""
    log = [] if action == "download-log" else [("download-log", ip)]
    return [*ip_calls(ip, until=action), *log]


def event_types(state: AgentState, ip: str | None = None) -> list[str]:
    """事件的类型，按先后；给了 ``ip`` 就只看这一台的。"""
    return [event["type"] for event in state.events if ip is None or event.get("ip") == ip]


def store_url() -> str:
    """当前账本的地址：环境指定的，或当前目录里的文件。"""
    return Settings().store_url(Path())


def folded(run_id: str, database: Path | None = None) -> AgentState:
    """另开一个账本（默认当前的），从登记与事件折叠出状态，如同另一个进程所见。"""
    ledger = Ledger(f"sqlite:///{database}" if database else store_url())
    try:
        return ledger.load_state(run_id)
    finally:
        ledger.close()


def without_times(state: AgentState) -> dict[str, Any]:
    """状态的内容；事件的时刻不比（同一行里的事件共用落盘的时刻）。"""
    data = state.to_dict()
    data["events"] = [{key: value for key, value in event.items() if key != "at"} for event in data["events"]]
    return data


def execute(statement: str, *values: object) -> list[Any]:
    """绕过程序，直接对账本执行一句 SQL；占位写 ``?``。"""
    if not (url := store_url()).startswith("sqlite"):
        return _execute_postgres(url, statement.replace("?", "%s"), values)
    connection = sqlite3.connect(DATABASE, timeout=15)
    try:
        with connection:
            return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def _execute_postgres(url: str, statement: str, values: Sequence[object]) -> list[Any]:
    """对 PostgreSQL 执行一句。"""
    import psycopg

    with psycopg.connect(url) as connection:
        found = connection.execute(statement, values or None)
        return list(found) if found.description else []
