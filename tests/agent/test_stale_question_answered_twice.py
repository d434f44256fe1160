"""曾经的缺陷：检查点比账本旧而仍写着待确认：先看的是旧状态，已经做完的回滚又做一遍。"""

from pathlib import Path

import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.checkpoint_store import load_checkpoint
from pam_deploy_graph.models import AgentState
from tests.agent.rig import FIRST, SECOND, THIRD, Rig, ip_calls


def _stale(rig: Rig, *, approved: bool) -> AgentState:
    """账本里已经决定并做完，而检查点还停在提问。"""
    state = rig.paused(run_id="r1", checkpoint_path="ckpt.json")
    older = Path("ckpt.json").read_bytes()
    rig.agent.confirm_pending(state, approved=approved)
    Path("ckpt.json").write_bytes(older)
    rig.fake.calls.clear()
    rig.agent = PamDeployAgent(fake_runner=rig.fake)
    return load_checkpoint("ckpt.json")


@pytest.mark.parametrize("approved", [True, False])
def test_a_question_already_answered_is_not_carried_out_again(*, approved: bool, rig: Rig) -> None:
    """账本里已经决定过：再回答报「当前没有待确认事项」，不再回滚。"""
    stale = _stale(rig, approved=approved)
    with pytest.raises(ValueError, match="当前没有待确认事项"):
        rig.agent.confirm_pending(stale, approved=approved)
    assert rig.calls == []


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("flow", ["run_ip_flow", "run_deploy_flow"])
def test_the_ledger_decides_whether_something_is_pending(flow: str, *, approved: bool, rig: Rig) -> None:
    """账本里已经决定过：推进时接着做下一台，不会卡在旧的问题上。"""
    stale = _stale(rig, approved=approved)
    getattr(rig.agent, flow)(stale)
    assert rig.calls == ip_calls(SECOND, THIRD)
    assert stale.pending_confirmation == ""
    assert stale.ip_states[FIRST].status == "FAILED"


@pytest.mark.crash
def test_killed_between_the_rollback_and_the_checkpoint(home: Path) -> None:
    """回滚前后的一些时刻 kill -9，从检查点恢复：每个效果恰好一次（含 ROLLBACK_DONE 落盘而检查点还没写的那一刻）。"""
    from tests.agent.test_crash import _assert_once, _trials

    _assert_once(_trials(home, "checkpoint", -16, 3))
