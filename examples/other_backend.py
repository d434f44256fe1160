"""换一个后端：HOME 照旧用脚本，NODE 用 ``HttpNodeRunner``；别处一行不改。"""

from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from examples.http_node import HttpNodeRunner
from examples.stage import Stage, open_stage
from pam_deploy_graph.action_router import ActionRouter
from pam_deploy_graph.graph import build_graph
from pam_deploy_graph.script_runner import ScriptActionRunner


def router_of(stage: Stage) -> ActionRouter:
    """默认策略里该走 MCP 的 NODE 动作，交给直接走 HTTP 的后端。"""
    token = stage.lab.token
    return ActionRouter(script_runner=ScriptActionRunner(token=token), mcp_runner=HttpNodeRunner(token))


def deploy(stage: Stage) -> dict[str, Any]:
    """部署一遍，问什么都同意。"""
    saver = InMemorySaver()
    graph = build_graph(checkpointer=saver, settings=stage.settings, router=router_of(stage), home=stage.home)
    config = {"configurable": {"thread_id": "http"}}
    out: dict[str, Any] = graph.invoke({"params": stage.params}, config)
    while pending := out.get("__interrupt__"):
        out = graph.invoke(Command(resume={pending[0].id: "approve"}), config)
    return out


def main() -> None:
    """打印退出码与试验场里的真相。"""
    with open_stage() as stage:
        out = deploy(stage)
        print("退出码", out["exit_code"], stage.versions(), "回滚过", stage.rollbacks())


if __name__ == "__main__":
    main()
