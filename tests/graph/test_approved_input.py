"""接着做之前，计划的摘要由登记的输入再算一遍；不是批准的那一份就停下（contract 第 5 节）。"""

from typing import Any

import pytest
from sqlalchemy import text

from pam_deploy_graph.errors import RecordsDisagreeError
from pam_deploy_graph.runs.approved_plan import refuse_unlike_approved
from tests.graph.desk import IPS, Desk


def begun(desk: Desk, **control: Any) -> str:
    """走到一台验证不通过、等人决定的地方，返回运行名。"""
    desk.to_rollback(IPS[0], **control)
    return str(desk.values()["run_id"])


@pytest.mark.parametrize(("old", "new"), [("1.2.3", "1.2.4"), ("gate", "gata"), ("10.0.0.3", "10.0.0.2")])
def test_an_input_unlike_the_approved_one(desk: Desk, old: str, new: str) -> None:
    """批准之后登记的输入改了版本、模块或排除的工作站：算出来的不是批准的那一份，说出来，不接着做。"""
    run_id = begun(desk, exclude_ips=["10.0.0.3"])
    state = desk.services.state_of(run_id)
    refuse_unlike_approved(desk.services.ledger, state)
    with desk.services.ledger.engine.begin() as connection:
        connection.execute(text("UPDATE runs SET input = replace(input, :old, :new)"), {"old": old, "new": new})
    with pytest.raises(RecordsDisagreeError, match=r"输入与批准的不符.*repair"):
        refuse_unlike_approved(desk.services.ledger, state)


def test_a_lost_approval(desk: Desk) -> None:
    """决定丢了：账本里没有对这份计划的批准，不接着做。"""
    run_id = begun(desk)
    state = desk.services.state_of(run_id)
    with desk.services.ledger.engine.begin() as connection:
        connection.execute(text("DELETE FROM decisions"))
    with pytest.raises(RecordsDisagreeError, match=r"没有对计划 .* 的批准"):
        refuse_unlike_approved(desk.services.ledger, state)
