"""经 MCP 的一次失败：原因，以及它是哪一种。"""

from typing import Self

from pam_deploy_graph.constants import ScriptExit
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.mcp_runner.conventions import MAX_ANSWER_BYTES
from pam_deploy_graph.protocol.outcome import UNAUTHORISED, Outcome, outcome_of

_MISDIRECTED = range(300, 500)
"""答了这些状态的地址多半写错了：再试也一样。"""


class McpFault(Exception):  # noqa: N818  没有答复是意料之中的结果，不是程序错误
    """没有得到答复，或答复不能用；只在本包内流转，对外一律译成 ``ActionResult``。"""

    def __init__(
        self,
        reason: str,
        code: ScriptExit,
        *,
        gone: bool = False,
        later: float | None = None,
        status: int = 0,
        tools: str = "",
    ) -> None:
        """记下失败。

        Args:
            reason: 中文原因。
            code: 与脚本后端同义的退出码；结果不知道的是 ``UNKNOWN`` 或 ``TIMEOUT``。
            gone: 会话已经不在了而请求没有被处理，重开一个就可以再送。
            later: 对方要求过多少秒再来。
            status: 服务答的 HTTP 状态；没有为零。
            tools: 服务此刻的工具清单的指纹，与批准的不同才有。

        """
        super().__init__(reason)
        self.code = code
        self.gone = gone
        self.later = later
        self.status = status
        self.tools = tools

    def before_sending(self) -> Self:
        """这次失败发生在打开会话时：要做的动作还没有送出，不知道的都成了没有收下；地址或令牌不对的，再试也没有用。"""
        code = self.code
        if outcome_of(code) is Outcome.UNKNOWN:
            wrong = ScriptExit.CONFIG if self.status in _MISDIRECTED else ScriptExit.NOT_TAKEN
            code = ScriptExit.UNAUTHORISED if self.status in UNAUTHORISED else wrong
        return type(self)(str(self), code, later=self.later, status=self.status)


def too_big() -> McpFault:
    """应答太长，没有读完。"""
    return McpFault(tr("MCP 服务的应答超过 {limit} 字节，没有读完", limit=MAX_ANSWER_BYTES), ScriptExit.UNKNOWN)
