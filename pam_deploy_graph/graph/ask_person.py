"""停下来问人：三个会问的节点共用的 ``interrupt()``（contract 第 5 节）。"""

from typing import Any, Final

from langgraph.runtime import get_runtime
from langgraph.types import interrupt

from pam_deploy_graph.i18n import msgid, tr

_UNANSWERABLE: Final = msgid(
    "这张图没有检查点器（或没有给 thread_id），问题答不了，也就什么都不会做；"
    "请用 open_graph(home) 打开图，或给 build_graph 一个 checkpointer"
)


def ask_person(question: dict[str, Any]) -> Any:
    """把问题交给人，返回人的回答；没有检查点器的，在问题里说明答不了。

    只问 LangGraph 公开的 ``execution_info``：没有检查点器又没有 ``thread_id`` 时它的 ``thread_id`` 是 ``None``。
    给了 ``thread_id`` 而没有检查点器，公开的接口看不出来，LangGraph 在回答时自己会说。
    """
    running = get_runtime().execution_info
    if running is not None and running.thread_id is None:
        requests = question["action_requests"]
        told = [one | {"description": f"{tr(_UNANSWERABLE)}\n{one['description']}"} for one in requests]
        question = question | {"problem": tr(_UNANSWERABLE), "action_requests": told}
    return interrupt(question)
