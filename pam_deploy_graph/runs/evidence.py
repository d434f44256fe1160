"""一次运行的证据从哪里来：账本、账户文件、策略与锚。"""

from pam_deploy_graph.audit.anchors import read_anchors
from pam_deploy_graph.audit.bundle import Bundle
from pam_deploy_graph.ledger import read_evidence
from pam_deploy_graph.runs.services import Services


def gather(services: Services, run_id: str, *, anchors: str = "", signers: str = "") -> Bundle:
    """收齐一次运行的证据。

    Args:
        services: 部件。
        run_id: 哪次运行。
        anchors: 锚的文件；空串是 ``PAM_AUDIT_ANCHOR`` 说的那个。
        signers: allowed_signers 的内容；空串是账户文件里的公钥。

    Raises:
        RunNotFoundError: 没有这次运行。

    """
    ledger, where = services.ledger, anchors or services.settings.pam_audit_anchor
    ledger.get_run(run_id)
    found = read_evidence(ledger.engine, run_id)
    return Bundle(
        **found,
        ledger_id=ledger.ledger_id,
        allowed_signers=signers or (services.people.allowed_signers() if services.people else ""),
        policy=services.policy.text,
        policy_path=services.policy.path,
        anchors=list(read_anchors(where, ledger.ledger_id, run_id)),
    )
