"""PAM HTTP 协议：令牌、每个地址、每种应答格式（contract 第 3 节）。"""

import hashlib
from typing import Any

import httpx
import pytest
from pydantic import ConfigDict, TypeAdapter

from pam_deploy_graph import __version__
from pam_deploy_graph.lab import schemas
from tests.lab.api import HASH, MODULE, PACKAGE, Api, version

UNKNOWN_HASH = "0" * 64


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic eDp5", "Bearer "])
@pytest.mark.parametrize("path", ["/api/health", "/lab/journal", "/api/nodes/PEK", "/nowhere"])
def test_home_needs_the_token(shared: Api, path: str, given: str) -> None:
    """没有令牌或令牌不对，HOME 的每个地址都答 401 和中文原因。"""
    answer = shared.home("GET", path, headers={"Authorization": given})
    assert (answer.status, "令牌" in answer.error) == (401, True)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_name_of_the_scheme_has_no_case(shared: Api, scheme: str) -> None:
    """``bearer`` 大小写皆可（RFC 9110 第 11.1 节）；HOME、NODE 与 MCP 都认。"""
    lab = shared.lab
    headers = {"Authorization": f"{scheme} {lab.token}"}
    assert shared.home("GET", "/api/health", headers=headers).status == 200
    assert shared.node("GET", "/api/workstations", headers=headers).status == 200
    assert httpx.get(lab.info["mcp_url"], headers=headers).status_code != 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/workstations"), ("POST", "/api/workstations/10.0.0.1/stop"), ("POST", "/api/sync")],
)
def test_node_needs_the_token(shared: Api, method: str, path: str) -> None:
    """NODE 也要令牌；纯文本的客户端得到 ERROR 行。"""
    headers = {"Authorization": "Bearer wrong", "Accept": "text/plain"}
    answer = shared.node(method, path, version(), headers=headers)
    assert answer.status == 401
    assert answer.text.startswith("ERROR=令牌")


def test_health_gives_the_version(shared: Api) -> None:
    """健康检查两种格式都给出版本。"""
    assert shared.home("GET", "/api/health").json()["version"] == __version__
    lines = shared.home("GET", "/api/health", headers={"Accept": "text/plain"}).text.splitlines()
    assert f"HOME_VERSION={__version__}" in lines


def test_package_metadata_and_content(shared: Api) -> None:
    """上传之后能取回元数据和原样的字节。"""
    package = shared.home("GET", "/api/packages/checkin/gate/1.2.3").json()
    assert package == {**version(), "hash": HASH, "size": len(PACKAGE), "published": True}
    assert shared.home("GET", f"/api/packages/{HASH}/content").text.encode() == PACKAGE


def test_installed_version_is_held_and_published(shared: Api) -> None:
    """出厂版本的安装包 HOME 已经持有并发布。"""
    assert shared.home("GET", "/api/packages/checkin/gate/1.2.2").json()["published"] is True


def test_a_version_keeps_its_bytes(shared: Api) -> None:
    """同一版本再传同样的字节得到同样的应答，传别的字节答 409。"""
    before = len(shared.lab.journal())
    assert shared.upload().json()["hash"] == HASH
    refused = shared.upload(content=b"other")
    assert (refused.status, "换版本号" in refused.error) == (409, True)
    assert len(shared.lab.journal()) == before


def test_publish_twice_is_one_publication(shared: Api) -> None:
    """同样的散列再发布一次得到同一个编号，不算效果；另一个散列答 409。"""
    ref = {**version(), "hash": HASH}
    first = shared.home("POST", "/api/versions", ref).json()["publish_id"]
    before = len(shared.lab.journal())
    assert shared.home("POST", "/api/versions", ref).json()["publish_id"] == first
    assert len(shared.lab.journal()) == before
    assert shared.home("POST", "/api/versions", {**ref, "hash": UNKNOWN_HASH}).status == 409


def test_publish_for_one_airport(shared: Api) -> None:
    """可以只面向一个机场发布；不认识的机场答 404。"""
    ref = {**version(), "hash": HASH}
    assert shared.home("POST", "/api/versions", {**ref, "airport": "PEK"}).status == 200
    assert shared.home("POST", "/api/versions", {**ref, "airport": "XXX"}).status == 404


def test_sync_refuses_what_is_not_published(shared: Api) -> None:
    """没有发布、没有上传、散列不对的版本都不同步。"""
    content = b"never published"
    ref = {**version("7.0.0"), "hash": hashlib.sha256(content).hexdigest()}
    assert shared.node("POST", "/api/sync", ref).status == 404
    shared.upload("7.0.0", content)
    assert "先发布" in shared.node("POST", "/api/sync", ref).error
    assert shared.node("POST", "/api/sync", {**version(), "hash": UNKNOWN_HASH}).status == 409


def test_sync_of_what_is_there_is_no_effect(shared: Api) -> None:
    """已经同步的版本再同步一次，应答相同，不记日志。"""
    before = len(shared.lab.journal())
    assert shared.node("POST", "/api/sync", {**version(), "hash": HASH}).json()["hash"] == HASH
    assert len(shared.lab.journal()) == before


def test_large_package_travels_whole(shared: Api) -> None:
    """几兆字节的安装包逐块上传、同步、部署，散列不变。"""
    content = bytes(range(256)) * 12_000
    assert shared.release("9.9.9", content) == hashlib.sha256(content).hexdigest()
    ip = "10.0.0.200"
    shared.replace(ip, "9.9.9")
    assert shared.act(ip, "verify", version("9.9.9")).json()["success"] is True


def test_node_address(shared: Api) -> None:
    """HOME 知道每个机场的 NODE；没有 MCP 服务时不给它的地址。"""
    found = shared.home("GET", "/api/nodes/PEK").json()
    assert found["node_url"] == shared.lab.node_url()
    assert ("mcp_url" in found) == bool(shared.lab.info["mcp_url"])
    assert shared.home("GET", "/api/nodes/XXX").status == 404


def test_online_workstations_as_lines(shared: Api) -> None:
    """在线名单的纯文本是重复的 IP 行加机场代码，与 JSON 一致。"""
    roster = shared.node("GET", "/api/workstations?online=true").json()
    lines = shared.node("GET", "/api/workstations?online=true", headers={"Accept": "text/plain"}).text.splitlines()
    assert lines == ["AIRPORT_CODE=PEK", *(f"IP={one['ip']}" for one in roster["workstations"])]
    assert roster["workstations"][0] == {"ip": "10.0.0.1", "online": True}


def test_query_as_lines(shared: Api, ip: str) -> None:
    """查询的纯文本键就是动作表的键。"""
    path = f"/api/workstations/{ip}?app=checkin&module=gate"
    lines = shared.node("GET", path, headers={"Accept": "text/plain"}).text.splitlines()
    assert {"ONLINE=true", "RUNNING=true", "VERSION=1.2.2", "LAST_KEY="} <= set(lines)


def test_query_of_a_module_that_is_not_there(shared: Api, ip: str) -> None:
    """没有装的模块：不在运行，版本为空。"""
    answer = shared.node("GET", f"/api/workstations/{ip}?app=bagdrop&module=kiosk").json()
    assert (answer["running"], answer["version"]) == (False, "")


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("/api/workstations/10.0.0.1/stop", b"{", "JSON"),
        ("/api/workstations/10.0.0.1/stop", [], "JSON"),
        ("/api/workstations/10.0.0.1/stop", {}, "缺少 app"),
        ("/api/workstations/10.0.0.1/deploy", {**MODULE, "version": "../x"}, "version"),
        ("/api/workstations/10.0.0.1/deploy", {**MODULE, "version": "1.0;rm -rf /"}, "version"),
        ("/api/workstations/10.0.0.1/deploy", {**MODULE, "version": 2}, "version 的值 '2' 不合规则：应为文本"),
        ("/api/workstations/10.0.0.1/rollback", {**MODULE, "stop_first": "yes"}, "true 或 false"),
        ("/api/sync", {**version(), "hash": "abc"}, "SHA-256"),
    ],
)
def test_bad_bodies_get_a_reason(shared: Api, path: str, body: Any, reason: str) -> None:
    """不合规则的正文答 400，原因指出是哪一处。"""
    answer = shared.node("POST", path, body)
    assert (answer.status, reason in answer.error) == (400, True), answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/workstations/10.9.9.9", 404),
        ("POST", "/api/workstations/10.9.9.9/stop", 404),
        ("POST", "/api/workstations/10.0.0.1/explode", 404),
        ("DELETE", "/api/workstations/10.0.0.1", 405),
        ("GET", "/api/workstations?online=maybe", 400),
        ("GET", "/api/workstations/10.0.0.1?app=../x&module=gate", 400),
        ("GET", "/lab/journal", 404),
    ],
)
def test_wrong_addresses(shared: Api, method: str, path: str, status: int) -> None:
    """不存在的工作站、动作、方法和查询各有合适的状态与中文原因。"""
    answer = shared.node(method, path, version() if method == "POST" else None)
    assert answer.status == status
    assert answer.error


def test_huge_json_is_refused(shared: Api) -> None:
    """过大的 JSON 正文答 413。"""
    assert shared.node("POST", "/api/sync", {"app": "x" * 70_000}).status == 413


def test_empty_package_is_refused(shared: Api) -> None:
    """空的安装包答 400，什么也不留下。"""
    assert shared.upload("6.0.0", b"").status == 400
    assert shared.home("GET", "/api/packages/checkin/gate/6.0.0").status == 404


def test_answers_fit_the_schemas(shared: Api, ip: str) -> None:
    """真实的应答与 OpenAPI 文档所用的结构一字不差。"""
    ref = {**version(), "hash": HASH}
    workstation = f"/api/workstations/{ip}"
    real = [
        (schemas.Health, shared.home("GET", "/api/health")),
        (schemas.Package, shared.home("GET", "/api/packages/checkin/gate/1.2.3")),
        (schemas.Published, shared.home("POST", "/api/versions", ref)),
        (schemas.NodeInfo, shared.home("GET", "/api/nodes/PEK")),
        (schemas.Synced, shared.node("POST", "/api/sync", ref)),
        (schemas.Roster, shared.node("GET", "/api/workstations")),
        (schemas.WorkstationInfo, shared.node("GET", workstation)),
        (schemas.Outcome, shared.act(ip, "stop")),
        (schemas.RefusedOutcome, shared.act(ip, "start")),
        (schemas.ErrorAnswer, shared.node("GET", "/api/workstations/10.9.9.9")),
    ]
    for shape, answer in real:
        with pytest.MonkeyPatch.context() as patch:  # 只借用一下：同一个类型还要用来生成文档
            patch.setattr(shape, "__pydantic_config__", ConfigDict(extra="forbid", strict=True), raising=False)
            TypeAdapter(shape).validate_python(answer.json())


def test_a_wrong_method_is_told_which_are_right(shared: Api) -> None:
    """方法不对答 405，并列出这个地址收的全部方法。"""
    answer = shared.home("DELETE", "/api/packages/checkin/gate/1.2.3")
    assert (answer.status, {"GET", "PUT"} <= set(answer.allow.split(", "))) == (405, True)
