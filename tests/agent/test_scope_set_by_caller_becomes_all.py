"""曾经的缺陷：调用者直接写的 target_ips 落空之后变成了全部在线的工作站。"""

from tests.agent.rig import FIRST, Rig


def test_target_ips_set_by_the_caller_never_becomes_all(rig: Rig) -> None:
    """调用者写的 target_ips 全不在线：一台也不做，再跑几次也不会变成全部。"""
    state = rig.state()
    state.target_ips = ["10.9.9.9"]
    for _ in range(3):
        rig.agent.run_deploy_flow(state)
    assert state.ip_states == {}
    assert all(ip is None for _, ip in rig.calls)


def test_target_ips_set_between_the_flows_never_becomes_all(rig: Rig) -> None:
    """两个流程之间写的 target_ips 全不在线：同样一台也不做。"""
    state = rig.ready()
    state.target_ips = ["10.9.9.9"]
    for _ in range(3):
        rig.agent.run_ip_flow(state)
    assert state.ip_states == {}
    state.target_ips = [FIRST]
