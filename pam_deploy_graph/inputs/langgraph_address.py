"""LangGraph 服务器的地址（``PAM_SERVER``）：令牌只走加密的路，或只在本机（contract 第 8 节）。"""

from urllib.parse import urlsplit

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.service_address import is_loopback


def refuse_in_clear(url: str) -> None:
    """令牌不明着过网。

    Raises:
        InvalidInputError: 地址是 http，又不在本机。

    """
    if urlsplit(url).scheme == "http" and not is_loopback(url):
        raise InvalidInputError(
            tr("PAM_SERVER 的地址 {url} 没有加密，令牌不明着过网；请改用 https，或经本机的隧道", url=url)
        )
