"""幂等键：同一个键只做一次（contract 第 3 节）。"""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.lab.api import HASH, MODULE, Api, version


@pytest.mark.parametrize("key", ["", "钥匙".encode().decode("latin-1"), "k" * 300])
def test_a_usable_key_is_required(shared: Api, ip: str, key: str) -> None:
    """会改变状态的请求没有可用的幂等键答 400。"""
    headers = {"Idempotency-Key": key}
    assert "幂等键" in shared.act(ip, "stop", headers=headers).error
    assert shared.upload(headers=headers).status == 400
    assert shared.home("POST", "/api/versions", {**version(), "hash": HASH}, headers=headers).status == 400
    assert shared.node("POST", "/api/sync", {**version(), "hash": HASH}, headers=headers).status == 400


def test_verify_needs_no_key(shared: Api, ip: str) -> None:
    """验证不改变什么，不要幂等键，也不记住应答。"""
    assert shared.act(ip, "verify", version("1.2.2"), headers={"Idempotency-Key": ""}).json()["success"] is True
    shared.act(ip, "stop")
    assert shared.act(ip, "verify", version("1.2.2")).json()["success"] is False


def test_the_first_answer_again(shared: Api, ip: str) -> None:
    """同一个键、同样的内容得到第一次的应答，效果只有一个，哪怕情况早已变了。"""
    first = shared.act(ip, "stop", key=f"once-{ip}")
    shared.act(ip, "deploy")
    shared.act(ip, "start")
    again = shared.act(ip, "stop", key=f"once-{ip}")
    assert (again.status, again.text) == (first.status, first.text)
    assert shared.effects(f"once-{ip}") == ["stop-ip"]
    assert shared.state(ip)[0] is True


def test_a_refusal_is_remembered(shared: Api, ip: str) -> None:
    """被拒绝的键记住拒绝；情况变好之后要换一个键。"""
    assert shared.act(ip, "deploy", key=f"early-{ip}").status == 409
    shared.act(ip, "stop")
    assert shared.act(ip, "deploy", key=f"early-{ip}").status == 409
    assert shared.act(ip, "deploy", key=f"later-{ip}").status == 200


def test_another_body_is_refused(shared: Api, ip: str) -> None:
    """同一个键换了正文、动作或工作站答 422。"""
    key = f"mixed-{ip}"
    assert shared.act(ip, "stop", key=key).status == 200
    assert shared.act(ip, "stop", version("1.2.4"), key=key).status == 422
    assert shared.act(ip, "deploy", key=key).status == 422
    assert shared.act("10.0.0.198", "stop", key=key).status == 422
    assert shared.effects(key) == ["stop-ip"]


def test_upload_key_covers_the_bytes(shared: Api) -> None:
    """上传的幂等键连同字节：换了字节答 422。"""
    assert shared.upload("8.0.0", b"one", key="upload-8").status == 200
    assert shared.upload("8.0.0", b"one", key="upload-8").status == 200
    assert shared.upload("8.0.0", b"two", key="upload-8").status == 422
    assert shared.effects("upload-8") == ["upload-package"]


def test_concurrent_calls_are_one_effect(shared: Api, ip: str) -> None:
    """同一个键同时来八次：都等第一次做完，应答相同，效果一个。"""
    key = f"crowd-{ip}"
    shared.lab.add_fault(f"{ip}:stop:slow=0.3:1")
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(shared.act, ip, "stop", key=key) for _ in range(8)]
        time.sleep(0.1)
        other = shared.act(ip, "stop", version("1.2.4"), key=key)
        answers = [one.result().text for one in calls]
    assert time.monotonic() - began >= 0.3
    assert len(set(answers)) == 1
    assert other.status == 422
    assert shared.effects(key) == ["stop-ip"]


def test_a_caller_that_leaves_a_slow_call(shared: Api, ip: str) -> None:
    """慢动作的调用者提前走了，动作照样做完；同一个键再来得到它的应答。"""
    shared.lab.add_fault(f"{ip}:stop:slow=0.5:1")
    with pytest.raises(TimeoutError):
        shared.act(ip, "stop", key=f"left-{ip}", timeout=0.1)
    assert shared.effects(f"left-{ip}") == []
    assert shared.act(ip, "stop", key=f"left-{ip}").status == 200
    assert shared.effects(f"left-{ip}") == ["stop-ip"]


def test_a_broken_upload_leaves_nothing(shared: Api) -> None:
    """上传到一半断开：什么也不留下，同一个键可以重来。"""
    where = urlsplit(shared.lab.home_url)
    head = (
        "PUT /api/packages/checkin/gate/8.1.0 HTTP/1.1\r\nHost: lab\r\nContent-Length: 100\r\n"
        f"Authorization: Bearer {shared.lab.token}\r\nIdempotency-Key: broken\r\n\r\nhalf"
    )
    with socket.create_connection((str(where.hostname), where.port or 0)) as connection:
        connection.sendall(head.encode())
    assert shared.home("GET", "/api/packages/checkin/gate/8.1.0").status == 404
    assert shared.upload("8.1.0", b"whole", key="broken").status == 200


def test_keys_of_other_airports_are_their_own(shared: Api, ip: str) -> None:
    """幂等键按服务分开：HOME 用过的键，NODE 还能用。"""
    assert shared.upload("8.2.0", b"x", key=f"scope-{ip}").status == 200
    assert shared.act(ip, "stop", key=f"scope-{ip}").status == 200
    assert shared.act(ip, "rollback", {**MODULE, "stop_first": False}).status == 200
