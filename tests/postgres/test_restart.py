"""数据库重启：账本的读写等它回来；一直不回来，租约一到说清楚停下。"""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from langgraph.graph import START, MessagesState, StateGraph
from sqlalchemy.exc import OperationalError

from pam_deploy_graph.checkpoint_store import open_async_saver, open_saver
from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.flows.context import RunContext
from pam_deploy_graph.ledger import Ledger, RunSession
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system import event_loop
from tests.cli.site import Site
from tests.graph.desk import PARAMS
from tests.ledger.books import in_session, registered, step
from tests.patience import patience
from tests.postgres.server import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
AWAY_SECONDS = 2.0


@pytest.fixture
def ledger(store: str) -> Iterator[Ledger]:
    """新库里的账本。"""
    opened = Ledger(store)
    yield opened
    opened.close()


def test_a_batch_that_was_written_after_all(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """提交写成了，回话却没有到：再来时认出已经写成，不报错，不写两遍。"""
    import psycopg

    state, tries = registered(ledger), []
    write = ledger._writer._write

    def lost_answer(*given: Any, **named: Any) -> None:
        """写成之后，头一次当作断线。"""
        write(*given, **named)
        tries.append(named)
        if len(tries) == 2:
            raise OperationalError("COMMIT", {}, psycopg.OperationalError("断了"))

    monkeypatch.setattr(ledger._writer, "_write", lost_answer)

    async def work(session: RunSession) -> None:
        """写三行。"""
        for number in range(3):
            await session.append(step(number))

    in_session(ledger, state, work)
    assert [one["again"] for one in tries] == [False, False, True, False, False]
    assert [event["number"] for event in ledger.load_state("r1").events] == [0, 1, 2]


def test_away_beyond_the_lease(ledger: Ledger, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """租约到了还没有回来：说等了多久、该看什么；回来之后账本完好，接着写得了。"""
    monkeypatch.setattr("pam_deploy_graph.ledger.writer.LEASE_MS", 1500)
    state = registered(ledger)

    async def work(session: RunSession) -> None:
        """数据库走了再写一行。"""
        with postgres.away():
            await session.append(step(1))

    began = time.monotonic()
    with pytest.raises(LedgerError, match=r"等了 \d+ 秒，数据库没有回来.*PAM_STORE_URL"):
        in_session(ledger, state, work)
    assert time.monotonic() - began < patience(10)
    again = ledger.load_state("r1")
    in_session(ledger, again, _write)
    assert [event["number"] for event in ledger.load_state("r1").events] == [2]


async def _write(session: RunSession) -> None:
    """写一行。"""
    await session.append(step(2))


def test_reads_wait_too(ledger: Ledger, postgres: PostgresServer) -> None:
    """读的时候数据库正好不在：等它回来，读到的是对的。"""
    registered(ledger)

    async def both() -> list[str]:
        """一个线程读，这里停了再起。"""
        with postgres.away():
            reading = asyncio.gather(
                asyncio.to_thread(ledger.get_run, "r1"), asyncio.to_thread(ledger.load_state, "r1")
            )
            await asyncio.sleep(AWAY_SECONDS)
        return [found.run_id for found in await reading]

    assert asyncio.run(both()) == ["r1", "r1"]


def test_others_go_on_meanwhile(tmp_path: Path, postgres: PostgresServer, store: str) -> None:
    """数据库不在的时候，一次写着、一次正要进来、一次看取消，都在等；进程自己的事件循环照常转，别的不停。"""
    services = Services(
        home=tmp_path, settings=Settings(pam_store_url=store), given_router=FakeActionRunner(online_ips=["10.0.0.1"])
    )
    for name in ("one", "two"):
        register(services.ledger, RunRequest(PARAMS, "fake", name, tmp_path))
    inside, slowest = threading.Event(), 0.0

    async def work(ctx: RunContext) -> None:
        """数据库走了才写。"""
        inside.set()
        await anyio.sleep(AWAY_SECONDS / 2)
        await ctx.session.append({"type": "ACTION_DONE", "stage": "check-home", "values": {}})

    with ThreadPoolExecutor() as threads:
        doing = [threads.submit(services.drive, "one", work)]
        assert inside.wait(patience(10))
        with postgres.away():
            doing.append(threads.submit(services.drive, "two", work))
            until = time.monotonic() + AWAY_SECONDS
            while time.monotonic() < until:
                began = time.monotonic()
                event_loop.call(anyio.sleep, 0.02)
                slowest = max(slowest, time.monotonic() - began)
        done = [one.result(patience(60)) for one in doing]
    assert [len(services.ledger.load_state(run.run_id).events) for run in done] == [1, 1]
    assert slowest < patience(0.5)
    services.close()


@pytest.mark.parametrize("crash", [False, True], ids=["fast", "immediate"])
def test_a_rollout_does_not_notice(site: Site, postgres: PostgresServer, *, crash: bool) -> None:
    """推到一半数据库重启两次，每次离开两秒：退出码 0，不报错，说得出在等它，每个效果恰好一次。"""
    ips = site.take(4)
    for ip in ips:
        site.lab.add_fault(f"{ip}:deploy:slow=0.5:1")
    job = site.start("--yes")
    for ip in ips[1:3]:
        deadline = time.monotonic() + patience(30)
        while not site.count("stop-ip", ip):
            assert time.monotonic() < deadline, job.text()
            time.sleep(0.05)
        with postgres.away(crash=crash):
            time.sleep(AWAY_SECONDS)
    done = job.wait()
    assert (done.code, "错误" in done.err, "Traceback" in done.err) == (0, False, False), done.err
    assert "等着：数据库（PAM_STORE_URL）断开了，等它回来接着做" in done.err
    assert re.search(r"等完了（\d+ 秒）", done.err), done.err
    site.all_right()
    assert site.status()["exit_code"] == 0


@pytest.mark.parametrize("crash", [False, True], ids=["fast", "immediate"])
def test_the_checkpointers_connect_again(postgres: PostgresServer, store: str, *, crash: bool) -> None:
    """两种检查点器：读与写之间数据库重启，写与读都等得到它；异步的等的时候宿主的事件循环照常转。"""
    graph: Any = StateGraph(MessagesState).add_node("say", lambda _state: {"messages": ["好"]}).add_edge(START, "say")
    config: Any = {"configurable": {"thread_id": "one"}}

    def away_then(work: Callable[[], Any]) -> Any:
        """离开一秒，回来之前就开始做。"""
        with ThreadPoolExecutor() as threads, postgres.away(crash=crash):
            doing = threads.submit(work)
            time.sleep(1)
        return doing.result(patience(30))

    with open_saver(store) as saver:
        here = graph.compile(checkpointer=saver)
        here.invoke({"messages": ["一"]}, config)
        away_then(lambda: here.invoke({"messages": ["二"]}, config))
        assert len(away_then(lambda: here.get_state(config)).values["messages"]) == 4

    async def hosted() -> tuple[int, float]:
        """在自己的循环里再来一次，数一数最久的一次停顿。"""
        slowest = 0.0
        async with open_async_saver(store) as saver:
            there = graph.compile(checkpointer=saver)
            away = asyncio.create_task(asyncio.to_thread(away_then, lambda: time.sleep(1)))
            await asyncio.sleep(0.3)
            doing = asyncio.create_task(there.ainvoke({"messages": ["三"]}, config))
            while not doing.done():
                began = time.monotonic()
                await asyncio.sleep(0.02)
                slowest = max(slowest, time.monotonic() - began)
            await away
            return len((await doing)["messages"]), slowest

    number, slowest = asyncio.run(hosted())
    assert (number, slowest < patience(0.5)) == (6, True), slowest
