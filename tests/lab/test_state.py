"""状态目录：独占、端口、令牌、工作站名册（contract 第 9 节）。"""

from pathlib import Path

import pytest

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.lab.config import Installed
from pam_deploy_graph.lab.fleet import Fleet
from pam_deploy_graph.lab.modules import ModuleState
from pam_deploy_graph.lab.state_folder import StateDir

INSTALLED = (Installed("checkin", "gate", "1.2.2"),)


def build(state: StateDir, count: int) -> Fleet:
    """在状态目录上建一个机场。"""
    fleet = Fleet("PEK", state.path, state.store)
    fleet.build(count, state.seed(INSTALLED, ["PEK"])["PEK"])
    return fleet


def test_one_state_one_lab(tmp_path: Path) -> None:
    """同一个状态目录不能同时打开两次，放开之后可以。"""
    state = StateDir(tmp_path / "lab")
    with pytest.raises(InvalidInputError, match="正被另一个试验场使用"):
        StateDir(tmp_path / "lab")
    state.close()
    StateDir(tmp_path / "lab").close()


def test_unusable_state(tmp_path: Path) -> None:
    """建不了的状态目录说明原因。"""
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="用不了"):
        StateDir(tmp_path / "file" / "lab")


def test_ports(tmp_path: Path) -> None:
    """点名的端口被占就说明；没有点名则先用上次的，被占才另选。"""
    state = StateDir(tmp_path)
    first = state.listen("home")
    port = first.getsockname()[1]
    with pytest.raises(InvalidInputError, match="--port"):
        state.listen("other", port, strict=True)
    second = state.listen("home")
    assert second.getsockname()[1] != port
    kept = second.getsockname()[1]
    second.close()
    third = state.listen("home")
    assert third.getsockname()[1] == kept
    first.close()
    third.close()
    state.close()


def test_token_is_kept(tmp_path: Path) -> None:
    """没有给令牌就新生成并记住；给了就换成给的。"""
    state = StateDir(tmp_path)
    made = state.token("")
    assert (len(made) >= 32, state.token("")) == (True, made)
    assert (state.token("given"), state.token("")) == ("given", "given")
    state.close()


def test_more_workstations_later(tmp_path: Path) -> None:
    """可以加工作站，从不减少；已有的保持现状；地址一直往后数。"""
    state = StateDir(tmp_path)
    stopped = build(state, 2).module("10.0.0.1", "checkin", "gate")
    stopped.settle(ModuleState("1.2.2", None, None))
    ips = build(state, 300).ips
    assert [len(ips), ips[0], ips[254], ips[255], ips[299]] == [
        300,
        "10.0.0.1",
        "10.0.0.255",
        "10.0.1.0",
        "10.0.1.44",
    ]
    fleet = build(state, 2)
    assert fleet.ips == ips
    assert fleet.module("10.0.0.1", "checkin", "gate").state().running is None
    assert fleet.module("10.0.1.44", "checkin", "gate").state().running == "1.2.2"
    state.close()


def test_a_killed_start_is_made_good(tmp_path: Path) -> None:
    """建到一半被杀的工作站，下次重建成完整的。"""
    state = StateDir(tmp_path)
    half = state.path / "workstations/PEK/10.0.0.1/checkin/gate/releases/.new-1.2.2"
    half.mkdir(parents=True)
    (half / "package").write_bytes(b"half")
    folder = build(state, 1).module("10.0.0.1", "checkin", "gate")
    [release] = state.seed(INSTALLED, ["PEK"])["PEK"]
    assert folder.check(release) == ""
    assert folder.state() == ModuleState("1.2.2", None, "1.2.2")
    state.close()
