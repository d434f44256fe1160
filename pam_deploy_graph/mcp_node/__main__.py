"""``python -m pam_deploy_graph.mcp_node``：只有 ``mcp-node`` 一个命令的程序。"""

import sys

from pam_deploy_graph.mcp_node.command import mcp_node
from pam_deploy_graph.system.single_command import run_single

if __name__ == "__main__":
    sys.exit(run_single(mcp_node))
