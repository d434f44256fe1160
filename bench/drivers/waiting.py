"""一次停在「要不要回滚」的运行：报到之后等标准输入，读到一行就报告等的时候用了多少 CPU。"""

import sys

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from bench.drivers.meter import Meter, tell
from bench.fleet import PARAMS
from pam_deploy_graph.action_router import ActionRouter
from pam_deploy_graph.constants import Ask, Decision
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.graph import build_graph


def main() -> None:
    """推进到等人，然后等。"""
    fake = FakeActionRunner()
    fake.fail("verify-ip", "10.0.0.3")
    graph = build_graph(checkpointer=InMemorySaver(), router=ActionRouter(fake_runner=fake))
    config = {"configurable": {"thread_id": "bench"}}
    graph.invoke({"params": PARAMS, "control": {"execution_strategy": "fake"}}, config)
    asked = graph.invoke(Command(resume=str(Decision.APPROVE)), config)["__interrupt__"][0].value["ask"]
    if asked != Ask.ROLLBACK:
        raise RuntimeError(f"应当在等回滚的决定，却在等 {asked}")
    tell(waiting=asked)
    meter = Meter()
    sys.stdin.readline()
    tell(**meter.read())


if __name__ == "__main__":
    main()
