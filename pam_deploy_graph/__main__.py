"""``python -m pam_deploy_graph``：把命令行与两个独立程序（lab、mcp-node）装在一起。"""

from pam_deploy_graph.system.collector import spare_collector
from pam_deploy_graph.system.own_code import leave_current_folder

leave_current_folder()
spare_collector()

from pam_deploy_graph.cli.app import app, main  # noqa: E402  先不让当前目录里的代码冒名顶替
from pam_deploy_graph.cli.help_pages import Command  # noqa: E402  同上
from pam_deploy_graph.lab.command import lab  # noqa: E402  同上
from pam_deploy_graph.mcp_node.command import mcp_node  # noqa: E402  同上

__all__ = ["main"]

app.command(cls=Command)(lab)
app.command("mcp-node", cls=Command)(mcp_node)

if __name__ == "__main__":
    main()
