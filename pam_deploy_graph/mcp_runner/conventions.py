"""MCP 两端的约定：服务 ``mcp-node`` 与本项目的客户端在标准之外说好的几个名字和限度。

别的 MCP 服务不必懂这些：不懂时一律按通用的规则判断（contract 第 3 节「MCP 后端」）。
"""

from typing import Final

MCP_PATH: Final = "/mcp"
"""streamable HTTP 的路径。"""

TIME_LIMIT_META: Final = "pam-deploy/time-limit"
"""``tools/call`` 的 ``_meta`` 里的时限，秒；服务据此限制它自己对 PAM_NODE 的调用。"""

ERROR_KEY: Final = "ERROR"
EXIT_CODE_KEY: Final = "EXIT_CODE"
IN_DOUBT_KEY: Final = "IN_DOUBT"
"""``isError`` 的结构化内容：中文原因、与脚本后端同义的退出码、结果是否未知。"""

MAX_LOG_BYTES: Final = 1 << 20
"""取回的工作站日志最多这么多字节，只留末尾。"""
MAX_ANSWER_BYTES: Final = 8 << 20
"""一个应答最多这么多字节；六万台工作站的名册连同转义不到 4 MiB。"""

CLOSE_SECONDS: Final = 2.0
"""关会话最多等多少秒；等不到就不等了，调用因此不超过时限加 2 秒。"""
