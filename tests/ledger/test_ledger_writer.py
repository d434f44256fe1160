"""组提交：次序、合批、落盘之后才算数（architecture「账本」）。"""

import asyncio

from anyio import CancelScope
from sqlalchemy import event, update

from pam_deploy_graph.ledger import Ledger, RunSession
from pam_deploy_graph.ledger.engine import writing
from pam_deploy_graph.ledger.schema import leases
from tests.agent.rig import FIRST, execute, folded
from tests.ledger.books import in_session, new_state, registered, step, write


def test_rows_are_in_the_order_given(ledger: Ledger) -> None:
    """不等待就连写许多行：行号连续，次序不变，提交次数远少于行数。"""
    state = registered(ledger)
    commits: list[int] = []
    event.listen(ledger.engine, "commit", lambda _connection: commits.append(1))

    async def work(session: RunSession) -> None:
        """一口气交出五百行，最后一起等。"""
        for number in range(500):
            session.append(step(number))
        await session.flush()

    in_session(ledger, state, work)
    assert [row[0] for row in execute("SELECT seq FROM events ORDER BY seq")] == list(range(1, 502))
    assert [e["number"] for e in folded("r1").events] == list(range(500))
    assert len(commits) < 100


def test_several_runs_share_one_writer(ledger: Ledger) -> None:
    """几次运行同时写同一个账本：各自的次序与哈希链都完好。"""
    states = [registered(ledger, f"r{n}") for n in range(4)]

    async def one(number: int) -> None:
        """一次运行写一百行，每行都等落盘。"""
        async with ledger.open_session(states[number]).alive() as session:
            for each in range(100):
                await session.append(step(each))

    async def main() -> None:
        """同时写。"""
        await asyncio.gather(*(one(number) for number in range(4)))

    asyncio.run(main())
    for number in range(4):
        assert [e["number"] for e in folded(f"r{number}").events] == list(range(100))


def test_awaited_means_on_disk(ledger: Ledger) -> None:
    """等到的那一行，别的连接当场就读得到。"""
    state = registered(ledger)

    async def work(session: RunSession) -> None:
        """每写一行看一眼文件。"""
        for number in range(5):
            await session.append(step(number))
            assert execute("SELECT max(seq) FROM events") == [(number + 2,)]

    in_session(ledger, state, work)


def test_events_together_are_one_row(ledger: Ledger) -> None:
    """同时发生的事件合成一行，要么都在要么都不在。"""
    state = registered(ledger)

    async def work(session: RunSession) -> None:
        """三个事件一起写。"""
        await session.append(step(1), step(2), step(3))

    in_session(ledger, state, work)
    assert execute("SELECT count(*) FROM events WHERE seq > 1") == [(1,)]
    assert [e["number"] for e in folded("r1").events] == [1, 2, 3]


def test_closing_writes_what_was_handed_over(ledger: Ledger) -> None:
    """关闭之前交出的行都落盘；关闭后还能再打开接着写。"""
    state = registered(ledger)

    async def main() -> None:
        """交出之后不等就关。"""
        session = ledger.open_session(state)
        for number in range(50):
            session.append(step(number))
        await asyncio.to_thread(ledger.close)
        session.release()

    asyncio.run(main())
    assert execute("SELECT count(*) FROM events WHERE seq > 1") == [(50,)]
    write(ledger, state, step(50))
    assert len(folded("r1").events) == 51


def test_listeners_hear_every_event_once(ledger: Ledger) -> None:
    """听众按次序听到每个事件一次，带发生的时刻。"""
    state = registered(ledger)
    heard: list[tuple[int, bool]] = []

    async def work(session: RunSession) -> None:
        """写三个事件。"""
        session.listeners.append(lambda told: heard.append((told["number"], told["at"] > 0)))
        for number in range(3):
            await session.append(step(number, FIRST))

    in_session(ledger, state, work)
    assert heard == [(0, True), (1, True), (2, True)]
    assert new_state().events == []


def test_a_cancelled_wait_is_written_before_the_lease_is_given_back(ledger: Ledger) -> None:
    """等落盘的时候被取消：那一行照样写完才交还租约。此前内存走在账本前面，接着推进就说账本落后了。"""
    state = registered(ledger)

    async def work(session: RunSession, scope: CancelScope) -> None:
        """写一行，等它落盘。"""
        with scope:
            async with session.alive():
                await session.append(step(1))

    async def main() -> None:
        """账本被别的连接锁住的时候写，取消，再解开锁。"""
        scope, session = CancelScope(), ledger.open_session(state)
        with writing(ledger.engine) as connection:
            connection.execute(update(leases).values(since=leases.c.since))
            task = asyncio.create_task(work(session, scope))
            await asyncio.sleep(0.1)
            scope.cancel()
            await asyncio.sleep(0.1)
            assert not task.done()
        await task

    asyncio.run(main())
    write(ledger, state, step(2))
    assert [e["number"] for e in folded("r1").events] == [1, 2]
