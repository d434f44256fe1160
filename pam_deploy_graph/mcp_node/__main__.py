"""``python -m pam_deploy_graph.mcp_node``：只有 ``mcp-node`` 一个命令的程序。"""

import sys

import typer

from pam_deploy_graph.errors import PamError
from pam_deploy_graph.mcp_node.command import mcp_node


def main() -> int:
    """运行 ``mcp-node``；意料之中的错误写到标准错误，返回它的退出码。"""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.command()(mcp_node)
    try:
        app()
    except PamError as error:
        sys.stderr.write(f"错误：{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
