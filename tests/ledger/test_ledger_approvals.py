"""决定：比较并设置，一个作数，其余被告知是谁的（contract 第 5 节、faults「people」）。"""

import threading

import pytest

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import AlreadyDecidedError, ConfirmationError
from pam_deploy_graph.ledger import PLAN, Approval, Ledger, digest_of
from tests.agent.rig import FIRST, SECOND, store_url
from tests.ledger.books import registered

DIGEST = "d" * 64


def _by(operator: str, decision: str = "approve", subject: str = FIRST, digest: str = DIGEST) -> Approval:
    """某人的一个决定。"""
    return Approval(subject, digest, decision, operator, "备注", 0)


def test_one_winner_among_twenty(ledger: Ledger) -> None:
    """二十个人各用自己的账本对象同时决定：恰好一个作数，其余都被告知是他。"""
    registered(ledger)
    gate = threading.Barrier(20)
    won: list[str] = []
    told: list[str] = []

    def decide(number: int) -> None:
        """同时抢着决定。"""
        mine = Ledger(store_url())
        gate.wait()
        try:
            won.append(mine.decide("r1", _by(f"operator-{number}")).operator)
        except AlreadyDecidedError as error:
            told.append(str(error))
        mine.close()

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(told)) == (1, 19)
    assert all(won[0] in message and FIRST in message for message in told)
    assert [decision.operator for decision in ledger.decisions("r1")] == won


def test_the_same_decision_again_is_the_same(ledger: Ledger) -> None:
    """同一个人同样的决定再来一次（崩溃后重放）：还是原来那一个。"""
    registered(ledger)
    first = ledger.decide("r1", _by("甲"))
    assert ledger.decide("r1", _by("甲")) == first
    assert first.decided_at > 0
    assert len(ledger.decisions("r1")) == 1


@pytest.mark.parametrize(
    "late", [_by("甲", "reject"), _by("乙"), _by("乙", "reject")], ids=["改口", "别人同", "别人异"]
)
def test_a_later_decision_does_not_count(late: Approval, ledger: Ledger) -> None:
    """之后的不同决定、别人的决定都不作数，消息写明已有的是谁、决定了什么。"""
    registered(ledger)
    ledger.decide("r1", _by("甲"))
    with pytest.raises(AlreadyDecidedError, match=r"甲.*approve") as caught:
        ledger.decide("r1", late)
    assert isinstance(caught.value, ConfirmationError)
    assert caught.value.exit_code == ExitCode.USAGE
    assert [d.decision for d in ledger.decisions("r1")] == ["approve"]


@pytest.mark.parametrize(
    "other",
    [_by("乙", "reject", subject=SECOND), _by("乙", "reject", subject=PLAN), _by("乙", "reject", digest="e" * 64)],
    ids=["别的工作站", "计划", "问题变了"],
)
def test_another_question_is_decided_on_its_own(other: Approval, ledger: Ledger) -> None:
    """别的工作站、计划、变了的问题：各作各的决定。"""
    registered(ledger)
    ledger.decide("r1", _by("甲"))
    ledger.decide("r1", other)
    found = ledger.decision("r1", other.subject, other.digest)
    assert found is not None
    assert (found.operator, found.decision) == ("乙", "reject")


def test_runs_have_their_own_decisions(ledger: Ledger) -> None:
    """别的运行里同样的问题不算数。"""
    registered(ledger)
    registered(ledger, "r2")
    ledger.decide("r1", _by("甲"))
    assert ledger.decision("r2", FIRST, DIGEST) is None
    assert ledger.decisions("r2") == []


def test_the_digest_is_of_the_content() -> None:
    """摘要只看内容，不看键的次序；内容变一点就不同。"""
    assert digest_of({"a": 1, "b": ["甲"]}) == digest_of({"b": ["甲"], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
    assert len(digest_of({})) == 64
