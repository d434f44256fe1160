"""账本测试的台架：一个登记好的运行、打开会话、写几行、另起进程。"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator

from pam_deploy_graph.constants import build_action_backends
from pam_deploy_graph.ledger import Ledger, RunSession
from pam_deploy_graph.models import AgentState, Event
from tests.agent.rig import FIRST, PARAMS, store_url

HOLDER = """
import sys
from pam_deploy_graph.ledger import Ledger
ledger = Ledger(sys.argv[1])
session = ledger.open_session(ledger.load_state(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


def new_state(run_id: str = "r1") -> AgentState:
    """一份还没有登记的状态。"""
    return AgentState(run_id, dict(PARAMS), "fake", build_action_backends("fake"))


def registered(ledger: Ledger, run_id: str = "r1") -> AgentState:
    """登记一次运行，返回它的状态。"""
    state = new_state(run_id)
    ledger.create_run(state)
    return state


def step(number: int, ip: str = FIRST) -> Event:
    """第几个事件；类型是折叠不认识的，只进事件列表。"""
    return {"type": "NOTED", "ip": ip, "number": number}


def write(ledger: Ledger, state: AgentState, *events: Event) -> None:
    """取得租约，每个事件写一行，交还租约。"""

    async def work(session: RunSession) -> None:
        """逐行写下，等落盘。"""
        for event in events:
            await session.append(event)

    in_session(ledger, state, work)


def in_session(ledger: Ledger, state: AgentState, work: Callable[[RunSession], object]) -> None:
    """在一个会话里做一件事。"""

    async def main() -> None:
        """保持租约。"""
        async with ledger.open_session(state).alive() as session:
            await work(session)  # type: ignore[misc]  # work 是协程函数

    asyncio.run(main())


@contextlib.contextmanager
def holder(run_id: str = "r1") -> Iterator[subprocess.Popen[str]]:
    """另起一个真的进程握住租约，离开时结束它。"""
    command = [sys.executable, "-c", HOLDER, store_url(), run_id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()
