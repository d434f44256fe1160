"""工作站：部署、验证、回滚真的发生在磁盘和探针上（contract 第 3 节「试验场」）。"""

from pathlib import Path

import pytest

from tests.lab.api import MODULE, Api, version


def module_folder(api: Api, ip: str) -> Path:
    """一台工作站上 checkin/gate 的目录。"""
    return Path(api.lab.info["state_dir"], "workstations", "PEK", ip, "checkin", "gate")


def test_a_deployment_and_its_rollback(shared: Api, ip: str) -> None:
    """停止、部署、启动、验证，再回滚：每一步的真实情况都对。"""
    folder = module_folder(shared, ip)
    assert shared.act(ip, "stop").json() == {
        "success": True,
        "message": "checkin/gate 1.2.2 已停止",
        "version": "1.2.2",
    }
    assert shared.state(ip) == (False, "1.2.2", None)
    shared.act(ip, "deploy")
    assert shared.state(ip) == (False, "1.2.3", "1.2.2")
    assert (folder / "current").readlink() == Path("releases/1.2.3")
    shared.act(ip, "start", key="start-it")
    assert shared.act(ip, "verify").json()["success"] is True
    assert shared.node("GET", f"/api/workstations/{ip}").json()["last_key"] == "start-it"
    rolled = shared.act(ip, "rollback").json()
    assert (rolled["success"], rolled["version"]) == (True, "1.2.2")
    assert shared.state(ip) == (True, "1.2.2", None)
    assert shared.act(ip, "verify", version("1.2.2")).json()["success"] is True


def test_a_rollback_before_anything_was_changed(shared: Api, ip: str) -> None:
    """这次运行什么也没有动过：回滚什么也不装，更不会退到更老的版本；停着的启动。"""
    shared.replace(ip)
    for prepare in ((), ("stop",)):
        for order in prepare:
            shared.act(ip, order, key=f"other.1:{ip}:{order}")
        answer = shared.act(ip, "rollback", key=f"mine.{len(prepare)}:{ip}").json()
        assert (answer["success"], answer["version"], answer["running"]) == (True, "1.2.3", True)
        assert shared.state(ip) == (True, "1.2.3", "1.2.2")


@pytest.mark.parametrize("stop_first", [True, False])
def test_a_rollback_to_a_named_version(shared: Api, ip: str, stop_first: bool) -> None:  # noqa: FBT001 —— 参数表里的一列
    """点名的版本：就是它回来，哪怕不是上一个；它就是当前版本的，什么也不装。"""
    shared.release("1.2.4", b"1.2.4")
    shared.replace(ip)
    shared.replace(ip, "1.2.4")
    order = {**MODULE, "stop_first": stop_first, "to_version": "1.2.2"}
    for _ in range(2):
        answer = shared.act(ip, "rollback", order).json()
        assert (answer["success"], answer["version"], answer["running"]) == (True, "1.2.2", True)
        assert shared.state(ip)[:2] == (True, "1.2.2")


def test_a_version_that_cannot_be_brought_back(shared: Api, ip: str) -> None:
    """点名的版本哪里都没有：在停下任何东西之前拒绝，说出现在有什么，再试也一样。"""
    for _ in range(2):
        order = {**MODULE, "stop_first": True, "to_version": "0.9.0"}
        answer = shared.act(ip, "rollback", order, key=f"none-{ip}")
        assert (answer.status, answer.json()["success"]) == (409, False)
        assert [word in answer.error for word in ("退不回 0.9.0", "现在的版本是 1.2.2")] == [True, True]
    assert shared.state(ip) == (True, "1.2.2", None)
    assert shared.effects(f"none-{ip}") == []


def test_rollback_without_stop_first(shared: Api, ip: str) -> None:
    """模块正在运行而 stop_first 为假：直接切换，结果同样是上一个版本在运行。"""
    shared.replace(ip)
    assert shared.act(ip, "rollback", {**MODULE, "stop_first": False}).status == 200
    assert shared.state(ip) == (True, "1.2.2", None)


def test_rollback_between_stop_and_deploy(shared: Api, ip: str) -> None:
    """停下之后、部署之前失败的：回滚启动被停下的版本，而不是更早的版本。"""
    shared.replace(ip)
    shared.act(ip, "stop", version("1.2.4"), key=f"next.1:{ip}:stop-ip:1")
    answer = shared.act(ip, "rollback", {**MODULE, "stop_first": False}, key=f"next.1:{ip}:rollback-ip:1")
    assert answer.json()["version"] == "1.2.3"
    assert shared.state(ip) == (True, "1.2.3", "1.2.2")


def test_retry_keeps_the_rollback_target(shared: Api, ip: str) -> None:
    """同一个版本停、部署、启动两遍，回滚仍然回到最初的版本。"""
    shared.replace(ip)
    shared.replace(ip)
    assert shared.state(ip) == (True, "1.2.3", "1.2.2")
    assert shared.act(ip, "rollback").json()["version"] == "1.2.2"


def test_rollback_restores_a_damaged_former_release(shared: Api, ip: str) -> None:
    """上一个版本的文件被改动过：回滚从 NODE 重新取，恢复之后验证通过。"""
    shared.replace(ip)
    (module_folder(shared, ip) / "releases/1.2.2/package").write_bytes(b"damaged")
    assert shared.act(ip, "rollback").status == 200
    assert shared.act(ip, "verify", version("1.2.2")).json()["success"] is True


def test_a_new_module_on_a_workstation(shared: Api, ip: str) -> None:
    """没有装过的模块可以停止、部署、启动；它没有可以退回的版本；别的模块的 LAST_KEY 不变。"""
    ref = {"app": "bagdrop", "module": "kiosk", "version": "2.0.0"}
    digest = shared.home("PUT", "/api/packages/bagdrop/kiosk/2.0.0", b"kiosk").json()["hash"]
    shared.home("POST", "/api/versions", {**ref, "hash": digest})
    shared.node("POST", "/api/sync", {**ref, "hash": digest})
    for order in ("stop", "deploy", "start", "verify"):
        assert shared.act(ip, order, ref).json()["success"] is True, order
    assert "之前没有安装" in shared.act(ip, "rollback", {**ref, "stop_first": True}).error
    assert shared.node("GET", f"/api/workstations/{ip}?app=checkin&module=gate").json()["last_key"] == ""
    assert shared.node("GET", f"/api/workstations/{ip}?app=checkin&module=gate").json()["running"] is True


@pytest.mark.parametrize(
    ("prepare", "order", "number", "reason"),
    [
        ([], "deploy", "1.2.3", "正在运行"),
        (["stop"], "deploy", "5.5.5", "还没有同步"),
        (["stop"], "start", "1.2.3", "请先部署"),
    ],
)
def test_refusals(shared: Api, ip: str, prepare: list[str], order: str, number: str, reason: str) -> None:
    """按真实情况不能做的动作答 409，说明原因，也写进日志，没有效果。"""
    for earlier in prepare:
        shared.act(ip, earlier)
    answer = shared.act(ip, order, version(number), key=f"refused-{ip}")
    assert (answer.status, reason in answer.error) == (409, True), answer.text
    assert shared.effects(f"refused-{ip}") == []
    assert reason in shared.node("GET", f"/api/workstations/{ip}/log").text


@pytest.mark.parametrize("damage", ["package", "manifest.json", "extra", "gone"])
def test_verify_sees_an_altered_release(shared: Api, ip: str, damage: str) -> None:
    """手工改动发布目录之后验证不通过，别的工作站不受影响。"""
    shared.replace(ip)
    release = module_folder(shared, ip) / "releases/1.2.3"
    if damage == "gone":
        (release / "manifest.json").unlink()
    else:
        with (release / damage).open("ab") as file:
            file.write(b"x")
    answer = shared.act(ip, "verify")
    assert answer.status == 200
    assert (answer.json()["success"], "被改动过" in answer.json()["message"]) == (False, True)
    assert shared.act("10.0.0.199", "verify", version("1.2.2")).json()["success"] is True


def test_verify_tells_what_is_wrong(shared: Api, ip: str) -> None:
    """没有运行、版本不对，验证各有原因。"""
    assert "正在运行的是 1.2.2" in shared.act(ip, "verify").json()["message"]
    shared.act(ip, "stop")
    answer = shared.act(ip, "verify").json()
    assert (answer["success"], answer["version"]) == (False, "1.2.2")
    assert "没有运行" in answer["message"]


def test_a_stopped_module_does_not_count_as_running(shared: Api, ip: str) -> None:
    """发布目录整个不见了的模块，谁都不说它在运行。"""
    release = module_folder(shared, ip) / "releases/1.2.2"
    release.rename(release.with_name("moved"))
    assert shared.state(ip)[0] is False
    assert shared.node("GET", f"/api/workstations/{ip}").json()["running"] is False


def test_stop_of_what_is_stopped_is_an_effect(shared: Api, ip: str) -> None:
    """停止已经停止的模块也算做到，各记各的键。"""
    for key in (f"first-{ip}", f"second-{ip}"):
        assert shared.act(ip, "stop", key=key).status == 200
        assert shared.effects(key) == ["stop-ip"]


def test_the_log_tells_the_story(shared: Api, ip: str) -> None:
    """日志是带时间的纯文本，记下每一步；没有做过什么时是空的。"""
    path = f"/api/workstations/{ip}/log?app=checkin&module=gate"
    assert shared.node("GET", path).text == ""
    shared.replace(ip)
    lines = shared.node("GET", path).text.splitlines()
    assert all(line[:2] == "20" for line in lines)
    assert [word in " ".join(lines) for word in ("已停止", "散列", "已部署", "已启动")] == [True] * 4


def test_offline_workstation(shared: Api, ip: str) -> None:
    """离线的工作站不在名单里，每个动作都答 503，上线之后同一个键可以做成。"""
    shared.lab.set_online(ip, online=False)
    roster = shared.node("GET", "/api/workstations?online=true").json()["workstations"]
    assert ip not in [one["ip"] for one in roster]
    for order in ("stop", "deploy", "start", "verify", "rollback"):
        assert shared.act(ip, order, key=f"{order}-{ip}").status == 503
    assert shared.node("GET", f"/api/workstations/{ip}/log").status == 503
    gone = shared.node("GET", f"/api/workstations/{ip}").json()
    assert (gone["online"], gone["running"], gone["version"]) == (False, None, "")
    text = shared.node("GET", f"/api/workstations/{ip}", headers={"Accept": "text/plain"}).text.splitlines()
    assert {"ONLINE=false", "RUNNING=", "VERSION="} <= set(text)
    shared.lab.set_online(ip, online=True)
    assert shared.act(ip, "stop", key=f"stop-{ip}").status == 200


def test_a_failing_disk_leaves_the_key_open(shared: Api, ip: str) -> None:
    """部署途中磁盘出错：答 500，没有效果，修好之后同一个键可以做成。"""
    digest = shared.release("4.0.0", b"four")
    package = Path(shared.lab.info["state_dir"], "nodes/PEK/packages", digest)
    package.rename(package.with_name("moved"))
    shared.act(ip, "stop", version("4.0.0"))
    answer = shared.act(ip, "deploy", version("4.0.0"), key=f"disk-{ip}")
    assert (answer.status, "内部错误" in answer.error) == (500, True)
    assert shared.effects(f"disk-{ip}") == []
    package.with_name("moved").rename(package)
    assert shared.act(ip, "deploy", version("4.0.0"), key=f"disk-{ip}").status == 200
    assert shared.effects(f"disk-{ip}") == ["deploy-ip"]
