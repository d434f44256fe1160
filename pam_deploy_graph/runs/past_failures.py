"""从前的失败：要退回的版本在这台上验证失败过没有，看账本里别的运行怎么说。"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pam_deploy_graph.constants import REQUIRED_PARAMS
from pam_deploy_graph.errors import LedgerDamagedError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import AgentState

_LOOKED_AT: Final = 200
"""往回看最近几次运行。"""


def with_cautions(ledger: Ledger, state: AgentState, questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """给每个问题附上 ``cautions``：要退回的版本从前在这台上验证失败过的，说出是哪次运行。"""
    wanted = {question["to_version"] for question in questions if question["to_version"]}
    failed = _failed_verification(ledger, state, wanted)
    return [
        {**question, "cautions": _cautions(failed.get((question["ip"], question["to_version"])), question)}
        for question in questions
    ]


def _cautions(run_id: str | None, question: Mapping[str, Any]) -> list[str]:
    """要提醒的话。"""
    return (
        [
            tr(
                "要退回的 {to_version} 从前在这台上验证失败过（运行 {run_id}）",
                to_version=question["to_version"],
                run_id=run_id,
            )
        ]
        if run_id
        else []
    )


def _failed_verification(ledger: Ledger, state: AgentState, versions: set[str]) -> dict[tuple[str, str], str]:
    """``(工作站, 版本)`` 到判它验证失败的最近一次运行。"""
    found: dict[tuple[str, str], str] = {}
    for run in ledger.list_runs(_LOOKED_AT):
        with contextlib.suppress(LedgerDamagedError):  # 坏了的那一次不知道
            params = run.input["params"]
            version = params.get("VERSION_NUMBER", "")
            if run.run_id == state.run_id or version not in versions:
                continue
            if any(params.get(name) != state.params.get(name) for name in REQUIRED_PARAMS[:-1]):
                continue
            for ip, workstation in ledger.load_state(run.run_id, keep_events=False).ip_states.items():
                if workstation["failed_stage"] == "verify-ip":
                    found.setdefault((ip, version), run.run_id)
    return found
