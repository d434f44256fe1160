"""预演：照真的拟一份计划，只问不改，也不登记；写下的都在临时目录里，随手丢掉。"""

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pam_deploy_graph.action_router import end_run
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.runs.plan_proposal import propose
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.services import Services


def rehearse(services: Services, request: RunRequest, notes: Iterable[str]) -> dict[str, Any]:
    """拟一份计划，内容与随后请人批准的相同。

    Args:
        services: 部件；真的账本只拿来看从前用了多久、认不认得别的运行。
        request: 要登记的输入；这里不登记。
        notes: 听懂的时候要说明的话。

    Returns:
        计划，同 ``propose``。

    Raises:
        PamError: 检查不过、范围里一台都没有；什么也没有改变。

    """
    with tempfile.TemporaryDirectory(prefix="pam-preview-") as folder:
        home = Path(folder)
        apart = replace(services, home=home, listeners=[], preapproved={}, _states={})
        apart.settings = services.settings.model_copy(update={"pam_audit_anchor": None})
        vars(apart)["router"] = services.router
        ledger = vars(apart)["ledger"] = Ledger(f"sqlite:///{home / 'preview.db'}")
        try:
            run, _ = register(ledger, replace(request, home=home))
            return propose(apart, run.run_id, earlier={}, notes=notes, history=services.ledger).plan
        finally:
            end_run(services.router, str(request.run_id))
            ledger.close()
