"""账本：对外界做过什么的只增记录（architecture「账本」、docs/adr/0001）。"""

from pam_deploy_graph.ledger.approvals import CANCEL, FIRST_OF_TWO, PLAN, REFUSED, Approval, digest_of
from pam_deploy_graph.ledger.evidence_rows import read_evidence, read_head
from pam_deploy_graph.ledger.fold_workstation import pending_rollback, touched
from pam_deploy_graph.ledger.positions import disagree
from pam_deploy_graph.ledger.registry import RunRecord
from pam_deploy_graph.ledger.rows import ending
from pam_deploy_graph.ledger.run_session import RunSession
from pam_deploy_graph.ledger.store import Ledger

__all__ = [
    "CANCEL",
    "FIRST_OF_TWO",
    "PLAN",
    "REFUSED",
    "Approval",
    "Ledger",
    "RunRecord",
    "RunSession",
    "digest_of",
    "disagree",
    "ending",
    "pending_rollback",
    "read_evidence",
    "read_head",
    "touched",
]
