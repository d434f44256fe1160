"""检查点文件：往返、原子、隐去、拒读（contract 第 6 节）。"""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.checkpoint_store import load_checkpoint, save_checkpoint
from pam_deploy_graph.constants import ExitCode
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.models import AgentState, IpState
from tests.agent.rig import FIRST, PARAMS, SECOND, Rig

PATH = Path("keep/ckpt.json")
SECRETS = ("home.internal", "fake-node", "secret/place", "留下的话")


@pytest.fixture
def state(rig: Rig) -> AgentState:
    """一次什么都有一点的运行：成功、失败、回滚失败、不在线、备注。"""
    params = PARAMS | {"PAM_HOME_URL": "http://home.internal:1", "PACKAGE_PATH": "secret/place/gate.bin"}
    rig.fake.fail("verify-ip", SECOND, values={"SUCCESS": "no"})
    rig.fake.fail("rollback-ip")
    built = rig.state(
        params=params,
        run_id="r1",
        target_ips=[FIRST, SECOND, "10.0.0.9"],
        trace_file_path="secret/place/trace.log",
        control_params={"max_parallel": 2},
    )
    rig.agent.run_deploy_flow(built)
    rig.agent.confirm_pending(built, approved=True, operator_note="留下的话")
    return built


def test_round_trip(state: AgentState) -> None:
    """存了再读，一字不差，工作站的状态仍可按属性与按键读写。"""
    save_checkpoint(state, PATH)
    again = load_checkpoint(PATH)
    assert again == state
    assert again.to_dict() == state.to_dict()
    one = again.ip_states[SECOND]
    assert isinstance(one, IpState)
    assert one.rollback_status == one["rollback_status"] == "ROLLBACK_FAILED"


def test_it_is_one_json_file(state: AgentState) -> None:
    """只有一个 JSON 文件，只有本人可读，旁边没有剩下的临时文件。"""
    save_checkpoint(state, str(PATH))
    assert [path.name for path in PATH.parent.iterdir()] == ["ckpt.json"]
    assert json.loads(PATH.read_text(encoding="utf-8"))["state"]["run_id"] == "r1"
    assert (stat.S_IMODE(PATH.stat().st_mode), stat.S_IMODE(PATH.parent.stat().st_mode)) == (0o600, 0o700)


def test_a_loose_file_becomes_private(state: AgentState) -> None:
    """原来的文件权限宽，换上的新文件仍是 0600。"""
    save_checkpoint(state, PATH)
    PATH.chmod(0o644)
    save_checkpoint(state, PATH)
    assert stat.S_IMODE(PATH.stat().st_mode) == 0o600


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(failing: str, state: AgentState, monkeypatch: pytest.MonkeyPatch) -> None:
    """写到一半失败：原来的文件原样，没有剩下的临时文件。"""
    save_checkpoint(state, PATH)
    before = PATH.read_bytes()
    state.hash_code = "new"

    def fail(*_args: object, **_kwargs: object) -> None:
        """磁盘满。"""
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if failing == "fsync" else Path, failing, fail)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(state, PATH)
    assert PATH.read_bytes() == before
    assert [path.name for path in PATH.parent.iterdir()] == ["ckpt.json"]


def test_it_is_on_disk_before_it_is_in_place(state: AgentState, monkeypatch: pytest.MonkeyPatch) -> None:
    """先把新文件写完整并落盘，才换到位置上。"""
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        """记下落盘。"""
        order.append("fsync")
        fsync(handle)

    def replaced(self: Path, target: Path) -> Path:
        """换之前新文件必须是完整的 JSON。"""
        json.loads(self.read_text(encoding="utf-8"))
        order.append("replace")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    save_checkpoint(state, PATH)
    assert order == ["fsync", "replace"]


def test_redacted_hides_addresses_paths_and_people(state: AgentState) -> None:
    """隐去之后没有地址、路径、操作员与备注，进度仍看得出来。"""
    save_checkpoint(state, PATH, redact=True)
    text = PATH.read_text(encoding="utf-8")
    operator = next(e["operator"] for e in state.events if "operator" in e)
    document = json.loads(text)["state"]
    assert [secret for secret in SECRETS if secret in text] == []
    assert str(Path.cwd()) not in text
    assert operator not in [e.get("operator") for e in document["events"]]
    for name in ("config_path", "trace_file_path", "node_url"):
        assert document[name] != getattr(state, name)
    assert document["params"]["VERSION_NUMBER"] == PARAMS["VERSION_NUMBER"]
    assert document["ip_states"][SECOND]["status"] == "FAILED"
    assert document["ip_states"][SECOND]["log_file"] != state.ip_states[SECOND].log_file


@pytest.mark.parametrize("text", ["Authorization: Bearer {}", "PAM_TOKEN={}", '{{"api_key": "{}"}}', "password: {}"])
def test_redacted_hides_a_secret_within_a_text(text: str, state: AgentState) -> None:
    """曾经的缺陷：事件的文字里写着令牌，只认键名的隐去放过了它。"""
    state.events.append({"type": "NOTE", "message": text.format("canary-9d1c") + "，完了"})
    save_checkpoint(state, PATH, redact=True)
    assert "canary-9d1c" not in PATH.read_text(encoding="utf-8")
    assert "完了" in PATH.read_text(encoding="utf-8")


def test_redacting_does_not_touch_the_state(state: AgentState) -> None:
    """隐去的只是文件，内存里的状态不变。"""
    before = json.dumps(state.to_dict(), sort_keys=True)
    save_checkpoint(state, PATH, redact=True)
    assert json.dumps(state.to_dict(), sort_keys=True) == before


def test_a_redacted_file_is_not_resumed_from(state: AgentState) -> None:
    """隐去过的文件不能读回来接着做。"""
    save_checkpoint(state, PATH, redact=True)
    with pytest.raises(InvalidInputError, match=r"ckpt\.json"):
        load_checkpoint(PATH)


def _document(**changes: Any) -> str:
    """一份改过的检查点。"""
    good = {"format": 1, "redacted": False, "state": AgentState("r1", {}, "fake").to_dict()}
    return json.dumps(good | changes)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        '{"a": 1}',
        _document(format=99),
        _document(format=None),
        _document(state=AgentState("r1", {}, "fake").to_dict() | {"ip_states": [1]}),
        _document()[:-40],
        "\x00",
    ],
)
def test_a_broken_file_is_refused(content: str, home: Path) -> None:
    """空的、半截的、不是检查点的、别的版本的：拒绝并写出路径。"""
    path = home / "bad.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"bad\.json") as caught:
        load_checkpoint(path)
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_missing_file_is_named(home: Path) -> None:
    """没有这个文件：写出路径。"""
    with pytest.raises(InvalidInputError, match=r"nowhere\.json"):
        load_checkpoint("nowhere.json")


def test_a_later_field_is_ignored(home: Path) -> None:
    """多出来的字段不妨碍读回，缺少的用默认值。"""
    state = {"run_id": "r1", "params": {}, "execution_strategy": "fake", "from_the_future": 1}
    path = home / "ckpt.json"
    path.write_text(_document(state=state), encoding="utf-8")
    again = load_checkpoint(path)
    assert (again.run_id, again.ip_states, again.events) == ("r1", {}, [])
