"""``RemoteGraph``：图在服务器上，用起来和本地的一样。需要附加依赖 ``studio``。"""

from typing import Any

from langgraph.pregel.remote import RemoteGraph
from langgraph.types import Command
from langgraph_sdk import get_sync_client

from examples.dev_server import DevServer
from examples.stage import Stage, open_stage


def run(url: str, stage: Stage) -> tuple[list[str], dict[str, Any]]:
    """部署一遍，问什么都同意；返回问题与最后的状态。"""
    with get_sync_client(url=url, api_key=None) as client:
        graph = RemoteGraph("pam_deploy", sync_client=client)
        config: Any = {"configurable": {"thread_id": client.threads.create()["thread_id"]}}
        asked: list[str] = []
        graph.invoke(stage.input, config)
        while pending := graph.get_state(config).interrupts:
            asked.append(pending[0].value["ask"])
            graph.invoke(Command(resume={pending[0].id: "approve"}), config)
        return asked, dict(graph.get_state(config).values)


def main() -> None:
    """打印问题、退出码与真相。"""
    with open_stage() as stage, DevServer(stage.home, stage.env) as server:
        asked, values = run(server.url, stage)
        print("问了：", asked)
        print("退出码", values["exit_code"], stage.versions())


if __name__ == "__main__":
    main()
