"""``status RUN IP``：一台的经过照账本，时刻、第几次、应答的代码与中文、读回、决定与原因都在。"""

import pytest

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inventory import EMPTY
from pam_deploy_graph.runs.workstation_story import render_story, story_of
from tests.graph.desk import IPS, Desk

ONE = IPS[0]


def test_everything_that_happened_to_one(desk: Desk) -> None:
    """部署失败，人说保持现状：失败的一步带着退出码与中文，决定说出谁、为什么，别的工作站的不在内。"""
    desk.fake.fail("deploy-ip", ONE, times=1, error="磁盘满了")
    desk.begin()
    desk.answer("approve")
    desk.answer({"decision": "reject", "note": "现场在修"})
    ledger, run_id = desk.services.ledger, desk.values()["run_id"]
    told = story_of(ledger, run_id, ONE, EMPTY)
    (failed,) = (step for step in told["steps"] if step["result"] == "失败")
    assert (failed["step"], failed["attempt"]) == ("deploy-ip", 1)
    assert "磁盘满了" in failed["message"]
    assert "退出码 6（PAM 拒绝）" in failed["message"]
    assert [step["step"] for step in told["steps"]][:3] == ["", "query-ip", "stop-ip"]
    (decision,) = told["decisions"]
    assert (decision["decision"], decision["note"]) == ("reject", "现场在修")
    text = render_story(told)
    assert "此刻: 失败 FAILED；不回滚，保持现状 REJECTED_BY_OPERATOR" in text
    assert "0.0.0，已停止" in text
    assert "：现场在修" in text


def test_a_workstation_that_is_not_in_the_run(desk: Desk) -> None:
    """没有的说没有，还没有轮到的说未开工。"""
    desk.begin()
    ledger, run_id = desk.services.ledger, desk.values()["run_id"]
    assert story_of(ledger, run_id, ONE, EMPTY)["status"] == "NOT_STARTED"
    with pytest.raises(InvalidInputError, match=r"里没有工作站 10\.9\.9\.9"):
        story_of(ledger, run_id, "10.9.9.9", EMPTY)
