"""编译好的图的类：在 LangGraph 的之上补两样宿主会碰到的（contract 第 5 节）。"""

from typing import Any, Final, Self

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from pam_deploy_graph.graph.saver import HomeSaver
from pam_deploy_graph.graph.state import GraphInput, GraphState

_LENT: Final = "__pregel_checkpointer"
"""父图或服务器把检查点器放在配置的这个键里，没有的也写明 ``None``。"""


class DeployGraph(CompiledStateGraph[GraphState, None, GraphInput, GraphState]):
    """编译好的图，比上游多两样。

    空的回答也是回答：照样再问，并说明为什么。LangGraph 把 ``Command(resume={})`` 看作没有回答（无声地再问一次），
    在 ``Command(resume=None)`` 上以 ``UnboundLocalError`` 倒下。

    没有检查点器的，单独用时用家里的那一个（contract 第 5 节 "SqliteSaver by default"）；作子图时用父图的，
    交给 LangGraph 服务器时用它的，``checkpointer`` 仍是 ``None``。
    """

    home_saver: HomeSaver | None = None

    def copy(self, update: dict[str, Any] | None = None) -> Self:
        """同上游；副本用同一个家里的检查点器，明说了用哪个（包括不用）的除外：LangGraph 服务器就是这样说的。"""
        copied = super().copy(update)
        copied.home_saver = None if "checkpointer" in (update or {}) else self.home_saver
        return copied

    def _resolve_checkpointer(self, config: RunnableConfig) -> BaseCheckpointSaver[Any] | None:
        """上游只在这里决定用哪个检查点器；没有会话名的一次调用不用。"""
        found = super()._resolve_checkpointer(config)
        given = config.get("configurable", {})
        alone = found is None and self.checkpointer is None and _LENT not in given and given.get("thread_id")
        return self.home_saver.get() if alone and self.home_saver else found

    def stream(self, input: Any, config: Any = None, **options: Any) -> Any:  # noqa: A002  上游的参数名
        """同上游。"""
        return super().stream(_answered(input), config, **options)

    def astream(self, input: Any, config: Any = None, **options: Any) -> Any:  # noqa: A002  上游的参数名
        """同上游。"""
        return super().astream(_answered(input), config, **options)


def _answered(value: Any) -> Any:
    """把空的回答换成空的文字，问的节点才收得到。"""
    if isinstance(value, Command) and not (value.resume or value.update or value.goto or value.graph):
        return Command(resume="") if value.resume in (None, {}) else value
    return value
