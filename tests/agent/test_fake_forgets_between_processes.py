"""曾经的缺陷：假后端在新进程里不记得部署过，版本核对把接着做的工作站判成失败；合同也没有说核对版本。"""

import json
import subprocess
import sys
from typing import Any

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.fake_runner import FakeActionRunner
from tests.agent.rig import FIRST, PARAMS, Rig, folded


def test_steps_done_elsewhere_do_not_fail_the_verification(rig: Rig) -> None:
    """调用者写明 stop-ip、deploy-ip 已做：从 start-ip 接着做，成功。"""
    state = rig.ready(target_ips=[FIRST])
    given: Any = {FIRST: {"status": "RUNNING", "completed_steps": ["stop-ip", "deploy-ip"]}}
    state.ip_states = given
    rig.agent.run_ip_flow(state)
    assert state.ip_states[FIRST].status == "SUCCESS"


DIES = """
import json, os, sys
from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.fake_runner import FakeActionRunner
class Dies(FakeActionRunner):
    async def arun_action(self, state, action, **kwargs):
        if action == "verify-ip":
            os.kill(os.getpid(), 9)
        return self.run_action(state, action, **kwargs)
agent = PamDeployAgent(fake_runner=Dies(online_ips=["10.0.0.1"]))
agent.run_deploy_flow(agent.create_state(params=json.loads(sys.argv[1]), execution_strategy="fake", run_id="r1"))
"""


def test_a_rehearsal_goes_on_in_a_new_process(home: object) -> None:
    """演练做到 start-ip 之后被 kill -9，新进程（新的假后端）接着做，成功。"""
    subprocess.run([sys.executable, "-c", DIES, json.dumps(PARAMS)], check=False)
    again = folded("r1")
    assert again.ip_states[FIRST].status == "RUNNING"
    PamDeployAgent(fake_runner=FakeActionRunner(online_ips=[FIRST])).run_ip_flow(again)
    assert again.ip_states[FIRST].status == "SUCCESS"
