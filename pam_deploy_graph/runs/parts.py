"""按设置造部件：后端与路由；载入它们不便宜，所以用到才导入这里。"""

from pam_deploy_graph.action_router import ActionBackend, ActionRouter
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.mcp_runner import McpActionRunner
from pam_deploy_graph.script_runner import ScriptActionRunner
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.resources import packaged_folder


def make_router(settings: Settings, mcp_runner: McpActionRunner) -> ActionBackend:
    """按策略选脚本、MCP 或假后端的路由。"""
    script = ScriptActionRunner(
        packaged_folder(), token=settings.token(), script_entry=settings.pam_script_entry, tls=settings.tls()
    )
    return ActionRouter(
        script_runner=script, mcp_runner=mcp_runner, fake_runner=FakeActionRunner(), token=settings.token
    )


def make_mcp_runner(settings: Settings) -> McpActionRunner:
    """MCP 后端；用到才连。"""
    command = settings.mcp_command()
    return McpActionRunner(url=settings.pam_mcp_url, token=settings.token(), command=command, tls=settings.tls())
