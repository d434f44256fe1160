"""图里谁在动手：经服务器的是验过的身份，绝不是服务自己的账号；自报的名字只在旁边（contract 第 5 节）。"""

from typing import Any

import pytest

from pam_deploy_graph.ledger import Approval
from pam_deploy_graph.runs.actor import UNNAMED
from pam_deploy_graph.system.account import current_operator
from tests.graph.desk import Desk

ALICE = {"langgraph_auth_user": {"identity": "alice"}, "langgraph_auth_user_id": "alice"}


def _decided(desk: Desk, **configurable: Any) -> Approval:
    """带着这样的配置批准计划，返回记下的决定。"""
    desk.config["configurable"] |= configurable
    desk.begin()
    desk.answer({"decision": "approve", "operator": "root"})
    (row,) = desk.services.ledger.decisions(str(desk.values()["run_id"]))
    return row


@pytest.mark.parametrize(
    ("configurable", "account"),
    [
        (ALICE, "登录用户 alice"),
        ({"langgraph_auth_user": None, "langgraph_auth_user_id": ""}, UNNAMED),
        ({"assistant_id": "pam_deploy"}, UNNAMED),
    ],
    ids=["验过", "没有验", "没有登录的服务器"],
)
def test_over_a_server(desk: Desk, configurable: dict[str, Any], account: str) -> None:
    """经服务器：验过的是谁就是谁；没有验的是「未具名」；说自己是 root 的只是旁边的一个名字。"""
    row = _decided(desk, **configurable)
    assert (row.account, row.operator, row.channel) == (account, "root", "server")
    assert current_operator() not in row.account


def test_in_this_process(desk: Desk) -> None:
    """嵌在本进程里：动手的就是本进程的账号，连同 uid 与主机。"""
    row = _decided(desk)
    assert row.account.startswith(f"{current_operator()}(")
    assert row.operator == "root"


def test_the_requester_is_known(desk: Desk) -> None:
    """计划记着是谁提出的。"""
    desk.config["configurable"] |= ALICE
    desk.begin()
    assert desk.services.state_of(str(desk.values()["run_id"])).requested_by == "alice"
