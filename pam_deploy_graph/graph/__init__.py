"""LangGraph 的图：一切知道 LangGraph 的都在这里；门面上的名字用到才载入。"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from pam_deploy_graph.graph.build import build_graph
    from pam_deploy_graph.graph.opened import open_graph

__all__ = ["build_graph", "open_graph"]

_MODULE_OF: typing.Final = {"build_graph": "build", "open_graph": "opened"}


def __getattr__(name: str) -> object:
    """用到才载入 LangGraph。"""
    if name not in _MODULE_OF:
        from pam_deploy_graph.i18n import tr

        raise AttributeError(tr("{module} 没有 {name}", module=__name__, name=name))
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
