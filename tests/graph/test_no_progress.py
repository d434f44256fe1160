"""没有进展就停下说出来，绝不空转（contract 第 8 节）：时钟拨回之后读到旧检查点，一步做不成什么而还说有可做的。"""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.errors import NoProgressError
from pam_deploy_graph.graph.driver import Driver
from pam_deploy_graph.graph.nodes import ip_flow
from pam_deploy_graph.ledger import PLAN, Approval
from tests.graph.desk import FAKE, PARAMS, Desk


def test_a_question_answered_by_the_ledger_and_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """检查点总是退回到问之前：账本里的决定答了一遍又问，第二遍就停下。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.to_rollback("10.0.0.1", execution_strategy="script_only")
    question = desk.open_question()
    run_id = desk.values()["run_id"]
    [one] = question["waiting"]
    desk.services.ledger.decide(run_id, Approval("10.0.0.1", one["digest"], "reject", "alice", "", 0))
    driver = Driver(desk.services, desk.graph, lambda _question: None)
    [pending] = desk.graph.get_state(desk.config).tasks[0].interrupts
    asked = []

    def say(_run_id: str, value: Any) -> dict[str, Any]:
        """答了也白答。"""
        asked.append(value)
        return {"__interrupt__": [pending], "run_id": run_id}

    monkeypatch.setattr(driver, "say", say)
    with pytest.raises(NoProgressError, match="又问了一遍"):
        driver._settle(run_id, say(run_id, None))
    assert len(asked) == 2


def test_a_recorded_decision_that_the_plan_cannot_take(tmp_path: Path) -> None:
    """账本里给计划记着一个它没有的决定：问两遍就停下，不一遍遍写检查点。"""
    desk = Desk(tmp_path, InMemorySaver(), thread="odd")
    desk.say({"params": PARAMS, "control": FAKE, "run_id": "odd"})
    digest = desk.services.ledger.load_state("odd").plan_digest
    desk.services.ledger.decide("odd", Approval(PLAN, digest, "retry", "bob", "", 0))
    driver = Driver(desk.services, desk.graph, lambda _question: None)
    with pytest.raises(NoProgressError, match="又问了一遍"):
        driver.resume("odd")


def test_a_step_that_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """还有可做的，而一步下来账本里什么也没有多：停下，不转一万圈。"""
    steps = []

    async def idle(*_: Any) -> None:
        """什么也不做。"""
        steps.append(1)

    desk = Desk(tmp_path, InMemorySaver())
    desk.begin(execution_strategy="script_only")
    monkeypatch.setattr(ip_flow, "run_step", idle)
    with pytest.raises(NoProgressError, match="什么也没有多出来"):
        desk.answer("approve")
    assert len(steps) <= 2
