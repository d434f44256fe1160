"""LangGraph 的图：一切知道 LangGraph 的都在这里；``build_graph`` 用到才载入。"""

import typing

if typing.TYPE_CHECKING:
    from pam_deploy_graph.graph.build import build_graph

__all__ = ["build_graph"]


def __getattr__(name: str) -> object:
    """用到 ``build_graph`` 才载入 LangGraph。"""
    if name not in __all__:
        raise AttributeError(f"{__name__} 没有 {name}")
    from pam_deploy_graph.graph.build import build_graph

    return build_graph
