"""自己掌舵也照站点的策略：不许的不动手、不回滚，记下；没有策略文件的什么也不变（contract 第 6、8 节）。"""

from pathlib import Path

import pytest

from pam_deploy_graph.constants import ACTIONS
from pam_deploy_graph.errors import PolicyRefusedError
from pam_deploy_graph.ledger import Approval, Ledger
from pam_deploy_graph.people import PeopleBook, Person
from pam_deploy_graph.policy import role_parts, role_under
from pam_deploy_graph.system.account import current_operator
from tests.agent.rig import DATABASE, FIRST, ONLINE, Rig

OPEN = "[[rule]]\n"


@pytest.fixture
def policy(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """策略与账户文件；当前账号是 alice，在 PEK 是 operator。"""
    file = home / "policy.toml"
    file.write_text(OPEN, encoding="utf-8")
    people = home / "people.json"
    alice = Person(accounts=[current_operator()], roles={"operator": ["PEK"]})
    PeopleBook(people={"alice": alice}).save(people)
    monkeypatch.setenv("PAM_POLICY", str(file))
    monkeypatch.setenv("PAM_PEOPLE", str(people))
    return file


def _decisions(run_id: str) -> list[Approval]:
    """账本里记下的决定。"""
    ledger = Ledger(f"sqlite:///{DATABASE.absolute()}")
    try:
        return list(ledger.decisions(run_id))
    finally:
        ledger.close()


def _changes(rig: Rig) -> list[tuple[str, str | None]]:
    """会改变外界的调用。"""
    return [(action, ip) for action, ip in rig.calls if ACTIONS[action].changes]


def test_what_is_allowed_is_done_and_recorded(rig: Rig, policy: Path) -> None:
    """许的照做，记下是谁批准动手的；回滚的决定带着他的角色，事件写着照的策略。"""
    policy.write_text('[[rule]]\nrequest = ["role:operator"]\napprove_rollback = ["alice"]\n', encoding="utf-8")
    state = rig.paused()
    rig.agent.confirm_pending(state, approved=True)
    plan, rollback = _decisions(state.run_id)
    assert [(one.subject, role_parts(one.role), one.channel) for one in (plan, rollback)] == [
        ("plan", ("alice", ["operator"]), "agent"),
        (FIRST, ("alice", ["operator"]), "agent"),
    ]
    assert all("policy.toml（SHA-256 " in role_under(one.role) for one in (plan, rollback))
    (event,) = [event for event in state.events if event["type"] == "CONFIRMATION_APPROVED"]
    assert str(policy) in event["policy"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('request = ["role:lead"]', "提出部署"),
        ('approve_plan = ["role:lead"]', "批准计划"),
        ("signed = true", "签名"),
        ('airport = "SHA"', "没有一条管到"),
    ],
)
def test_what_is_not_allowed_is_not_done(rig: Rig, policy: Path, rule: str, said: str) -> None:
    """不许提出、不许批准、要签名的：一个会改变外界的动作也没有，记下是谁、为什么。"""
    policy.write_text(f"[[rule]]\n{rule}\n", encoding="utf-8")
    state = rig.state()
    with pytest.raises(PolicyRefusedError, match=said):
        rig.agent.run_deploy_flow(state)
    assert _changes(rig) == []
    (row,) = _decisions(state.run_id)
    assert (row.subject.startswith("refused:"), said in row.note, row.channel) == (True, True, "agent")


@pytest.mark.parametrize("rule", ["four_eyes_from = 3", "two_approvals_from = 3"])
def test_another_person_cannot_be_driven_around(rig: Rig, policy: Path, rule: str) -> None:
    """满 3 台要另一个人：知道有几台之前不算，动工作站之前拦下；指明两台的照做。"""
    policy.write_text(f"[[rule]]\n{rule}\n", encoding="utf-8")
    with pytest.raises(PolicyRefusedError, match="改用 run 或图"):
        rig.agent.run_deploy_flow(rig.state(run_id="all"))
    assert [ip for _, ip in _changes(rig) if ip] == []
    with pytest.raises(PolicyRefusedError):
        rig.agent.run_global_flow(rig.state(run_id="named", target_ips=ONLINE))
    some = rig.agent.run_deploy_flow(rig.state(run_id="some", target_ips=ONLINE[:2]))
    assert {w["status"] for w in some.ip_states.values()} == {"SUCCESS"}


def test_a_rollback_that_is_not_allowed(rig: Rig, policy: Path) -> None:
    """不许他决定回滚：没有回滚，照旧等着；策略许了就行。"""
    policy.write_text('[[rule]]\napprove_rollback = ["role:lead"]\n', encoding="utf-8")
    state = rig.paused()
    with pytest.raises(ValueError, match="决定回滚"):
        rig.agent.confirm_pending(state, approved=True)
    assert (rig.calls, state.pending_confirmation) == ([], f"rollback-ip:{FIRST}")
    policy.write_text(OPEN, encoding="utf-8")
    assert rig.agent.confirm_pending(state, approved=True).pending_confirmation == ""


def test_without_a_policy_nothing_is_asked(rig: Rig) -> None:
    """没有策略：账本里只有回滚的决定。"""
    state = rig.paused()
    rig.agent.confirm_pending(state, approved=False)
    assert [one.subject for one in _decisions(state.run_id)] == [FIRST]
