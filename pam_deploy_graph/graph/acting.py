"""图里谁在动手：服务器验过的身份，否则是本机的账号（contract 第 5 节）。"""

from typing import Any, Final

from langgraph.config import get_config

from pam_deploy_graph.i18n import LANGUAGES, language
from pam_deploy_graph.runs.actor import Actor, server_actor
from pam_deploy_graph.runs.services import Services

SPOKEN: Final = "pam_lang"
"""交一步时说要用哪种语言的键。"""
_USER: Final = "langgraph_auth_user"
_SERVER_KEYS: Final = frozenset({_USER, f"{_USER}_id", "assistant_id", "graph_id", "langgraph_request_id"})
"""LangGraph 服务器放进 ``configurable`` 的键；有一个就是经服务器来的。"""


def acting(services: Services) -> Actor:
    """返回此刻动手的人；只在节点里用。"""
    if not through_server():
        return services.local_actor()
    return server_actor(services.people, _identity(get_config().get("configurable", {})))


def through_server() -> bool:
    """这一次是不是经 LangGraph 服务器来的；只在节点里用。"""
    return bool(_SERVER_KEYS & get_config().get("configurable", {}).keys())


def spoken() -> str:
    """这一次要用哪种语言说：交来的人要的（``configurable`` 里的 ``pam_lang``），没有说的照这个进程的；只在节点里用。"""
    wanted = str(get_config().get("configurable", {}).get(SPOKEN) or "")
    return wanted if wanted in LANGUAGES else language()


def _identity(configurable: dict[str, Any]) -> str:
    """服务器验过的身份；没有验的为空串。"""
    user = configurable.get(_USER)
    named = user.get("identity") if isinstance(user, dict) else getattr(user, "identity", None)
    return str(named or configurable.get(f"{_USER}_id") or "")
