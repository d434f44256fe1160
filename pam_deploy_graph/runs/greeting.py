"""回来时的第一句：停用的柜台、中断的、等着人的，都照账本说。"""

import time
from typing import Any, Final

from pam_deploy_graph.constants import REQUIRED_PARAMS
from pam_deploy_graph.errors import LedgerDamagedError
from pam_deploy_graph.flows.service_state import out_of_service
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.runs.status import PHASES, standing

_MOST_LOOKED: Final = 20
_SECONDS: Final = 1.0
"""结束了的一次次看，最多看这么久：几千台的一次要读上一会儿；没有看的说出来，不当作没有停用的。"""
_MOST_NAMED: Final = 5
_HOW: Final = msgid("说「继续」接着最近的一次，说「继续 运行名」接着那一次；也可以先说别的。")


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
            unfinished.append(tr("运行 {run_id} 的记录已损坏，用 repair {run_id}", run_id=run.run_id))
    dark += [tr("另有 {left} 次更早结束的没有看有没有停用的柜台，用 runs 看", left=left)] if left else []
    return "\n".join([*dark, *unfinished, *([tr(_HOW)] if unfinished else [])])


def _newly_dark(state: AgentState, seen: set[tuple[str, ...]]) -> list[str]:
    """一次结束了的运行留下的停用柜台；更近的运行已经说过的不算，没有为空。"""
    what = tuple(state.params[name] for name in REQUIRED_PARAMS[:3])
    fresh = [ip for ip in out_of_service(state) if (*what, ip) not in seen]
    seen.update((*what, ip) for ip in state.ip_states)
    if not fresh:
        return []
    return [
        tr(
            "停用 {n} 台（{what}，运行 {run_id} 结束时）：{named}",
            n=len(fresh),
            what="/".join(what),
            run_id=state.run_id,
            named=_named(fresh),
        )
    ]


def _half_done(now: dict[str, Any]) -> str:
    """一次没有结束的运行。"""
    count, params = now["counts"], now["params"]
    what = " ".join(params[name] for name in REQUIRED_PARAMS)
    done = (
        tr("，{succeeded}/{targets} 台做完", succeeded=count["succeeded"], targets=count["targets"])
        if count["targets"]
        else ""
    )
    waiting = [question["ip"] for question in now["waiting"] if "ip" in question]
    more = [
        tr("等决定：{named}", named=_named(waiting)) if waiting else "",
        tr("正由{holder}执行", holder=now["holder"]) if now["holder"] else "",
    ]
    return tr("；").join(
        filter(
            None,
            [
                tr(
                    "运行 {run_id}（{what}）{phases}{done}",
                    run_id=now["run_id"],
                    what=what,
                    phases=PHASES[now["phase"]],
                    done=done,
                ),
                *more,
                now["first_line"],
            ],
        )
    )


def _named(ips: list[str]) -> str:
    """点名；多了就只列前几台。"""
    return tr("、").join(ips[:_MOST_NAMED]) + (tr(" 等 {n} 台", n=len(ips)) if len(ips) > _MOST_NAMED else "")
