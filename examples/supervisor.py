"""当作 ``langgraph-supervisor`` 手下的一员：主管把话转过来，问题照样浮到人面前，回答之后从停下的地方接着走。

需要附加依赖 ``supervisor``。主管的模型是照稿子念的，不必联网。
"""

from typing import Any

from langchain_core.messages import AIMessage, ToolCall
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from langgraph_supervisor import create_supervisor

from examples.agent_tool import ScriptedModel
from examples.stage import REQUEST, Stage, open_stage
from pam_deploy_graph.graph import build_graph


def scripted() -> ScriptedModel:
    """稿子：把活交给 ``pam_deploy``，回来之后说一句话。"""
    call = ToolCall(name="transfer_to_pam_deploy", args={}, id="call-1")
    return ScriptedModel(messages=iter([AIMessage("交给部署的同事。", tool_calls=[call]), AIMessage("部署做完了。")]))


def run(stage: Stage, replies: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """主管带着图做一遍；``replies`` 是每种问题怎样答。返回浮上来的问题与最后的状态。"""
    deployment = build_graph(settings=stage.settings, home=stage.home)
    shift = create_supervisor([deployment], model=scripted(), output_mode="last_message")
    app = shift.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "shift"}}
    asked: list[str] = []
    out: dict[str, Any] = app.invoke({"messages": [{"role": "user", "content": REQUEST}]}, config)
    while pending := out.get("__interrupt__"):
        asked.append(pending[0].value["ask"])
        out = app.invoke(Command(resume={pending[0].id: replies[asked[-1]]}), config)
    return asked, out


def main() -> None:
    """走一遍，打印问了什么、真相怎样。"""
    with open_stage() as stage:
        asked, out = run(stage, stage.replies)
        print("浮到人面前的问题：", asked)
        print("主管最后说：", out["messages"][-1].content)
        print("真的回滚过：", stage.rollbacks())


if __name__ == "__main__":
    main()
