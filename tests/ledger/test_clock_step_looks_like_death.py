"""曾经的缺陷：持有者的启动时刻由 /proc/stat 的 btime 推算，系统校时使它整体挪动，活着的持有者被当成已死而接管。"""

import pytest

from pam_deploy_graph.errors import RunHeldError
from pam_deploy_graph.ledger import Ledger
from tests.agent.rig import store_url
from tests.ledger.books import holder, new_state, registered


@pytest.mark.parametrize("seconds", [1, -1, 30])
def test_a_clock_step_does_not_kill_the_holder(seconds: int, home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """校时挪动了 btime：同一个进程仍是同一个进程，不接管。"""
    ledger = Ledger(store_url())
    registered(ledger)
    with holder():
        import psutil._pslinux as linux

        real = linux.boot_time()
        monkeypatch.setattr(linux, "boot_time", lambda: real + seconds)
        with pytest.raises(RunHeldError):
            ledger.open_session(new_state())
    ledger.close()
