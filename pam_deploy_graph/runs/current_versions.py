"""问工作站此刻是什么版本、在不在运行（``query-ip``）：只读，不写账本，不需要租约。"""

import contextlib
from collections.abc import Sequence
from typing import Final

import anyio

from pam_deploy_graph.action_router import call_backend, end_run
from pam_deploy_graph.constants import ExecutionStrategy
from pam_deploy_graph.flows.check_result import is_true
from pam_deploy_graph.flows.exactly_once import QUERY
from pam_deploy_graph.flows.service_state import NOT_INSTALLED
from pam_deploy_graph.home.run_files import remove_run_config, write_run_config
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import ActionResult, AgentState
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system import event_loop
from pam_deploy_graph.system.task_group import task_group

_AT_ONCE: Final = 16
SECONDS: Final = 20.0
"""一共等几秒；头一回要载入并连上 MCP 服务。"""
_MOST_ASKED: Final = 100


def ask_versions(services: Services, state: AgentState, ips: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """问各台的版本；最多问前 100 台，一共等 20 秒。

    Returns:
        「版本与在不在运行 -> 哪几台」，以及没有问到的。演练没有外部世界，一台也不问。

    """
    found: dict[str, ActionResult] = {}
    if services.given_router is not None or state.execution_strategy != ExecutionStrategy.FAKE:
        services.check_travel(state)
        with contextlib.suppress(OSError):
            write_run_config(state)  # 别的机器做的、已经结束的，这里没有
        event_loop.call(lambda: _ask_each(services, state, ips[:_MOST_ASKED], found))
        if services.ledger.get_run(state.run_id).exit_code is not None:
            end_run(services.router, state.run_id)
            remove_run_config(state)
    groups: dict[str, list[str]] = {}
    for ip in ips:
        if ip in found and found[ip].ok:
            groups.setdefault(_told(found[ip]), []).append(ip)
    return groups, [ip for ip in ips if not (ip in found and found[ip].ok)]


async def _ask_each(services: Services, state: AgentState, ips: Sequence[str], found: dict[str, ActionResult]) -> None:
    """同时问几台；到时候没有答的算没有问到。"""
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def ask(ip: str) -> None:
        """问一台。"""
        async with limiter:
            found[ip] = await call_backend(services.router, state, QUERY, ip=ip)

    with anyio.move_on_after(SECONDS):
        async with task_group() as group:
            for ip in ips:
                group.start_soon(ask, ip)


def _told(truth: ActionResult) -> str:
    """一台的回答怎样说。"""
    if not is_true(truth.values["ONLINE"]):
        return tr("不在线")
    version = str(truth.values["VERSION"]) or tr(NOT_INSTALLED)
    if not truth.values["RUNNING"]:
        return tr("{version}（在不在运行未知）", version=version)
    return tr(
        "{version}（{what}）", version=version, what=tr("在运行") if is_true(truth.values["RUNNING"]) else tr("已停止")
    )
