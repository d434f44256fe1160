"""自己掌舵时账本上的事：记下决定，接过来自检查点文件的运行。"""

import copy
from typing import Any

from pam_deploy_graph.errors import AlreadyDecidedError
from pam_deploy_graph.ledger import Approval, Ledger
from pam_deploy_graph.ledger.fold import PROGRESS_FIELDS
from pam_deploy_graph.models import AgentState


def recorded(ledger: Ledger, run_id: str, mine: Approval) -> Approval:
    """记下决定；别人已作了同样的决定而没来得及执行的，执行他的。"""
    try:
        return ledger.decide(run_id, mine)
    except AlreadyDecidedError:
        theirs = ledger.decision(run_id, mine.subject, mine.digest)
        if theirs is None or theirs.decision != mine.decision:
            raise
        return theirs


def adoption(ledger: Ledger, state: AgentState) -> dict[str, Any] | None:
    """账本里没有这次运行（例如检查点来自别处）时登记它，并把已有进度作为一个事件接过来。"""
    if ledger.exists(state.run_id):
        return None
    ledger.create_run(state)
    state.ledger_seq = 0
    return {"type": "RUN_ADOPTED", "progress": copy.deepcopy({name: getattr(state, name) for name in PROGRESS_FIELDS})}
