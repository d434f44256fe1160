"""修：两份记录对不上，或丢了一份的运行，到此为止；另开一次，查清每台的实情，拟新的计划给人看（contract 第 8 节）。"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.constants import DEFAULT_STRATEGY, ExitCode
from pam_deploy_graph.errors import ConfirmationError, LedgerDamagedError, RunNotFoundError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.services import Services

_STEM: Final = 56
"""新运行名里原来的名字最多占几个字符。"""
_NOT_KEPT: Final = frozenset({"target_ips", "exclude_ips", "execution_strategy"})


@dataclass(frozen=True, slots=True)
class Repaired:
    """另开的一次运行的输入；``scope`` 为 ``None`` 是范围没有依据，要问人。"""

    run_id: str
    params: dict[str, str]
    strategy: str
    control: dict[str, Any]
    scope: list[str] | None


def repair(services: Services, run_id: str, remembered: Mapping[str, Any]) -> Repaired:
    """结束旧的记录（结束得了的话），返回另开一次的输入；还没有登记它。

    Args:
        services: 部件。
        run_id: 要修的运行。
        remembered: 检查点里的状态；没有检查点为空。

    Raises:
        RunNotFoundError: 账本与检查点都不知道这次运行。
        ConfirmationError: 它好好地结束了，没有可修的。
        RunHeldError: 另一个存活的进程正握着它。

    """
    ledger = services.ledger
    try:
        _refuse_over(ledger, run_id)
        state, sound = ledger.salvage(run_id)
    except RunNotFoundError:
        if not remembered.get("params"):
            raise
        return _input(ledger, run_id, remembered, None)
    found = {"params": state.params, "control": state.control_params, "strategy": state.execution_strategy}
    known = found if sound or not remembered.get("params") else remembered
    repaired = _input(ledger, run_id, known, _scope(state, sound=sound))
    _end(services, run_id, tr("两份记录对不上，到此为止；接着做的是运行 {run_id}", run_id=repaired.run_id))
    return repaired


def _refuse_over(ledger: Ledger, run_id: str) -> None:
    """好好地结束了的没有可修的；读不下去的当然要修。"""
    try:
        over = ledger.load_state(run_id, keep_events=False).exit_code
    except LedgerDamagedError:
        return
    if over is not None:
        raise ConfirmationError(
            tr("运行 {run_id} 已经结束（退出码 {over}），没有可修的；要再做就另开一次", run_id=run_id, over=over)
        )


def _scope(state: AgentState, *, sound: bool) -> list[str] | None:
    """范围：批准过或给人看过的计划里的；还没有计划、而输入信得过的，用当初要求的。"""
    if state.planned_ips is not None:
        return list(state.planned_ips)
    return list(state.requested_ips) if sound and state.requested_ips else None


def _input(ledger: Ledger, run_id: str, known: Mapping[str, Any], scope: list[str] | None) -> Repaired:
    """另开一次的输入：参数与规则照旧，范围另给；安装包的文件已经不在的，用 HOME 里的那一份。"""
    params = {name: value for name, value in known["params"].items() if value}
    if not Path(params.get("PACKAGE_PATH", ".")).exists():
        del params["PACKAGE_PATH"]
    given = known.get("control") or {}
    control = {name: value for name, value in given.items() if name not in _NOT_KEPT} | {"repaired_from": run_id}
    strategy = known.get("strategy") or given.get("execution_strategy") or str(DEFAULT_STRATEGY)
    names = (f"{run_id[:_STEM]}-r{number}" for number in count(1))
    return Repaired(next(one for one in names if not ledger.exists(one)), params, str(strategy), control, scope)


def _end(services: Services, run_id: str, reason: str) -> None:
    """结束旧的运行；链断了、接不上的，只在登记里写下。"""
    try:
        services.finish(run_id, ExitCode.STOPPED, reason)
    except LedgerDamagedError:
        services.ledger.end_damaged(run_id, int(ExitCode.STOPPED), reason)
