"""换一个后端：HOME 照旧用脚本，NODE 用 ``HttpNodeRunner``，在计划与报告里叫 ``http``；别处一行不改。

后端由入口点（组 ``pam_deploy_graph.backends``）得到名字，见旁边的 ``pam_http_node-1.0.dist-info``；
装好的包自己就在找得到的地方，这里没有安装，所以把这个目录加进去。
"""

import sys
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from examples.stage import Stage, open_stage
from pam_deploy_graph.graph import build_graph

sys.path.append(str(Path(__file__).parent))


def deploy(stage: Stage) -> dict[str, Any]:
    """部署一遍，问什么都同意。"""
    saver = InMemorySaver()
    graph = build_graph(checkpointer=saver, settings=stage.settings, home=stage.home)
    config = {"configurable": {"thread_id": "http"}}
    control = {"execution_strategy": "hybrid_node_http"}
    out: dict[str, Any] = graph.invoke({"params": stage.params, "control": control}, config)
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
