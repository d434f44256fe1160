"""从前用了多久：同一个应用与模块，账本里别的运行每台用多少时间；没有做完过的就是不知道。"""

from collections.abc import Mapping
from statistics import median
from typing import Any, Final

from pam_deploy_graph.errors import LedgerDamagedError
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.report.durations import Behind, Expected, took_of, work_ms

_LOOKED_AT: Final = 100
"""往回看最近几次运行。"""
_ENOUGH: Final = 200
"""有了这么多台就不再往回看。"""
_SAME: Final = ("APP_NAME", "MODULE_NAME")


def expected_time(ledger: Ledger, state: AgentState, count: int, control: Mapping[str, Any]) -> Expected | None:
    """估计一份计划要用多久。

    Args:
        ledger: 账本。
        state: 拟出了计划的运行。
        count: 要动手的台数。
        control: 控制参数，份额已折成台数。

    Returns:
        估计；从前没有做完过同样的为 ``None``。

    """
    known = durations(ledger, state)
    if not known:
        return None
    each = round(median(known))
    return Expected(each, work_ms(each, count, control, Behind()), len(known))


def durations(ledger: Ledger, state: AgentState) -> list[int]:
    """最近做完的、同一个应用与模块、同一种策略的各台各用了多少毫秒。"""
    found: list[int] = []
    for run in ledger.list_runs(_LOOKED_AT):
        try:
            given = run.input
            same = all(given["params"].get(name) == state.params[name] for name in _SAME)
            if run.run_id == state.run_id or not same or given["execution_strategy"] != state.execution_strategy:
                continue
            took = took_of(ledger.load_state(run.run_id).events)
        except (KeyError, LedgerDamagedError):  # 坏了的那一次不算
            continue
        found += took
        if len(found) >= _ENOUGH:
            break
    return found
