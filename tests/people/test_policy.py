"""策略：谁可以提出、批准，要另一个人、两个人、签名；读不懂的策略绝不当作没有（contract 第 8 节）。"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.policy import Act, Asked, open_policy

TEXT = """
[[rule]]
airport = "PEK"
application = "checkin"
request = ["role:operator"]
approve_plan = ["role:lead", "carol"]
approve_rollback = ["role:operator"]
four_eyes_from = 10
two_approvals_from = 100

[[rule]]
airport = "SHA"
signed = true
"""
PLAN = Asked(Act.APPROVE_PLAN, "PEK", "checkin", "alice", ["lead"], 5, "alice")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """策略文件。"""
    file = tmp_path / "policy.toml"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"roles": []}, "不许 alice 批准计划"),
        ({"person": "carol", "roles": []}, ""),
        ({"person": "", "roles": []}, "不知道是谁"),
        ({"workstations": 10}, "提出者"),
        ({"workstations": 10, "person": "bob"}, ""),
        ({"workstations": 10, "person": "bob", "requester": ""}, ""),
        ({"workstations": 100, "person": "bob", "others": ["bob"]}, "两个人"),
        ({"workstations": 100, "person": "bob", "others": ["carol"]}, ""),
        ({"act": Act.REQUEST}, "不许 alice 提出部署"),
        ({"act": Act.REQUEST, "roles": ["operator"]}, ""),
        ({"act": Act.APPROVE_ROLLBACK, "roles": ["operator"]}, ""),
        ({"airport": "SHA"}, "签名"),
        ({"airport": "SHA", "signed": True}, ""),
        ({"airport": "SHA", "act": Act.REQUEST}, ""),
        ({"application": "boarding"}, "没有一条管到"),
        ({"airport": "CAN"}, "没有一条管到"),
    ],
)
def test_what_it_allows(policy: Path, change: dict[str, Any], said: str) -> None:
    """许的为空串，不许的说出原因。"""
    found = open_policy(str(policy)).why_not(replace(PLAN, **change))
    assert said in found if said else not found


def test_no_policy_allows_everything() -> None:
    """没有策略就是一个人的工具。"""
    assert not open_policy("").why_not(replace(PLAN, person=""))
    assert open_policy("").shown() == {}


@pytest.mark.parametrize("text", ["rule = 1", "[[rule]]\nairprot = 'PEK'", "[[rule]]\nfour_eyes_from = 0", "not toml"])
def test_a_policy_that_cannot_be_read(policy: Path, text: str) -> None:
    """写错一个字的策略是错误，不是没有策略。"""
    policy.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="策略文件"):
        open_policy(str(policy))
    with pytest.raises(InvalidInputError, match="没有读"):
        open_policy(str(policy.parent / "gone.toml"))


def test_it_shows_its_path_and_hash(policy: Path) -> None:
    """计划里写它的路径与哈希。"""
    found = open_policy(str(policy))
    assert str(policy) in found.shown()["PAM_POLICY"]
    assert found.digest in found.shown()["PAM_POLICY"]


def test_approval_in_advance_where_another_person_is_needed(policy: Path) -> None:
    """``--yes`` 不能代替别人：要另一个人、两个人、签名的都说明。"""
    found = open_policy(str(policy))
    assert not found.needs_another(PLAN)
    assert "提出者" in found.needs_another(replace(PLAN, workstations=10))
    assert "2 个人" in found.needs_another(replace(PLAN, workstations=100, requester="bob"))
    assert "签名" in found.needs_another(replace(PLAN, airport="SHA"))
