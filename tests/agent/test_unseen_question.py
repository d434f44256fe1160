"""回答记给他看过的那个问题：别的进程先答过、回滚又失败了，就是另一个问题（contract 第 5、6 节）。"""

from pathlib import Path

import pytest

from pam_deploy_graph.checkpoint_store import load_checkpoint
from pam_deploy_graph.errors import ConfirmationError
from pam_deploy_graph.runs.open_questions import cancel_run
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from tests.agent.rig import FIRST, Rig


def test_an_answer_to_a_question_that_was_never_seen(rig: Rig) -> None:
    """另一个进程同意了而回滚失败：旧的回答不记给新的问题，新的问题照旧等着，写着此刻的原因。"""
    mine = rig.paused(run_id="r1", checkpoint_path="c.json")
    seen = rig.agent.build_confirmation_request(mine)
    theirs = load_checkpoint("c.json")
    rig.fake.fail("rollback-ip", FIRST, error="正在办理登机", times=1)
    rig.agent.confirm_pending(theirs, approved=True)
    rig.fake.calls.clear()
    with pytest.raises(ConfirmationError, match="问题变了"):
        rig.agent.confirm_pending(mine, approved=True)
    assert (rig.calls, mine.pending_confirmation) == ([], f"rollback-ip:{FIRST}")
    now = rig.agent.build_confirmation_request(mine)
    assert "正在办理登机" in now["failure_reason"]
    assert now["failure_reason"] != seen["failure_reason"]
    rig.agent.confirm_pending(mine, approved=True)
    assert rig.calls == [("rollback-ip", FIRST)]


def test_a_run_driven_by_hand_is_anchored(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """自己掌舵的每做一段也记锚；一段失败了也记。"""
    anchors = tmp_path / "anchors.log"
    monkeypatch.setenv("PAM_AUDIT_ANCHOR", str(anchors))
    state = rig.paused(run_id="r1")
    before = len(anchors.read_text(encoding="utf-8").splitlines())
    rig.agent.confirm_pending(state, approved=False)
    assert (before >= 2, len(anchors.read_text(encoding="utf-8").splitlines())) == (True, before + 1)


def test_a_cancel_is_anchored_while_another_process_drives(rig: Rig, tmp_path: Path) -> None:
    """别的进程正握着的，取消也记锚：那时末尾的决定就是它。"""
    state = rig.paused(run_id="r1")
    anchors = tmp_path / "anchors.log"
    services = Services(home=Path(), settings=Settings(pam_audit_anchor=str(anchors)))
    session = services.ledger.open_session(services.ledger.load_state(state.run_id))
    try:
        assert cancel_run(services, state.run_id, services.local_actor())["holder"]
    finally:
        session.release()
        services.close()
    assert '"decisions": 1' in anchors.read_text(encoding="utf-8")
