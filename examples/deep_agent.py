"""当作 ``deepagents`` 的一个下手（``CompiledSubAgent``）：问题照样浮到人面前，模型替不了人。

需要 ``deepagents``，它与锁定的版本合不来，另建环境，见 docs/embedding.md。模型是照稿子念的，不必联网。
"""

from typing import Any

from deepagents import CompiledSubAgent, create_deep_agent
from langchain_core.messages import AIMessage, ToolCall
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from examples.agent_tool import ScriptedModel
from examples.stage import REQUEST, Stage, open_stage
from pam_deploy_graph.graph import build_graph


def scripted() -> ScriptedModel:
    """稿子：把活派给下手，拿到结果再说一句话。"""
    call = ToolCall(name="task", args={"subagent_type": "pam-deploy", "description": REQUEST}, id="call-1")
    return ScriptedModel(messages=iter([AIMessage("", tool_calls=[call]), AIMessage("部署做完了。")]))


def run(stage: Stage, replies: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """智能体派下手做一遍；``replies`` 是每种问题怎样答。返回浮上来的问题与最后的状态。"""
    deployment = build_graph(settings=stage.settings, home=stage.home)
    hand = CompiledSubAgent(name="pam-deploy", description="把应用模块部署到机场的工作站", runnable=deployment)
    agent = create_deep_agent(model=scripted(), subagents=[hand], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "deep"}}
    asked: list[str] = []
    out: dict[str, Any] = agent.invoke({"messages": [{"role": "user", "content": "升级值机"}]}, config)
    while pending := out.get("__interrupt__"):
        asked.append(pending[0].value["ask"])
        out = agent.invoke(Command(resume={pending[0].id: replies[asked[-1]]}), config)
    return asked, out


def main() -> None:
    """走一遍，打印问了什么、真相怎样。"""
    with open_stage() as stage:
        asked, out = run(stage, stage.replies)
        print("浮到人面前的问题：", asked)
        print("智能体最后说：", out["messages"][-1].content)
        print("真的回滚过：", stage.rollbacks())


if __name__ == "__main__":
    main()
