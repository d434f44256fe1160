"""``python -m pam_deploy_graph.mcp_node``：只有 ``mcp-node`` 一个命令的程序。"""

import sys

from pam_deploy_graph.system.own_code import leave_current_folder

leave_current_folder()

from pam_deploy_graph.mcp_node.command import mcp_node  # noqa: E402  先不让当前目录里的代码冒名顶替
from pam_deploy_graph.system.single_command import run_single  # noqa: E402  同上

if __name__ == "__main__":
    sys.exit(run_single(mcp_node))
