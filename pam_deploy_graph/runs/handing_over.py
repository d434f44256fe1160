"""交给网页进程推的运行：登记里写着，连同是谁提出的（contract 第 8 节 ``run --detach``）。"""

from dataclasses import asdict
from typing import Any, Final

from pam_deploy_graph.ledger import RunRecord
from pam_deploy_graph.runs.actor import Actor

_KEEPER: Final = "asked_by"


def handed_by(actor: Actor) -> dict[str, Any]:
    """登记里要写的：交给网页进程推，是 ``actor`` 提出的。"""
    return {_KEEPER: asdict(actor)}


def requester_of(run: RunRecord) -> Actor | None:
    """交给网页进程的，是谁提出的；没有交给它的为 ``None``。

    Raises:
        LedgerDamagedError: 登记读不懂。

    """
    given = run.input.get(_KEEPER)
    return Actor(**given) if given else None
