"""批准的字节就是部署的字节：HOME、节点报回的哈希不是批准的那一份，就停在发布之前（contract 第 3、5 节）。"""

import hashlib
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.models import AgentState
from tests.graph.desk import FAKE, PARAMS, Desk

WRONG = "f" * 64


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """一份安装包。"""
    path = tmp_path / "gate.pkg"
    path.write_bytes(b"the release people looked at")
    return path


def _digest(path: Path) -> str:
    """一个文件的 SHA-256。"""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("by_home", [True, False])
def test_the_plan_names_the_bytes(tmp_path: Path, package: Path, by_home: bool) -> None:  # noqa: FBT001  两种情形
    """给出了安装包就是它的哈希，HOME 已有这个版本就是 HOME 那一份的；批准之前什么也没有传。"""
    desk = Desk(tmp_path, InMemorySaver())
    question = desk.begin(PARAMS if by_home else {**PARAMS, "PACKAGE_PATH": str(package)})
    named = hashlib.sha256(b"checkin/gate/1.2.3").hexdigest() if by_home else _digest(package)
    assert named in question["plan"]["text"]
    assert question["plan"]["package"] == named
    assert desk.actions() == []


@pytest.mark.parametrize(
    ("action", "never"),
    [("upload-package", "publish-version"), ("publish-version", "sync-node"), ("sync-node", "stop-ip")],
)
def test_other_bytes_stop_the_run(tmp_path: Path, action: str, never: str) -> None:
    """上传、发布、同步任何一步报回别的哈希：说出错的是哪一份，下一步不做。"""
    desk = Desk(tmp_path, InMemorySaver())
    approved = desk.begin()["plan"]["package"]
    desk.fake.fail(action, values={"HASH_CODE": WRONG})
    out = desk.answer("approve")
    assert (out["phase"], out["exit_code"]) == ("stopped", 12)
    assert WRONG in out["problem"]
    if action != "sync-node":  # 节点的先与 HOME 的比，说的是两者不同
        assert approved in out["problem"]
    assert never not in {name for name, _ in desk.actions()}


def test_a_file_swapped_after_the_approval_is_asked_about_again(tmp_path: Path, package: Path) -> None:
    """批准之后换了文件：没有上传，就地提出新的计划，说出哈希变了。"""
    desk = Desk(tmp_path, InMemorySaver())
    first = desk.begin({**PARAMS, "PACKAGE_PATH": str(package)})["plan"]
    assert first["package"] == _digest(package)
    package.write_bytes(b"something else")
    again = desk.answer("approve")["plan"]
    assert again["package"] == _digest(package)
    said = next(line for line in again["text"].splitlines() if "安装包（" in line)
    assert (first["package"][:12] in said, again["package"][:12] in said) == (True, True), said
    assert desk.actions() == []
    assert desk.answer("approve")["exit_code"] == 0


def test_approval_in_advance_does_not_cover_swapped_bytes(
    tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--yes`` 只管这个命令提出的第一份计划：换了文件，新的计划要人来批准。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.services.preapproved["r1"] = "ops"
    lock = desk.services.ledger.lock_module

    def swap_then_lock(state: AgentState) -> None:
        """批准之后、动手之前换掉文件。"""
        package.write_bytes(b"something else")
        lock(state)

    monkeypatch.setattr(desk.services.ledger, "lock_module", swap_then_lock)
    asked = desk.say({"run_id": "r1", "params": {**PARAMS, "PACKAGE_PATH": str(package)}, "control": FAKE})
    assert (asked["ask"], asked["plan"]["package"]) == ("approve_plan", _digest(package))
    assert desk.actions() == []


def test_a_package_that_cannot_be_read_is_said_before_the_plan(tmp_path: Path) -> None:
    """给出的安装包读不了：提出计划之前就说，不拿未知的字节请人批准。"""
    desk = Desk(tmp_path, InMemorySaver())
    out = desk.begin({**PARAMS, "PACKAGE_PATH": str(tmp_path / "gone.pkg")})
    assert (out["phase"], "gone.pkg" in out["problem"]) == ("stopped", True)
