"""每个节点的门口：检查点与账本对不对得上，对不上就不进；出来时把账本的位置记进状态（contract 第 5 节）。

节点只有一个身子，两副面孔：``invoke`` 在调用者的线程里跑，``ainvoke`` 在本库自己的线程里跑，不占宿主的线程池。
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from langchain_core.runnables import Runnable, RunnableLambda

from pam_deploy_graph.graph.state import GraphState
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.system.host_tasks import outlast

Node = Callable[[Services, GraphState], dict[str, Any]]


def with_records(services: Services, node: Node) -> Runnable[GraphState, dict[str, Any]]:
    """包住一个节点：进门先核对，出门带上账本位置；会中断的节点，中断之前这里也只读。

    用 ``partial`` 而不是闭包：LangGraph 会逐个取闭包里提到的属性来找子图，账本就会在编译时打开。
    """
    here = partial(_run, services, node)
    return RunnableLambda(here, afunc=partial(outlast, here), name="body")


def _run(services: Services, node: Node, state: GraphState) -> dict[str, Any]:
    """核对，做，记下位置。

    Raises:
        RecordsDisagreeError: 两份记录对不上，没有进节点。

    """
    if known := state.get("ledger"):
        services.ledger.check_position(known)
    update = node(services, state)
    return update | {"ledger": services.position(update.get("run_id", state.get("run_id", "")))}
