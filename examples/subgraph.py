"""当作父图的子图：中断浮到父图上，在父图上回答；两边的状态互不相扰。"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict

from examples.stage import CONTROL, Stage, open_stage
from pam_deploy_graph.graph import build_graph


class ShiftState(TypedDict, total=False):
    """父图的状态；``params`` 与子图同名而含义不同，也不会混在一起。"""

    params: list[str]
    outcome: str
    closed: bool


def build_shift(stage: Stage, saver: BaseCheckpointSaver[Any]) -> Any:
    """一个班次：部署，然后交班。子图不带检查点器，用父图的。"""
    deployment = build_graph(settings=stage.settings, home=stage.home)

    def deploy(state: ShiftState) -> ShiftState:
        """父图的状态换成子图的输入，子图的结果换成父图的一个键。"""
        out = deployment.invoke({"params": stage.params, "control": dict(CONTROL)})
        return {"outcome": f"{state['params'][0]}：运行 {out['run_id']} 退出码 {out['exit_code']}"}

    def hand_over(state: ShiftState) -> ShiftState:
        """交班。"""
        return {"closed": bool(state["outcome"])}

    shift = StateGraph(ShiftState)
    shift.add_node("deploy", deploy)
    shift.add_node("hand-over", hand_over)
    shift.add_edge(START, "deploy")
    shift.add_edge("deploy", "hand-over")
    shift.add_edge("hand-over", END)
    return shift.compile(checkpointer=saver)


def run(stage: Stage, saver: BaseCheckpointSaver[Any] | None = None) -> tuple[list[str], dict[str, Any]]:
    """走完一个班次，返回浮上来的问题与父图最后的状态；父图用哪种检查点器都行，不给就在内存里。"""
    shift, config = build_shift(stage, saver or InMemorySaver()), {"configurable": {"thread_id": "shift"}}
    asked = []
    out = shift.invoke({"params": ["早班", "3 号航站楼"]}, config)
    while pending := out.get("__interrupt__"):
        asked.append(pending[0].value["ask"])
        out = shift.invoke(Command(resume={pending[0].id: "approve"}), config)
    return asked, out


def main() -> None:
    """打印浮到父图上的问题和父图的状态。"""
    with open_stage() as stage:
        asked, out = run(stage)
        print("浮到父图上的问题：", asked)
        print("父图的状态：", out)
        print("真的回滚过：", stage.rollbacks())


if __name__ == "__main__":
    main()
