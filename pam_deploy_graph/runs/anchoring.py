"""把两条链的尾记到账本之外（``PAM_AUDIT_ANCHOR``，contract 第 5 节）。"""

from pam_deploy_graph.audit.anchors import write_anchor
from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Ledger, read_head
from pam_deploy_graph.ledger.clock import now_ms


def anchor(ledger: Ledger, where: str, run_id: str) -> None:
    """记下一次运行的链尾；``where`` 为空串是没有设，不记。

    Raises:
        LedgerError: 记不进去；停在下一次动手之前。

    """
    if not where:
        return
    head = {"ledger": ledger.ledger_id, "run_id": run_id, "at": now_ms()}
    try:
        write_anchor(where, head | read_head(ledger.engine, run_id))
    except OSError as error:
        raise LedgerError(
            tr("账本的链尾记不到 {where}（PAM_AUDIT_ANCHOR）：{problem}；已停下", where=where, problem=error.strerror)
        ) from None
