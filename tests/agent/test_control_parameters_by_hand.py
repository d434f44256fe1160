"""曾经的缺陷：PamDeployAgent 下的控制参数：canary 没有用上；ask_after 之外多了「接连三台同样失败就停」。"""

from pam_deploy_graph.fake_runner import FakeActionRunner
from tests.agent.rig import FIRST, Rig


def test_the_canary_goes_first_and_alone(rig: Rig) -> None:
    """灰度一台、并发三台：灰度失败时别的都没有开工。"""
    rig.fake.fail("verify-ip", FIRST)
    state = rig.agent.run_deploy_flow(rig.state(control_params={"canary": 1, "max_parallel": 3}))
    assert list(state.ip_states) == [FIRST]


def test_ask_after_alone_says_when_to_ask(home: object) -> None:
    """ask_after=5：等决定的满五台才停（contract 第 2 节；第 6 节「不加这里没有写的调用」）。"""
    rig = Rig(FakeActionRunner(online_ips=[f"10.0.0.{n}" for n in range(1, 9)]))
    rig.fake.fail("deploy-ip")
    state = rig.agent.run_deploy_flow(rig.state(control_params={"ask_after": 5}))
    assert len(state.ip_states) == 5
