"""账本：对外界做过什么的只增记录（architecture「账本」、docs/adr/0001）。"""

from pam_deploy_graph.ledger.approvals import PLAN, Approval, digest_of
from pam_deploy_graph.ledger.fold_workstation import pending_rollback, touched
from pam_deploy_graph.ledger.run_session import RunSession
from pam_deploy_graph.ledger.store import Ledger, RunRecord

__all__ = [
    "PLAN",
    "Approval",
    "Ledger",
    "RunRecord",
    "RunSession",
    "digest_of",
    "pending_rollback",
    "touched",
]
