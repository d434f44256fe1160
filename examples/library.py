"""当作普通的 Python 库：同步与异步各十行。"""

import asyncio
from typing import Any

from langgraph.types import Command

from examples.stage import Stage, open_stage
from pam_deploy_graph.graph import open_graph

Config = dict[str, Any]


def deploy(stage: Stage) -> dict[str, Any]:
    """同步：问什么都同意，直到有结果。"""
    config: Config = {"configurable": {"thread_id": "sync"}}
    with open_graph(stage.home, settings=stage.settings) as graph:
        out: dict[str, Any] = graph.invoke(stage.input, config)
        while pending := out.get("__interrupt__"):
            print("问：", pending[0].value["ask"])
            out = graph.invoke(Command(resume={pending[0].id: "approve"}), config)
    return out


async def deploy_async(stage: Stage) -> dict[str, Any]:
    """异步：宿主的事件循环照常转。"""
    config: Config = {"configurable": {"thread_id": "async"}}
    async with open_graph(stage.home, settings=stage.settings) as graph:
        out: dict[str, Any] = await graph.ainvoke(stage.input, config)
        while pending := out.get("__interrupt__"):
            print("问：", pending[0].value["ask"])
            out = await graph.ainvoke(Command(resume={pending[0].id: "approve"}), config)
    return out


def main() -> None:
    """先同步部署一遍，再异步部署一遍。"""
    with open_stage() as stage:
        print("同步，退出码", deploy(stage)["exit_code"])
    with open_stage() as stage:
        print("异步，退出码", asyncio.run(deploy_async(stage))["exit_code"], stage.versions())


if __name__ == "__main__":
    main()
