"""目标的算法：任何组合都不会变大，次序不乱（contract 第 2、6 节）。"""

from hypothesis import given, settings
from hypothesis import strategies as st

from pam_deploy_graph.inputs.targeting import resolve_targets
from pam_deploy_graph.models import AgentState

addresses = st.lists(st.sampled_from([f"10.0.0.{n}" for n in range(1, 9)]), max_size=8)


@settings(max_examples=200, deadline=None)
@given(online=addresses, asked=st.none() | addresses, excluded=addresses)
def test_targets(online: list[str], asked: list[str] | None, excluded: list[str]) -> None:
    """目标恰好是「要求的（没有要求就是在线的）去掉排除的、留下在线的」，次序不变，不重复；再算一次不变。"""
    state = AgentState("r", {}, "fake", online_ips=online, requested_ips=asked)
    state.control_params = {"exclude_ips": excluded}
    targets, missing = resolve_targets(state)
    wanted = [ip for ip in dict.fromkeys(online if asked is None else asked) if ip not in excluded]
    assert targets == [ip for ip in wanted if ip in online]
    assert missing == [ip for ip in wanted if ip not in online]
    if asked is not None:
        state.target_ips = targets
        assert resolve_targets(state) == (targets, missing)
