"""曾经的缺陷：调用者或节点给的值不够规矩：文字 ``"reject"`` 当成同意，空串当成有待确认事项，同一台列了两次。"""

from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.errors import ConfirmationError, InvalidInputError
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.settings import Settings
from tests.agent.rig import FIRST, ONLINE, SECOND, Rig, ip_calls


@pytest.mark.parametrize("approved", ["reject", "false", "approve", 0, 1, None, []], ids=repr)
def test_only_true_or_false_is_an_approval(approved: Any, rig: Rig) -> None:
    """``approved="reject"`` 曾经按真值回滚；不是布尔的一律拒绝，没有调用，问题照旧等着。"""
    state = rig.paused()
    with pytest.raises(InvalidInputError, match="approved"):
        rig.agent.confirm_pending(state, approved=approved)
    assert (rig.calls, state.pending_confirmation) == ([], f"rollback-ip:{FIRST}")


@pytest.mark.parametrize("emptied", ["", None])
def test_an_emptied_confirmation_is_set_again(emptied: Any, rig: Rig) -> None:
    """调用者清掉待确认事项而那台还在等：重新设上，没有调用；空串曾经被当成有事项而从此卡住。"""
    state = rig.paused()
    state.pending_confirmation = emptied
    assert rig.agent.run_ip_flow(state).pending_confirmation == f"rollback-ip:{FIRST}"
    assert rig.calls == []


def test_an_empty_text_is_no_confirmation(rig: Rig) -> None:
    """调用者把「没有」写成空串：照常推进，停下时照常设上。"""
    state = rig.ready()
    state.pending_confirmation = ""
    rig.fake.fail("stop-ip", SECOND)
    assert rig.agent.run_ip_flow(state).pending_confirmation == f"rollback-ip:{SECOND}"


def test_a_workstation_listed_twice_is_one(rig: Rig) -> None:
    """节点把同一台列了两次：在线与目标都只算一台。"""
    rig.fake.fail("get-online-ips", values={"IP": [SECOND, FIRST, SECOND]})
    state = rig.agent.run_deploy_flow(rig.state())
    assert (state.online_ips, state.target_ips) == ([SECOND, FIRST], [SECOND, FIRST])
    expected = ip_calls(SECOND, FIRST)
    assert rig.calls[-len(expected) :] == expected


def test_a_global_step_done_at_last_is_no_failed_step(rig: Rig) -> None:
    """全局步骤失败之后重做成功：``last_failed_step`` 不再说它失败。"""
    rig.fake.fail("publish-version", times=1)
    state = rig.state()
    with pytest.raises(RuntimeError):
        rig.agent.run_global_flow(state)
    assert rig.agent.run_global_flow(state).last_failed_step == ""
    assert state.online_ips == ONLINE


@pytest.mark.parametrize("targets", [5, 3.5, True], ids=repr)
def test_targets_that_are_no_list_are_refused(targets: Any, rig: Rig) -> None:
    """目标不是列表也不是文字：说出参数与值，而不是 Python 的 TypeError。"""
    with pytest.raises(InvalidInputError, match="target_ips"):
        rig.state(target_ips=targets)


@pytest.mark.parametrize("pending", ["rollback-ip", "rollback-ip:", "rollback-ip: ", "rollback-ip:x;y"])
def test_a_confirmation_of_no_workstation_is_refused(pending: str, rig: Rig) -> None:
    """待确认事项没有写明是哪一台：拒绝；曾经对着空的地址去回滚。"""
    state = rig.ready()
    state.pending_confirmation = pending
    with pytest.raises(ConfirmationError, match="哪台工作站"):
        rig.agent.confirm_pending(state, approved=True)
    assert rig.calls == []


@pytest.mark.parametrize("name", ["config_path", "trace_file_path", "checkpoint_path"])
@pytest.mark.parametrize("path", ["folder", "file/below", "a\nb"])
def test_a_path_that_cannot_be_written_is_refused_first(name: str, path: str, rig: Rig, home: Path) -> None:
    """要写的文件写不了（是目录、在一个文件下面）：登记之前就说是哪个参数；曾经做了一步才以 OSError 停下。"""
    (home / "folder").mkdir()
    (home / "file").touch()
    with pytest.raises(InvalidInputError, match=name):
        rig.state(**{name: path}, run_id="r1")
    assert not Ledger(Settings().store_url(home)).exists("r1")


@pytest.mark.parametrize("name", ["config_path", "trace_file_path", "checkpoint_path", "script_entry"])
def test_an_empty_path_is_none_given(name: str, rig: Rig) -> None:
    """路径给了空串：等于没有给；曾经拿当前目录当文件写。"""
    state = rig.agent.run_deploy_flow(rig.state(**{name: ""}))
    assert (list(state.ip_states), bool(state.config_path)) == (ONLINE, True)
