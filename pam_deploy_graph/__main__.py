"""``python -m pam_deploy_graph``：把命令行与两个独立程序（lab、mcp-node）装在一起。"""

from pam_deploy_graph.cli.app import app, main
from pam_deploy_graph.lab.command import lab
from pam_deploy_graph.mcp_node.command import mcp_node

__all__ = ["main"]

app.command()(lab)
app.command("mcp-node")(mcp_node)

if __name__ == "__main__":
    main()
