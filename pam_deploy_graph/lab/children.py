"""试验场的子进程：每个机场一个 MCP 服务（contract 第 9 节 ``mcp_urls``）。

MCP 服务是另一个程序 ``mcp-node``。它随包提供之后，在这里用 ``Helper`` 为每个机场启动一个，
把它报到的地址放进 ``urls``；在那之前没有子进程，``mcp_urls`` 是空的。
"""

from dataclasses import dataclass, field

from pam_deploy_graph.lab.helper import Helper


@dataclass(slots=True)
class Children:
    """已启动的子进程；``urls`` 是机场代码到 MCP 服务地址。"""

    helpers: list[Helper] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)

    def stop(self) -> None:
        """结束全部子进程。"""
        for helper in self.helpers:
            helper.stop()
