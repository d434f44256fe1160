"""图里谁在动手：经服务器的是验过的身份，绝不是服务自己的账号；自报的名字只在旁边（contract 第 5 节）。"""

from typing import Any

import pytest

from pam_deploy_graph.graph.acting import SPOKEN
from pam_deploy_graph.i18n import EN
from pam_deploy_graph.ledger import CANCEL, Approval, read_evidence
from pam_deploy_graph.models import Event
from pam_deploy_graph.runs.actor import UNNAMED, server_actor
from pam_deploy_graph.system.account import current_operator
from tests.graph.desk import IPS, PARAMS, Desk
from tools.catalogue import CJK

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


OVER = [
    (ALICE, "登录用户 alice", "alice"),
    ({"assistant_id": "pam_deploy"}, UNNAMED, UNNAMED),
]


@pytest.mark.parametrize(("configurable", "account", "name"), OVER, ids=["验过", "没有登录"])
def test_pausing_going_on_and_cancelling_over_a_server(
    desk: Desk, configurable: dict[str, Any], account: str, name: str
) -> None:
    """经服务器停、继续、取消：记下的是验过的人，或「未具名」，绝不是服务自己的账号；停着的只有人能继续。"""
    desk.config["configurable"] |= configurable
    desk.fake.fail("upload-package", error="磁盘满了", times=1)
    desk.begin()
    desk.answer("approve")
    assert "暂停：不再开新的" in _say(desk, "暂停")["answer"]
    run_id = str(desk.values()["run_id"])
    assert desk.services.state_of(run_id).paused_by == name
    desk.fake.fail("verify-ip", IPS[0])
    assert _say(desk, "继续")["ask"] == "rollback-ip"
    events = desk.services.ledger.load_state(run_id).events
    told = [event for event in events if event["type"] in ("RUN_PAUSED", "RUN_CONTINUED")]
    assert [(one["account"], one["operator"], one["channel"]) for one in told] == [(account, name, "server")] * 2
    _say(desk, "取消")
    _say(desk, "确认")
    (row,) = [one for one in desk.services.ledger.decision_chain(run_id) if one.subject == CANCEL]
    assert (row.account, row.operator) == (account, name)
    assert current_operator() not in row.account
    assert desk.services.ledger.get_run(run_id).cancelled_by == name


def test_a_pause_is_for_its_own_run(desk: Desk) -> None:
    """在一个会话里说「暂停」，只停它说的那次运行：同一个进程里别人的照走。"""
    desk.fake.fail("upload-package", error="磁盘满了", times=1)
    desk.begin()
    desk.answer("approve")
    _say(desk, "暂停")
    desk.config = {"configurable": {"thread_id": "another"}}
    desk.begin({**PARAMS, "MODULE_NAME": "bag"})
    assert desk.answer("approve")["exit_code"] == 0


def test_paused_while_it_rolls_out(desk: Desk) -> None:
    """推出途中由别的线程要停：进行中的做完就停，记下是他；他说「继续」就做到底，先再问一遍节点在哪里。"""
    desk.config["configurable"] |= ALICE
    desk.begin()
    run_id = str(desk.values()["run_id"])
    bob = server_actor(None, "bob")

    def ask(event: Event) -> None:
        """第一台做完，bob 要停。"""
        if event["type"] == "IP_DONE":
            desk.services.signs.pausing[run_id] = bob

    desk.services.listeners.append(ask)
    assert "由 bob 停着" in desk.answer("approve")["answer"]
    assert desk.services.state_of(run_id).paused_by == "bob"
    (before, *_) = [one.config for one in desk.graph.get_state_history(desk.config) if one.next == ("ip-flow",)]
    assert "由 bob 停着" in desk.graph.invoke(None, before)["answer"]
    desk.services.listeners.clear()
    desk.fake.calls.clear()
    assert _say(desk, "继续")["exit_code"] == 0
    assert desk.fake.calls[0][0] == "get-node-url"
    (went_on,) = [e for e in desk.services.ledger.load_state(run_id).events if e["type"] == "RUN_CONTINUED"]
    assert went_on["operator"] == "alice"


def test_who_registered_is_recorded(desk: Desk) -> None:
    """登记在链上的是谁提出的：经服务器的不是服务自己的账号。"""
    desk.config["configurable"] |= {"assistant_id": "pam_deploy"}
    desk.begin()
    (first, *_) = read_evidence(desk.services.ledger.engine, str(desk.values()["run_id"]))["rows"]
    assert f'"account":"{UNNAMED}"' in first["body"].replace(" ", "")


def _say(desk: Desk, text: str) -> dict[str, Any]:
    """在会话里说一句话。"""
    return desk.say({"messages": [{"role": "user", "content": text}]})


def test_the_requester_is_known(desk: Desk) -> None:
    """计划记着是谁提出的。"""
    desk.config["configurable"] |= ALICE
    desk.begin()
    assert desk.services.state_of(str(desk.values()["run_id"])).requested_by == "alice"


def test_it_speaks_as_asked(desk: Desk) -> None:
    """``configurable`` 里要了英文的，计划与回滚的问题都是英文；没有要的说中文。"""
    desk.config["configurable"][SPOKEN] = EN
    plan = desk.begin()["plan"]["text"]
    assert "PAM deployment plan" in plan
    assert not CJK.search(plan)
    del desk.config["configurable"][SPOKEN]
    desk.fake.fail("verify-ip", "10.0.0.1")
    assert "怎么办" in desk.answer("approve")["text"]
