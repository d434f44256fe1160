"""问着的问题：失败的一台，读回了它的实情才问；读它的进程死了，照样问得到。"""

import pytest

from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.runs.open_questions import asked_questions
from tests.graph.desk import IPS, Desk


def test_a_failure_is_asked_about_once_its_truth_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """失败与读回之间有进程握着的，不问：那时答了，读到的不同又要再问；没有进程的就问。"""
    desk.to_rollback(IPS[0])
    ledger, run_id = desk.services.ledger, str(desk.values()["run_id"])
    kinds = [event["type"] for event in ledger.load_state(run_id).events if event.get("ip") == IPS[0]]
    assert kinds.index("READ_BACK", kinds.index("CONFIRMATION_REQUIRED")) > kinds.index("CONFIRMATION_REQUIRED")
    state = ledger.load_state(run_id)
    assert [question["ip"] for question in asked_questions(ledger, state)] == [IPS[0]]
    state.ip_states[IPS[0]]["reading"] = True  # 折叠停在两行之间时的样子
    assert [question["ip"] for question in asked_questions(ledger, state)] == [IPS[0]]
    monkeypatch.setattr(Ledger, "holder", lambda *_: "另一个进程")
    assert asked_questions(ledger, state) == []
