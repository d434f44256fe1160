"""没有得到应答的一次 HTTP 调用（aiohttp）算哪一种、怎样说；经 aiohttp 的每一段都照它（contract 第 3 节）。"""

from typing import Final

import aiohttp

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.protocol.outcome import Transport, classify
from pam_deploy_graph.system.tls import certificate_problem

_NEVER_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


def failure_of(error: Exception, who: str) -> tuple[str, ScriptExit]:
    """判断网络上的一次失败：肯定没有送达，还是可能送达。

    Args:
        error: ``aiohttp.ClientError`` 或 ``OSError``。
        who: 对面是谁，如 ``PAM_NODE``。

    Returns:
        原因，与以脚本退出码写的结果。

    """
    gap = " " if who.isascii() else ""
    if problem := certificate_problem(error):  # TLS 握手失败，请求到不了对面的程序
        return tr("连接不上 {who}：{problem}", who=who, problem=problem), ScriptExit.CONFIG
    if isinstance(error, _NEVER_SENT):
        return tr("连接不上 {who}：{error}", who=who, error=error), classify(Transport.UNSENT)
    if isinstance(error, TimeoutError):
        return tr("{who}{gap}没有在时限内答复", who=who, gap=gap), classify(Transport.TIMED_OUT)
    return tr("与 {who}{gap}的连接中断，没有收到应答（{kind}）", who=who, gap=gap, kind=type(error).__name__), classify(
        Transport.BROKEN
    )
