"""只有 PostgreSQL 才有的事：几个进程同时头一次打开，连接被断开，装不下的字。"""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.errors import RunHeldError
from pam_deploy_graph.ledger import Approval, Ledger, RunSession
from tests.ledger.books import in_session, new_state, registered, step, write
from tests.postgres.server import PostgresServer

pytestmark = pytest.mark.postgres
DIGEST = "d" * 64


@pytest.fixture
def ledger(store: str) -> Iterator[Ledger]:
    """新库里的账本。"""
    opened = Ledger(store)
    yield opened
    opened.close()


def test_opened_for_the_first_time_by_several_at_once(store: str) -> None:
    """八个人同时头一次打开账本与检查点：都打得开，谁也不报错。"""
    gate = threading.Barrier(8)
    problems: list[Exception] = []

    def open_both() -> None:
        """同时打开。"""
        gate.wait()
        try:
            Ledger(store).close()
            with open_saver(store) as saver:
                assert list(saver.list({"configurable": {"thread_id": "none"}})) == []
        except Exception as error:  # noqa: BLE001  收集起来给主线程看
            problems.append(error)

    threads = [threading.Thread(target=open_both) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_lost_connection_is_not_noticed(ledger: Ledger, postgres: PostgresServer) -> None:
    """写到一半连接断了：再连上接着写，一行不少一行不多。"""
    state = registered(ledger)
    name = str(ledger.engine.url.database)

    async def work(session: RunSession) -> None:
        """断开之前写一行，断开之后再写。"""
        await session.append(step(1))
        await asyncio.to_thread(postgres.cut_off, name)
        await session.append(step(2))

    in_session(ledger, state, work)
    assert [event["number"] for event in ledger.load_state("r1").events] == [1, 2]


def test_text_that_postgres_does_not_take(ledger: Ledger) -> None:
    """NUL 与孤立代理项：写成转义，不报错。"""
    state = registered(ledger)
    write(ledger, state, step(1) | {"message": "a\0b\ud800"})
    ledger.decide("r1", Approval("10.0.0.1", DIGEST, "approve", "甲\0", "\0\ud800", 0))
    assert ledger.load_state("r1").events[0]["message"] == "a\0b\ud800"
    assert "\0" not in ledger.decisions("r1")[0].note
    ledger.stopped("r1", "坏了\0")


def test_the_longest_names_fit(ledger: Ledger) -> None:
    """最长的机场、应用、模块与运行名，锁与决定都放得下。"""
    state = new_state("r" * 64)
    state.params |= {"APP_NAME": "a" * 64, "MODULE_NAME": "m" * 64}
    ledger.create_run(state)
    ledger.lock_module(state)
    ledger.decide(state.run_id, Approval("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", DIGEST, "approve", "甲", "", 0))
    ledger.stopped(state.run_id, None, unlock=True)


def test_leases_go_by_the_server_clock(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """这台主机的时钟快了一小时：别的主机刚续的租照样算数，自己取得的也照服务的时钟到期。"""
    ledger.open_session(registered(ledger))
    with ledger.engine.begin() as connection:
        connection.execute(text("UPDATE leases SET host = 'far-away', pid = 1"))
    ahead = time.time_ns() + 3_600_000_000_000
    monkeypatch.setattr("pam_deploy_graph.ledger.clock.time.time_ns", lambda: ahead)
    with pytest.raises(RunHeldError, match="far-away"):
        ledger.open_session(new_state())
    ledger.open_session(registered(ledger, "r2"))
    with ledger.engine.connect() as connection:
        until = connection.execute(text("SELECT max(expires_at) FROM leases")).scalar_one()
    assert until < ahead / 1_000_000 - 3_000_000
