"""MCP 服务：把一个 PAM_NODE 的动作摆成 MCP 工具（contract 第 3 节「MCP 后端」、第 8 节 ``mcp-node``）。

工具由 ``constants.ACTIONS`` 的 NODE 各行派生。它是独立的程序，除 ``__main__`` 之外没有别的模块导入它。
"""
