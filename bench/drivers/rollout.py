"""``PamDeployAgent.run_ip_flow`` 对着轻的 PAM 走一遍，账本落盘：``rollout 策略 台数 同时几台``。

地址与令牌取自环境；全局流程不计时，逐台流程才计时。
"""

import sys

from bench.drivers.meter import Meter, tell
from bench.fleet import PARAMS
from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.constants import IpStatus


def main(strategy: str, workstations: int, parallel: int) -> None:
    """做到底；有一台没有成功就抛 ``RuntimeError``。"""
    agent = PamDeployAgent()
    state = agent.create_state(
        params=PARAMS, execution_strategy=strategy, run_id="bench", control_params={"max_parallel": parallel}
    )
    agent.run_global_flow(state)
    meter = Meter()
    agent.run_ip_flow(state)
    used = meter.read()
    done = [workstation["status"] for workstation in state.ip_states.values()]
    if done != [IpStatus.SUCCESS] * workstations:
        raise RuntimeError(f"{workstations} 台里只成功了 {done.count(IpStatus.SUCCESS)} 台：{state.events[-1]}")
    tell(**used)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
