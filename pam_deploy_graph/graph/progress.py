"""推到哪里了，说给宿主听：每个账本事件一条 ``custom`` 流，外加状态里一条就地更新的话（contract 第 5 节）。

那一条话不进 ``messages`` 流：聊天界面把同一个 ``id`` 的接在后面，不是换掉。
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final, Literal

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.config import get_stream_writer

from pam_deploy_graph.graph.state import GraphState
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.report.progress_line import Figures, Progress


class HostEvent(Figures):
    """``stream_mode="custom"`` 里的一条：一个账本事件，和它之后的台数；``event`` 的键见账本一页。"""

    type: Literal["pam.event"]
    run_id: str
    event: dict[str, Any]


def progress_message(state: AgentState) -> AIMessage:
    """推到哪里了，一条话；同一次运行的 ``id`` 不变，界面因此就地更新。"""
    progress = Progress()
    with progress.following(state):
        figures = progress.figures()
    line = tr(
        "{done_text} · 失败 {failed} · 停用 {out_of_service}",
        done_text=progress.done_text(),
        failed=figures["failed"],
        out_of_service=figures["out_of_service"],
    )
    return AIMessage(tr("运行 {run_id}：{line}", run_id=state.run_id, line=line), id=f"pam-progress-{state.run_id}")


_outside: Final[ContextVar[Context | None]] = ContextVar("pam_outside", default=None)
"""外面那个节点的上下文：宿主没有要求看里面的（``subgraphs=True``），LangGraph 就不把流交给里面的图。"""


def heard_outside(inner: Runnable[GraphState, dict[str, Any]]) -> Runnable[GraphState, dict[str, Any]]:
    """把里面的图包成一个节点：里面说的，宿主不必打开它也听得见。"""

    def step(state: GraphState) -> dict[str, Any]:
        """同步的面孔。"""
        mark = _outside.set(copy_context())
        try:
            return inner.invoke(state)
        finally:
            _outside.reset(mark)

    async def step_async(state: GraphState) -> dict[str, Any]:
        """异步的面孔。"""
        mark = _outside.set(copy_context())
        try:
            return await inner.ainvoke(state)
        finally:
            _outside.reset(mark)

    return RunnableLambda(step, afunc=step_async, name="body")


@contextmanager
def telling_host(state: AgentState) -> Iterator[Callable[[Event], None]]:
    """跟着一次运行的一段，逐个事件告诉正在跑图的宿主；不在图里的没有人可告诉。"""
    here = _outside.get() or copy_context()
    try:
        write = here.run(get_stream_writer)
    except RuntimeError:
        yield lambda _event: None
        return
    progress = Progress()

    def hear(event: Event) -> None:
        """告诉宿主。"""
        follow(event)
        write(HostEvent(type="pam.event", run_id=state.run_id, event=event, **progress.figures()))

    with progress.following(state) as follow:
        yield hear
