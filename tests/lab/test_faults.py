"""故障：规格的解析，和每一种故障真实的样子（contract 第 9 节）。"""

import http.client
import time

import pytest

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.lab.faults import FaultKind, parse_fault
from tests.lab.api import Api

ORDERS = ("stop", "deploy", "start", "verify", "rollback", "log")
GONE = (http.client.RemoteDisconnected, ConnectionResetError)


def call(api: Api, ip: str, order: str, key: str, timeout: float = 10.0) -> int:
    """做一个动作（或取日志），返回状态；``timeout`` 单位为秒。"""
    if order == "log":
        return api.node("GET", f"/api/workstations/{ip}/log", timeout=timeout).status
    return api.act(ip, order, key=key, timeout=timeout).status


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["fail", "hang", "slow=1.5", "drop", "status=500", "busy=503", "offline", "crash"])
def test_good_specs(order: str, kind: str) -> None:
    """每个动作、每种故障、有无次数都认得。"""
    fault = parse_fault(f"10.0.0.3:{order}:{kind}:2")
    assert (fault.ip, fault.order, fault.kind, fault.left) == ("10.0.0.3", order, kind.split("=", maxsplit=1)[0], 2)
    assert fault.seconds == (1.5 if fault.kind is FaultKind.SLOW else 0)
    assert fault.status == {FaultKind.STATUS: 500, FaultKind.BUSY: 503}.get(fault.kind, 0)
    assert parse_fault(f"10.0.0.3:{order}:{kind}").left is None


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "应写成"),
        ("10.0.0.3:stop", "应写成"),
        ("10.0.0.3:stop:fail:1:1", "应写成"),
        ("10.0.0.300:stop:fail", "IPv4"),
        ("10.0.0.3:query:fail", "动作"),
        ("10.0.0.3:stop-ip:fail", "动作"),
        ("10.0.0.3:stop:explode", "种类"),
        ("10.0.0.3:stop:slow", "种类"),
        ("10.0.0.3:stop:fail=1", "种类"),
        ("10.0.0.3:stop:slow=x", "秒数"),
        ("10.0.0.3:stop:slow=-1", "秒数"),
        ("10.0.0.3:stop:slow=nan", "秒数"),
        ("10.0.0.3:stop:slow=inf", "秒数"),
        ("10.0.0.3:stop:status", "种类"),
        ("10.0.0.3:stop:status=199", "状态"),
        ("10.0.0.3:stop:status=600", "状态"),
        ("10.0.0.3:stop:status=400.5", "状态"),
        ("10.0.0.3:stop:busy", "种类"),
        ("10.0.0.3:stop:busy=500", "429 或 503"),
        ("10.0.0.3:stop:fail:0", "次数"),
        ("10.0.0.3:stop:fail:-1", "次数"),
        ("10.0.0.3:stop:fail:many", "次数"),
    ],
)
def test_bad_specs(spec: str, reason: str) -> None:
    """不合规则的规格指出是哪一段。"""
    with pytest.raises(InvalidInputError, match=reason):
        parse_fault(spec)


def test_fail_has_no_effect(shared: Api, ip: str) -> None:
    """fail：没有效果，用过的键记住失败，用完次数之后新键做成；日志里有原因。"""
    shared.lab.add_fault(f"{ip}:stop:fail:1")
    refused = shared.act(ip, "stop", key=f"fail-{ip}")
    assert (refused.status, refused.json()["success"]) == (409, False)
    assert shared.act(ip, "stop", key=f"fail-{ip}").status == 409
    assert shared.effects(f"fail-{ip}") == []
    assert shared.state(ip)[0] is True
    assert shared.act(ip, "stop").status == 200
    assert "演练故障" in shared.node("GET", f"/api/workstations/{ip}/log").text


def test_fail_of_verify_is_a_verdict(shared: Api, ip: str) -> None:
    """verify 的 fail 是一个不通过的结论，不是出错。"""
    shared.lab.add_fault(f"{ip}:verify:fail:1")
    shared.replace(ip)
    answer = shared.act(ip, "verify")
    assert (answer.status, answer.json()["success"], answer.json()["version"]) == (200, False, "1.2.3")
    assert shared.act(ip, "verify").json()["success"] is True


def test_rollback_can_be_tried_again(shared: Api, ip: str) -> None:
    """第一次回滚失败之后，换一个键再试能成。"""
    shared.replace(ip)
    shared.lab.add_fault(f"{ip}:rollback:fail:1")
    assert shared.act(ip, "rollback").status == 409
    assert shared.act(ip, "rollback").json()["success"] is True
    assert shared.state(ip) == (True, "1.2.2", None)


@pytest.mark.parametrize("order", ORDERS)
def test_hang_never_answers(shared: Api, ip: str, order: str) -> None:
    """hang：没有应答也没有效果，别的动作照常；之后同一个键可以做成。"""
    shared.replace(ip)
    shared.act(ip, {"deploy": "stop"}.get(order, "verify"))
    shared.lab.add_fault(f"{ip}:{order}:hang:1")
    with pytest.raises(TimeoutError):
        call(shared, ip, order, f"hang-{ip}", timeout=0.2)
    assert shared.effects(f"hang-{ip}") == []
    assert shared.node("GET", f"/api/workstations/{ip}").status == 200
    assert call(shared, ip, order, f"hang-{ip}") == 200


@pytest.mark.parametrize("order", ORDERS)
def test_drop_has_its_effect(shared: Api, ip: str, order: str) -> None:
    """drop：效果发生了，应答没有到；同一个键再来得到应答，效果仍是一个。"""
    shared.replace(ip)
    shared.act(ip, {"deploy": "stop"}.get(order, "verify"))
    shared.lab.add_fault(f"{ip}:{order}:drop:1")
    with pytest.raises(GONE):
        call(shared, ip, order, f"drop-{ip}")
    effects = [] if order in {"verify", "log"} else [f"{order}-ip"]
    assert shared.effects(f"drop-{ip}") == effects
    assert call(shared, ip, order, f"drop-{ip}") == 200
    assert shared.effects(f"drop-{ip}") == effects


@pytest.mark.parametrize("order", ORDERS)
def test_status_has_its_effect_and_no_body(shared: Api, ip: str, order: str) -> None:
    """status：效果发生了，答的只是一个状态；重发也照样，关掉故障才收到应答，效果仍是一个。"""
    shared.replace(ip)
    shared.act(ip, {"deploy": "stop"}.get(order, "verify"))
    shared.lab.add_fault(f"{ip}:{order}:status=500:2")
    effects = [] if order in {"verify", "log"} else [f"{order}-ip"]
    assert [call(shared, ip, order, f"status-{ip}") for _ in range(3)] == [500, 500, 200]
    assert shared.effects(f"status-{ip}") == effects


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("code", [429, 503])
def test_busy_has_no_effect(shared: Api, ip: str, order: str, code: int) -> None:
    """busy：什么也没有做，说一秒之后再来；同一个键再来就做成。"""
    shared.replace(ip)
    shared.act(ip, {"deploy": "stop"}.get(order, "verify"))
    shared.lab.add_fault(f"{ip}:{order}:busy={code}:1")
    path = f"/api/workstations/{ip}/{order}"
    busy = shared.node("GET", path) if order == "log" else shared.act(ip, order, key=f"busy-{ip}-{code}")
    assert (busy.status, busy.retry_after, "正忙" in busy.error) == (code, "1", True)
    assert shared.effects(f"busy-{ip}-{code}") == []
    assert call(shared, ip, order, f"busy-{ip}-{code}") == 200


def test_drop_for_ever_drops_repeats_too(shared: Api, ip: str) -> None:
    """没有次数的 drop 一直有效：重发也收不到应答，关掉故障才收到。"""
    shared.lab.add_fault(f"{ip}:stop:drop")
    for _ in range(2):
        with pytest.raises(GONE):
            shared.act(ip, "stop", key=f"ever-{ip}")
    shared.lab.clear_faults()
    assert shared.act(ip, "stop", key=f"ever-{ip}").status == 200
    assert shared.effects(f"ever-{ip}") == ["stop-ip"]


@pytest.mark.parametrize("order", ["stop", "verify", "log"])
def test_slow_takes_its_time(shared: Api, ip: str, order: str) -> None:
    """slow：慢这么多秒，然后照常。"""
    shared.lab.add_fault(f"{ip}:{order}:slow=0.2:1")
    began = time.monotonic()
    assert call(shared, ip, order, f"slow-{ip}") == 200
    assert time.monotonic() - began >= 0.2


def test_offline_touches_its_own_action(shared: Api, ip: str) -> None:
    """offline：那个动作答 503，别的动作和名单不受影响；次数用完之后同一个键做成。"""
    shared.lab.add_fault(f"{ip}:deploy:offline:2")
    assert shared.act(ip, "stop").status == 200
    assert [shared.act(ip, "deploy", key=f"off-{ip}").status for _ in range(3)] == [503, 503, 200]
    assert shared.node("GET", f"/api/workstations/{ip}").json()["online"] is True


def test_the_admin_endpoint(shared: Api, ip: str) -> None:
    """管理接口能列出、打开、关掉故障，不合规则的和不存在的工作站都说明原因。"""
    with pytest.raises(InvalidInputError, match="应写成"):
        shared.lab.add_fault("nonsense")
    with pytest.raises(InvalidInputError, match="没有工作站"):
        shared.lab.add_fault("10.9.9.9:stop:fail")
    shared.lab.add_fault(f"{ip}:log:fail")
    found = shared.home("GET", "/lab/faults").json()
    assert {"ip": ip, "action": "log", "kind": "fail", "seconds": 0.0, "left": None} in found
    assert shared.node("GET", f"/api/workstations/{ip}/log").status == 409
    shared.lab.clear_faults()
    assert shared.home("GET", "/lab/faults").json() == []
