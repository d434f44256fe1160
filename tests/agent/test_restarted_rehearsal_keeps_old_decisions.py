"""曾经的缺陷：同名演练从头重做之后，上一次的决定仍占着位置。"""

import pytest

from tests.agent.rig import FIRST, Rig


@pytest.mark.parametrize("approved", [True, False])
def test_a_restarted_rehearsal_asks_anew(*, approved: bool, rig: Rig) -> None:
    """演练从头重做，问题是新的：与上一次相反的决定照样作数。"""
    rig.fake.fail("verify-ip", FIRST)
    for answer in (approved, not approved, approved):
        state = rig.agent.run_deploy_flow(rig.state(run_id="r1"))
        rig.agent.confirm_pending(state, approved=answer)
        expected = "ROLLBACK_DONE" if answer else "REJECTED_BY_OPERATOR"
        assert state.ip_states[FIRST].rollback_status == expected
