"""回来时的第一句：停用的柜台、中断的、等着人的，都照账本说。"""

import time
from typing import Any, Final

from pam_deploy_graph.constants import REQUIRED_PARAMS
from pam_deploy_graph.errors import LedgerDamagedError
from pam_deploy_graph.flows.service_state import out_of_service
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.status import PHASES, standing

_MOST_LOOKED: Final = 20
_SECONDS: Final = 1.0
"""结束了的一次次看，最多看这么久：几千台的一次要读上一会儿；没有看的说出来，不当作没有停用的。"""
_MOST_NAMED: Final = 5
_HOW: Final = "说「继续」接着最近的一次，说「继续 运行名」接着那一次；也可以先说别的。"


def greeting(ledger: Ledger) -> str:
    """写成几行；没有没做完的、也没有停用的为空串。

    Args:
        ledger: 账本。

    """
    unfinished: list[str] = []
    dark: list[str] = []
    seen: set[tuple[str, ...]] = set()
    until, left = time.monotonic() + _SECONDS, 0
    for run in ledger.list_runs(_MOST_LOOKED):
        try:
            if run.exit_code is None:
                unfinished.append(_half_done(standing(ledger, run.run_id)))
            elif time.monotonic() > until:
                left += 1
            else:
                dark += _newly_dark(ledger.load_state(run.run_id, keep_events=False), seen)
        except LedgerDamagedError:
            unfinished.append(f"运行 {run.run_id} 的记录已损坏，用 repair {run.run_id}")
    dark += [f"另有 {left} 次更早结束的没有看有没有停用的柜台，用 runs 看"] if left else []
    return "\n".join([*dark, *unfinished, *([_HOW] if unfinished else [])])


def _newly_dark(state: AgentState, seen: set[tuple[str, ...]]) -> list[str]:
    """一次结束了的运行留下的停用柜台；更近的运行已经说过的不算，没有为空。"""
    what = tuple(state.params[name] for name in REQUIRED_PARAMS[:3])
    fresh = [ip for ip in out_of_service(state) if (*what, ip) not in seen]
    seen.update((*what, ip) for ip in state.ip_states)
    if not fresh:
        return []
    return [f"停用 {len(fresh)} 台（{'/'.join(what)}，运行 {state.run_id} 结束时）：{_named(fresh)}"]


def _half_done(now: dict[str, Any]) -> str:
    """一次没有结束的运行。"""
    count, params = now["counts"], now["params"]
    what = " ".join(params[name] for name in REQUIRED_PARAMS)
    done = f"，{count['succeeded']}/{count['targets']} 台做完" if count["targets"] else ""
    waiting = [question["ip"] for question in now["waiting"] if "ip" in question]
    more = [f"等决定：{_named(waiting)}" if waiting else "", f"正由{now['holder']}执行" if now["holder"] else ""]
    return "；".join(
        filter(None, [f"运行 {now['run_id']}（{what}）{PHASES[now['phase']]}{done}", *more, now["first_line"]])
    )


def _named(ips: list[str]) -> str:
    """点名；多了就只列前几台。"""
    return "、".join(ips[:_MOST_NAMED]) + (f" 等 {len(ips)} 台" if len(ips) > _MOST_NAMED else "")
