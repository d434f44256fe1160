"""成批的决定：一百台一个事务，各有结局，快（contract 第 8 节 ``confirm``）。"""

import time

from sqlalchemy import event

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import AlreadyDecidedError
from pam_deploy_graph.ledger import Approval, digest_of
from pam_deploy_graph.runs.deciding import Answered, settle
from tests.graph.desk import Desk
from tests.patience import patience

SECONDS = 1.4
HUNDRED = [f"10.0.1.{number}" for number in range(1, 101)]


def test_a_hundred_decisions_are_one_commit(desk: Desk) -> None:
    """一百个问题，一个别人先决定了：其余九十九个在同一次提交里记下，编号相连，一个说出是谁；1.4 秒之内。"""
    desk.begin()
    services, run_id = desk.services, str(desk.values()["run_id"])
    actor = services.local_actor()
    answers = [Answered(ip, digest_of({"ip": ip}), Decision.REJECT) for ip in HUNDRED]
    taken = Answered(HUNDRED[0], answers[0].digest, Decision.APPROVE, "乙")
    settle(services, run_id, [taken], actor)
    commits: list[object] = []
    event.listen(services.ledger.engine, "commit", commits.append)
    began = time.monotonic()
    first, *rest = settle(services, run_id, answers, actor)
    took = time.monotonic() - began
    assert isinstance(first, AlreadyDecidedError)
    assert "乙" in str(first)
    numbers = [outcome.number for outcome in rest if isinstance(outcome, Approval)]
    assert numbers == list(range(2, 101))
    assert len(commits) == 1
    assert took < patience(SECONDS)
