"""MCP 后端：经 MCP 服务对 PAM_NODE 做动作（contract 第 3 节「MCP 后端」）。

``runner`` 是后端本身；``link`` 守着一个会话；``http_wire`` 与 ``stdio_wire`` 是会话下面的收发；
``fit`` 看工具合不合用；``outcome`` 读懂结果。``mcp`` 库很重，第一次调用时才导入。
"""

from pam_deploy_graph.mcp_runner.runner import McpActionRunner
from pam_deploy_graph.mcp_runner.server_check import McpCheck, check_server

__all__ = ["McpActionRunner", "McpCheck", "check_server"]
