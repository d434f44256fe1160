"""每个节点的门口：先读账本，不在该在的地方就不进；出来时把账本的位置记进状态（contract 第 5 节）。

节点只有一个身子，两副面孔：``invoke`` 在调用者的线程里跑，``ainvoke`` 在本库自己的线程里跑，不占宿主的线程池。
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from langchain_core.runnables import Runnable, RunnableLambda

from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import RunHeldError
from pam_deploy_graph.graph.acting import spoken
from pam_deploy_graph.graph.job_limit import note_job
from pam_deploy_graph.graph.routes import passes
from pam_deploy_graph.graph.standing import left_here
from pam_deploy_graph.graph.state import GraphState
from pam_deploy_graph.i18n import speaking, tr
from pam_deploy_graph.runs.registration import has_begun
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.host_tasks import outlast

Node = Callable[[Services, GraphState], dict[str, Any]]
_ROLLING: Final = frozenset({"global-flow", "ip-flow"})
_ON_A_RUN: Final = frozenset({*_ROLLING, "plan", "approve-plan", "rollback-confirm", "amend"})
"""做事的、问人的：运行了结了就不再进，从哪个检查点来都一样。"""
_OVER: Final = {"phase": "closing", "problem": "", "waiting": [], "confirm": {}}


def with_records(services: Services, name: str, node: Node) -> Runnable[GraphState, dict[str, Any]]:
    """包住一个节点：说出进了它，进门先核对，出门带上账本位置；会中断的节点，中断之前这里也只读。

    用 ``partial`` 而不是闭包：LangGraph 会逐个取闭包里提到的属性来找子图，账本就会在编译时打开。
    """
    here = partial(_speaking, services, name, node)
    return RunnableLambda(here, afunc=partial(outlast, here), name="body")


def _speaking(services: Services, name: str, node: Node, state: GraphState) -> dict[str, Any]:
    """用交来的人要的语言做。"""
    with speaking(spoken()):
        return _run(services, name, node, state)


def _run(services: Services, name: str, node: Node, state: GraphState) -> dict[str, Any]:
    """没有轮到它的直接过去；轮到了就核对，做，记下位置。

    Raises:
        RecordsDisagreeError: 两份记录对不上，没有进节点。

    """
    if passes(name, state):
        return {}
    services.at_node(name)
    note_job(services)
    if known := state.get("ledger"):
        services.ledger.check_position(known)
    if (update := _turned_away(services, name, state)) is None:
        try:
            update = node(services, state)
        except RunHeldError as error:  # 别处正推着它：说出进度，不当作出错
            update = _OVER | {"phase": "diverted", "problem": str(error), "exit_code": int(error.exit_code)}
    return update | {"ledger": services.position(update.get("run_id", state.get("run_id", "")))}


def _turned_away(services: Services, name: str, state: GraphState) -> dict[str, Any] | None:
    """不该进的节点：了结了的去说结果，停着的、会话忘了而做了一半的去说怎样继续；该进的为 ``None``。"""
    run_id = state.get("run_id", "")
    if name == "params" and not run_id and (left := left_here(services)) and has_begun(services.state_of(left)):
        return _OVER | {"run_id": left, "phase": "diverted", "exit_code": int(ExitCode.STOPPED)}
    if name not in _ON_A_RUN or not services.ledger.exists(run_id):
        return None
    services.wait_out(run_id)
    if services.ledger.get_run(run_id).exit_code is not None:
        return dict(_OVER)
    if name not in _ROLLING or not (by := services.state_of(run_id).paused_by):
        return None
    return _OVER | {"phase": "diverted", "problem": tr("由 {by} 停着", by=by), "exit_code": int(ExitCode.STOPPED)}
