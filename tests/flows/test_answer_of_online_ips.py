"""曾经的缺陷：get-online-ips 的应答没有收拢与检查：单个值被拆成字符，不是地址的也当成工作站。"""

from typing import Any

import pytest

from tests.agent.rig import Rig


def test_one_value_is_a_list_of_one(rig: Rig) -> None:
    """IP 只有一个值时是一台的列表（contract 第 3 节「动作表」）。"""
    rig.fake.fail("get-online-ips", values={"IP": "10.0.0.7"})
    state = rig.agent.run_deploy_flow(rig.state())
    assert state.online_ips == ["10.0.0.7"]
    assert list(state.ip_states) == ["10.0.0.7"]


@pytest.mark.parametrize("junk", ["x; rm -rf /", "--help", "10.0.0.300", "", "10.0.0.1\n10.0.0.2", 7, None, "0.0.0.0"])
def test_what_is_no_address_is_refused(junk: Any, rig: Rig) -> None:
    """节点给的不是真实地址：get-online-ips 失败并写出那个值，一台也不碰（contract 第 2 节「IP 是真的」）。"""
    rig.fake.fail("get-online-ips", values={"IP": ["10.0.0.7", junk]})
    with pytest.raises(RuntimeError, match="get-online-ips 执行失败"):
        rig.agent.run_deploy_flow(rig.state())
    assert all(ip is None for _, ip in rig.calls)


def test_another_spelling_is_the_same_workstation(rig: Rig) -> None:
    """节点写的 IPv6 不是规范写法：与要求的是同一台。"""
    rig.fake.fail("get-online-ips", values={"IP": ["FD00:0:0::1"]})
    state = rig.agent.run_deploy_flow(rig.state(target_ips=["fd00::1"]))
    assert list(state.ip_states) == ["fd00::1"]
