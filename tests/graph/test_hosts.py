"""异步的宿主：许多推出同时走、其间来问、宿主取消时收尾；一步的长短（contract 第 5 节，architecture「图」）。"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from pam_deploy_graph.flows import step_time
from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.runs.services import Services
from tests.graph.desk import FAKE, IPS, PARAMS
from tests.graph.slow_desk import SlowRunner
from tests.patience import patience


class Host:
    """异步的宿主：一张图，几个会话，各走各的。"""

    def __init__(self, home: Path, runner: SlowRunner) -> None:
        """慢的后端，内存检查点。"""
        self.runner = runner
        self.services = Services(home=home, given_router=runner)
        self.graph = build_graph(checkpointer=InMemorySaver(), services=self.services)

    async def plan(self, thread: str, **control: Any) -> None:
        """走到计划的问题上。"""
        given = {"params": PARAMS, "control": FAKE | control}
        await self.graph.ainvoke(given, config(thread))

    async def approve(self, thread: str) -> dict[str, Any]:
        """批准，推到停下。"""
        found: dict[str, Any] = await self.graph.ainvoke(Command(resume="approve"), config(thread))
        return found

    async def say(self, thread: str, text: str) -> dict[str, Any]:
        """说一句话。"""
        given = {"messages": [{"role": "user", "content": text}]}
        found: dict[str, Any] = await self.graph.ainvoke(given, config(thread))
        return found

    async def values(self, thread: str) -> dict[str, Any]:
        """检查点里的状态。"""
        found: dict[str, Any] = (await self.graph.aget_state(config(thread))).values
        return found

    async def cancelled(self, thread: str, after: int) -> str:
        """批准，做过 ``after`` 个动作就由宿主取消；返回运行名。"""
        before = len(self.runner.done)
        rolling = asyncio.create_task(self.approve(thread))
        await asyncio.to_thread(self.runner.wait_for, before + after)
        rolling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rolling
        return str((await self.values(thread))["run_id"])


def config(thread: str) -> Any:
    """一个会话。"""
    return {"configurable": {"thread_id": thread}}


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """每个动作 0.05 秒的宿主。"""
    made = Host(tmp_path, SlowRunner(online_ips=IPS, seconds=0.05))
    yield made
    made.services.close()


@pytest.mark.parametrize("rollouts", [8, pytest.param(30, marks=pytest.mark.slow)])
async def test_many_rollouts_and_a_question(
    host: Host, rollouts: int, record_property: Callable[[str, object], None]
) -> None:
    """比线程池多的、三十次推出同时走；其间问一句，两秒之内有答复，那时每一次都还在走。"""
    host.runner.seconds = 0.1
    threads = [f"t{number}" for number in range(rollouts)]
    await asyncio.gather(*(host.plan(thread) for thread in threads))
    rolling = [asyncio.create_task(host.approve(thread)) for thread in threads]
    await asyncio.to_thread(host.runner.wait_for, len(host.runner.done) + 2 * rollouts)
    began = time.monotonic()
    out = await host.say("another", "能做什么？")
    took = time.monotonic() - began
    record_property("figure", f"{rollouts} 次推出同时走，其间问一句：{took:.2f} 秒有答复")
    assert took < patience(2)
    assert out["answered"]
    assert not any(task.done() for task in rolling)
    ends = await asyncio.gather(*rolling)
    assert [one["exit_code"] for one in ends] == [0] * rollouts


@pytest.mark.parametrize("after", [1, 4, 8, 14])
async def test_cancelled_by_the_host_it_drains(host: Host, after: int) -> None:
    """宿主取消：进行中的做完，交还租约，此后什么也不做；没有当作人要它停。"""
    await host.plan("t")
    run_id = await host.cancelled("t", after)
    done = list(host.runner.done)
    assert host.services.ledger.holder(run_id) is None
    state = host.services.ledger.load_state(run_id)
    assert not state.open_intents
    assert {w["status"] for w in state.ip_states.values()} <= {"SUCCESS"}
    assert len(state.ip_states) < len(IPS)
    assert state.paused_by == ""
    await asyncio.sleep(0.3)
    assert host.runner.done == done


async def test_a_job_limit(host: Host) -> None:
    """宿主的作业有时限，一次推出要好几个作业才做得完：每次已中断，说「继续」接着做；各步恰好一次，不留锁。"""
    host.runner.seconds = 0.02
    await host.plan("t")
    job, jobs = asyncio.create_task(host.approve("t")), 1
    while True:
        enough = len(host.runner.done) + 4
        while len(host.runner.done) < enough and not (await asyncio.wait([job], timeout=0.01))[0]:
            pass
        if not job.cancel():
            break
        with contextlib.suppress(asyncio.CancelledError):
            await job
        job, jobs = asyncio.create_task(host.say("t", "继续")), jobs + 1
        assert jobs <= 10
    found = await job
    run_id = (await host.values("t"))["run_id"]
    assert (found["exit_code"], jobs > 1, host.services.ledger.holder(run_id)) == (0, True, None)
    changing = Counter(one for one in host.runner.done if one[0] in ("stop-ip", "deploy-ip", "start-ip"))
    assert changing == Counter((action, ip) for ip in IPS for action in ("stop-ip", "deploy-ip", "start-ip"))


async def test_another_run_is_not_stopped(host: Host) -> None:
    """取消的只是那一次；旁边的照走。"""
    await asyncio.gather(host.plan("one"), host.plan("two"))
    other = asyncio.create_task(host.approve("two"))
    await host.cancelled("one", 3)
    assert (await other)["exit_code"] == 0


async def test_steps_are_bounded(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """到了时候就收一步，进行中的做完；两步之间的状态读得到。"""
    monkeypatch.setattr(step_time, "STEP_SECONDS", 0.1)
    await host.plan("t")
    steps = [
        chunk["ip-flow"]["counters"]["succeeded"]
        async for chunk in host.graph.astream(Command(resume="approve"), config("t"), stream_mode="updates")
        if "ip-flow" in chunk
    ]
    assert steps == [1, 2, 3]


async def test_progress_reaches_the_host(host: Host) -> None:
    """``custom`` 里逐个事件；``messages`` 里那一条话只说一次；状态里只留一条，就地更新。"""
    await host.plan("t")
    events: list[dict[str, Any]] = []
    spoken: list[Any] = []
    modes = ["custom", "messages"]
    async for mode, chunk in host.graph.astream(Command(resume="approve"), config("t"), stream_mode=modes):
        (events if mode == "custom" else spoken).append(chunk)
    assert {one["type"] for one in events} == {"pam.event"}
    assert [one["done"] for one in events if one["event"]["type"] == "IP_DONE"] == [1, 2, 3]
    assert events[-1]["targets"] == len(IPS)
    mine = [message.id for message, _ in spoken if (message.id or "").startswith("pam-progress-")]
    assert len(mine) == 1  # 聊天界面把同一个 id 的接在后面，不是换掉
    kept = [one for one in (await host.values("t"))["messages"] if one.id == mine[0]]
    assert [one.content.partition("：")[2] for one in kept] == ["3/3 · 失败 0 · 停用 0"]
