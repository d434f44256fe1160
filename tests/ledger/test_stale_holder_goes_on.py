"""曾经的缺陷：租约被接管而写失败的状态，再推进时越过了接管者记下的失败与待确认事项。"""

import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.errors import StaleFenceError
from pam_deploy_graph.fake_runner import FakeActionRunner
from tests.agent.rig import FIRST, ONLINE, Hooked, Rig, execute, folded, without_times


def test_after_a_takeover_the_ledger_is_right(rig: Rig) -> None:
    """被接管过的状态再推进：先追上接管者写的，那台在等决定就停在那里，一步也不多做。"""
    state = rig.ready(run_id="r1")

    def robbed(action: str, _ip: str | None) -> None:
        """第一次 stop-ip 当中租约过期，另一个进程接管，它在 stop-ip 失败而停下问人。"""
        if action == "stop-ip" and not rig.calls:
            execute("UPDATE leases SET expires_at = 0")
            theirs = FakeActionRunner(online_ips=list(ONLINE))
            theirs.fail("stop-ip", FIRST, error="电源掉了")
            PamDeployAgent(fake_runner=theirs).run_deploy_flow(folded("r1"))

    rig.agent = PamDeployAgent(fake_runner=Hooked(rig.fake, robbed))
    with pytest.raises(StaleFenceError):
        rig.agent.run_ip_flow(state)
    rig.fake.calls.clear()
    rig.agent.run_ip_flow(state)
    assert rig.calls == []
    assert state.pending_confirmation == f"rollback-ip:{FIRST}"
    assert state.ip_states[FIRST].status == "FAILED"
    assert without_times(state) == without_times(folded("r1"))
