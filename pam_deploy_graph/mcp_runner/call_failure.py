"""经 MCP 的一次失败：原因、退出码，以及请求是否可能已经送达。"""

from pam_deploy_graph.constants import ScriptExit


class McpFault(Exception):  # noqa: N818  没有答复是意料之中的结果，不是程序错误
    """没有得到答复，或答复不能用；只在本包内流转，对外一律译成 ``ActionResult``。"""

    def __init__(self, reason: str, code: ScriptExit, *, sent: bool, gone: bool = False, tools: str = "") -> None:
        """记下失败。

        Args:
            reason: 中文原因。
            code: 与脚本后端同义的退出码。
            sent: 请求可能已被对方处理；为假即肯定没有。
            tools: 服务此刻的工具清单的指纹，与批准的不同才有。
            gone: 会话已经不在了，重开一个就可以再送（``sent`` 此时为假）。

        """
        super().__init__(reason)
        self.code = code
        self.sent = sent
        self.gone = gone
        self.tools = tools
