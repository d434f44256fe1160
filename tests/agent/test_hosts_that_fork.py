"""曾经的缺陷：宿主用过之后再 ``fork``（gunicorn preload、Celery prefork），子进程永远等下去；Ctrl-C 之后接不上。"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import patience

COMMON = """
import os, signal, sys, time
from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.fake_runner import FakeActionRunner
PARAMS = dict(AIRPORT_CODE="PEK", APP_NAME="checkin", MODULE_NAME="gate", VERSION_NUMBER="1.3.0")
"""

BY_HAND = """
def once(agent, name):
    state = agent.create_state(params=PARAMS, execution_strategy="fake", run_id=name)
    agent.run_deploy_flow(state)
    return [one["status"] for one in state.ip_states.values()]

def fresh():
    return PamDeployAgent(fake_runner=FakeActionRunner(online_ips=["10.0.0.1"]))
"""

GRAPH = """
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pam_deploy_graph.graph import build_graph

def once(graph, name):
    config = {"configurable": {"thread_id": name}}
    graph.invoke({"params": PARAMS, "control": {"execution_strategy": "fake"}}, config)
    return graph.invoke(Command(resume="approve"), config)["exit_code"]

def fresh():
    return build_graph(checkpointer=InMemorySaver(), router=FakeActionRunner(online_ips=["10.0.0.1"]))
"""

FORK = """
used = fresh()
first = once(used, "before")
child = os.fork()
if child == 0:
    signal.alarm(20)
    os._exit(0 if once(used, "same") == once(fresh(), "new") == first else 1)
assert os.waitpid(child, 0)[1] == 0
assert once(used, "after") == first
"""

INTERRUPTED = """
class Slow(FakeActionRunner):
    arun_action = None

    def run_action(self, state, action, **given):
        if (action, given.get("ip")) == ("deploy-ip", "10.0.0.2") and not state.open_intents.get("told"):
            state.open_intents["told"] = 1
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        return super().run_action(state, action, **given)

fake = Slow(online_ips=["10.0.0.1", "10.0.0.2"])
agent = PamDeployAgent(fake_runner=fake)
state = agent.create_state(params=PARAMS, execution_strategy="fake")
try:
    agent.run_deploy_flow(state)
    sys.exit("没有打断")
except KeyboardInterrupt:
    pass
agent.run_ip_flow(state)
assert [one["status"] for one in state.ip_states.values()] == ["SUCCESS"] * 2, state.ip_states
assert [ip for action, ip, _ in fake.calls if action == "deploy-ip"] == ["10.0.0.1", "10.0.0.2"], fake.calls
"""


def _run(code: str, folder: Path) -> None:
    """在自己的进程里跑一段宿主的代码。"""
    done = subprocess.run(
        [sys.executable, "-c", COMMON + code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", [BY_HAND, GRAPH], ids=["by-hand", "graph"])
def test_a_child_forked_after_use_works(kind: str, tmp_path: Path) -> None:
    """子进程里，父进程用过的与新建的都能用；父进程照旧能用。"""
    _run(kind + FORK, tmp_path)


def test_going_on_after_ctrl_c(tmp_path: Path) -> None:
    """推进途中 Ctrl-C，马上再推：先查明进行中的那一步做了没有，接着做完，没有重做；曾经说这次运行正被自己占着。"""
    _run(INTERRUPTED, tmp_path)
