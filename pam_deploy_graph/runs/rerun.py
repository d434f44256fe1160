"""再来一次：一次结束了的运行里没有成功的（失败的、退回了的、结果未知的、没有开工的、离线的），另开一次运行部署它们。"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pam_deploy_graph.errors import ConfirmationError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.models import AgentState


@dataclass(frozen=True, slots=True)
class Again:
    """另开一次运行的输入。"""

    params: dict[str, str]
    strategy: str
    control: dict[str, Any]


def failed_again(ledger: Ledger, run_id: str = "") -> Again:
    """取一次运行的参数与规则，目标换成其中没有成功的几台。

    ``force`` 总是开着：失败之后留在原处的，版本虽对而没有验证过，要从头做；退回了的本来就要从头做。

    Args:
        ledger: 账本。
        run_id: 哪次运行；空串是最近的一次。

    Raises:
        RunNotFoundError: 没有这次运行。
        ConfirmationError: 它还没有结束，是退回而不是部署，或没有不成功的。

    """
    run_id = run_id or next((run.run_id for run in ledger.list_runs(1)), tr("（还没有任何运行）"))
    record = ledger.get_run(run_id)
    if record.exit_code is None:
        advice = tr("confirm {run_id} --retry 让等着的几台从失败的步骤继续，再 resume {run_id}", run_id=run_id)
        raise ConfirmationError(tr("运行 {run_id} 还没有结束：用 {advice}", run_id=run_id, advice=advice))
    state = ledger.load_state(run_id, keep_events=False)
    if state.rollback_of:
        raise ConfirmationError(tr("运行 {run_id} 是退回，不是部署；要再退回，在 chat 里说退回哪几台", run_id=run_id))
    left = unsuccessful_ips(state)
    if not left:
        raise ConfirmationError(tr("运行 {run_id} 没有不成功的工作站，不必重做", run_id=run_id))
    control = {name: value for name, value in state.control_params.items() if name != "exclude_ips"}
    more = {"target_ips": left, "force": True, "failed_of": run_id}
    return Again(_params(state), state.execution_strategy, control | more)


def unsuccessful_ips(state: AgentState) -> list[str]:
    """返回没有成功的工作站，计划里的在前，要求了而不在线的在后。"""
    every = dict.fromkeys([*(state.planned_ips or []), *state.target_ips, *state.missing_ips])
    return [ip for ip in every if ip not in state.ip_states or state.ip_states[ip].tally != "succeeded"]


def _params(state: AgentState) -> dict[str, str]:
    """原来的参数；安装包的文件已经不在的，就用 HOME 里的那一份。"""
    package = state.params.get("PACKAGE_PATH", "")
    gone = {"PACKAGE_PATH": ""} if package and not Path(package).is_file() else {}
    return {name: value for name, value in (state.params | gone).items() if value}
