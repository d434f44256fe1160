"""租约与围栏：一次运行同时只有一个进程推进（architecture「账本」、faults「storage」）。"""

import asyncio
import os
import socket
import time

import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import RunHeldError, StaleFenceError
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.ledger.writer import BEAT_MS, LEASE_MS
from tests.agent.rig import Hooked, Rig, execute, store_url
from tests.ledger.books import holder, new_state, registered, step, write
from tests.patience import patience


def _rows() -> int:
    """登记之后账本里共有几行事件。"""
    count: int = execute("SELECT count(*) FROM events WHERE seq > 1")[0][0]
    return count


def test_a_second_session_is_told_who_holds_the_run(ledger: Ledger) -> None:
    """第二个会话被拒绝，消息写出运行、主机与进程号；交还之后就能取得。"""
    session = ledger.open_session(registered(ledger))
    other = Ledger(store_url())
    with pytest.raises(RunHeldError, match="r1") as caught:
        other.open_session(new_state())
    assert socket.gethostname() in str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE
    assert other.holder("r1") is not None
    session.release()
    assert other.holder("r1") is None
    other.open_session(new_state()).release()
    other.close()


def test_runs_do_not_hold_each_other(ledger: Ledger) -> None:
    """握着一次运行不妨碍别的运行。"""
    first, second = (ledger.open_session(registered(ledger, name)) for name in ("r1", "r2"))
    first.release()
    second.release()


def test_a_living_process_holds_a_dead_one_does_not(ledger: Ledger) -> None:
    """另一个活着的进程握着：说出它的进程号；kill -9 之后立即可以接管。"""
    registered(ledger)
    with holder() as process:
        with pytest.raises(RunHeldError, match=str(process.pid)):
            ledger.open_session(new_state())
        assert str(process.pid) in str(ledger.holder("r1"))
        process.kill()
        process.wait()
        began = time.monotonic()
        assert ledger.holder("r1") is None
        ledger.open_session(new_state()).release()
        assert time.monotonic() - began < patience(1)


def test_a_dead_process_that_nobody_reaped_does_not_hold(ledger: Ledger) -> None:
    """被 kill -9 而父进程还没有收走的（僵尸）：也算死了，立即可以接管。"""
    registered(ledger)
    with holder() as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert ledger.holder("r1") is None
        ledger.open_session(new_state()).release()


def test_the_agent_is_told_and_does_nothing(ledger: Ledger) -> None:
    """别的进程握着时，代理不动手，也不改状态；那个进程死后照常做完。"""
    rig = Rig()
    state = rig.state(run_id="r2")
    with holder("r2") as process:
        with pytest.raises(RunHeldError, match=str(process.pid)):
            rig.agent.run_deploy_flow(state)
        assert (rig.calls, state.events, _rows()) == ([], [], 0)
    rig.agent.run_deploy_flow(state)
    assert {w.status for w in state.ip_states.values()} == {"SUCCESS"}


def test_a_reused_pid_is_not_the_holder(ledger: Ledger) -> None:
    """进程号还在而启动时刻对不上：是别的进程重用了号，可以接管。"""
    session = ledger.open_session(registered(ledger))
    execute("UPDATE leases SET pid_started = pid_started - 3600000")
    ledger.open_session(new_state()).release()
    session.release()


def test_another_host_is_believed_until_its_lease_ends(ledger: Ledger) -> None:
    """别的主机上的持有者看不见死活：租约没过期就算活着，过期就可以接管。"""
    ledger.open_session(registered(ledger))
    execute("UPDATE leases SET host = 'far-away', pid = 1")
    with pytest.raises(RunHeldError, match="far-away"):
        ledger.open_session(new_state())
    execute("UPDATE leases SET expires_at = ?", int(time.time() * 1000) - 1)
    assert ledger.holder("r1") is None
    ledger.open_session(new_state()).release()


def test_a_lease_is_renewed_while_held(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """握着的时候按时续租，不会因为一步做得久就过期。"""
    monkeypatch.setattr("pam_deploy_graph.ledger.run_session.BEAT_MS", 20)
    state = registered(ledger)

    async def main() -> None:
        """握着不写，看租期有没有往后推。"""
        async with ledger.open_session(state).alive():
            execute("UPDATE leases SET expires_at = expires_at - 20000")
            before = execute("SELECT expires_at FROM leases")[0][0]
            for _ in range(100):
                await asyncio.sleep(0.02)
                if execute("SELECT expires_at FROM leases")[0][0] > before + 10_000:
                    return
        pytest.fail("没有续租")

    asyncio.run(main())
    assert _rows() == 0


def test_every_beat_renews(ledger: Ledger) -> None:
    """每一次都真的续，刚写过、刚续过也一样；租期的一半之内续得了不止两次。"""
    state = registered(ledger)

    async def main() -> None:
        """续几次，其间也写。"""
        async with ledger.open_session(state).alive() as session:
            for number in range(1, 6):
                execute("UPDATE leases SET expires_at = 1")
                await session.append(step(number))
                await session._touch(last=False)
                assert execute("SELECT expires_at FROM leases")[0][0] > (time.time() + LEASE_MS / 1000 - 5) * 1000

    asyncio.run(main())
    assert LEASE_MS / 2 > 2 * BEAT_MS


def test_a_lease_given_back_stays_given_back(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """交还排在先前的续租之后：还了就是还了，写手也不再记着它。"""
    monkeypatch.setattr("pam_deploy_graph.ledger.run_session.BEAT_MS", 1)
    state = registered(ledger)

    async def main() -> None:
        """进进出出，每次都有续租排着队。"""
        for _ in range(20):
            async with ledger.open_session(state).alive() as session:
                await session.append(step(1))
                await asyncio.sleep(0.003)
            assert execute("SELECT expires_at, pid FROM leases") == [(0, 0)]

    asyncio.run(main())
    assert ledger.holder("r1") is None
    assert not ledger._writer._renewed


def test_a_stale_fence_writes_nothing(ledger: Ledger) -> None:
    """租约被接管之后：旧会话一行也写不进去，再写再报，也动不了新的租约。"""
    state = registered(ledger)
    stale = ledger.open_session(state)
    execute("UPDATE leases SET expires_at = 0")
    other = Ledger(store_url())
    fresh_state = new_state()
    fresh = other.open_session(fresh_state)

    async def main() -> None:
        """新旧会话交替写。"""
        await fresh.append(step(1))
        for number in (2, 3):
            with pytest.raises(StaleFenceError):
                await stale.append(step(number))
        await fresh.append(step(4))

    asyncio.run(main())
    stale.release()
    with pytest.raises(RunHeldError):
        ledger.open_session(new_state())
    fresh.release()
    other.close()
    assert [event["number"] for event in ledger.load_state("r1").events] == [1, 4]


def test_the_fence_only_grows(ledger: Ledger) -> None:
    """每次取得租约围栏号加一，交还也不减。"""
    state = registered(ledger)
    fences = []
    for number in range(3):
        write(ledger, state, step(number))
        fences.append(execute("SELECT fence FROM leases")[0][0])
    assert fences == [1, 2, 3]


def test_losing_the_lease_stops_before_the_next_effect(ledger: Ledger) -> None:
    """做到一半租约被接管：旧的进程在下一个会改变外界的动作之前停下。"""
    rig = Rig()
    state = rig.ready(run_id="r2")

    def rob(action: str, _ip: str | None) -> None:
        """在第一台的 ``stop-ip`` 当中夺走租约。"""
        if action == "stop-ip":
            execute("UPDATE leases SET fence = fence + 1")

    rig.agent = PamDeployAgent(fake_runner=Hooked(rig.fake, rob))
    with pytest.raises(StaleFenceError):
        rig.agent.run_ip_flow(state)
    assert rig.calls == [("stop-ip", "10.0.0.1")]
