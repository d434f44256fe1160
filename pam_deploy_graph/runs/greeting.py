"""回来时的第一句：停用的柜台、中断的、等着人的，都照账本说。"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pam_deploy_graph.constants import REQUIRED_PARAMS
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.runs.dark_counters import first_line, named
from pam_deploy_graph.runs.status import PHASES, standing

_HOW: Final = msgid("说「继续」接着最近的一次，说「继续 运行名」接着那一次；也可以先说别的。")


def greeting(ledger: Ledger, rows: Sequence[dict[str, Any]], names: Mapping[str, str]) -> str:
    """写成几行，停用的在第一行；没有没做完的、也没有停用的为空串。

    Args:
        ledger: 账本。
        rows: 最近的运行，见 ``run_table.list_runs``。
        names: 地址 -> 名称。

    """
    unfinished = [_half_done(ledger, row, names) for row in rows if row["phase"] is None or row["exit_code"] is None]
    return "\n".join([*filter(None, [first_line(rows)]), *unfinished, *([tr(_HOW)] if unfinished else [])])


def _half_done(ledger: Ledger, row: dict[str, Any], names: Mapping[str, str]) -> str:
    """一次没有结束的运行；记录坏了的说怎么办。"""
    if row["phase"] is None:
        return tr("运行 {run_id} 的记录已损坏，用 repair {run_id}", run_id=row["run_id"])
    now = standing(ledger, row["run_id"])
    count, params = now["counts"], now["params"]
    what = " ".join(params[name] for name in REQUIRED_PARAMS)
    done = (
        tr("，{succeeded}/{targets} 台做完", succeeded=count["succeeded"], targets=count["targets"])
        if count["targets"]
        else ""
    )
    waiting = [question["ip"] for question in now["waiting"] if "ip" in question]
    more = [
        tr("等决定：{named}", named=named(waiting, names)) if waiting else "",
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
            ],
        )
    )
