"""检查点与账本：何时存、存了什么、谁说了算（contract 第 6 节）。"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.checkpoint_store import load_checkpoint
from pam_deploy_graph.constants import GLOBAL_ACTION_SEQUENCE
from tests.agent.rig import FIRST, ONLINE, SECOND, THIRD, Rig, folded, global_calls, ip_calls, without_times

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKPOINT = Path("keep/ckpt.json")


def _saved() -> dict[str, Any]:
    """检查点文件里的状态。"""
    document: dict[str, Any] = json.loads(CHECKPOINT.read_text(encoding="utf-8"))
    state: dict[str, Any] = document["state"]
    return state


def test_nothing_is_written_without_a_path(rig: Rig) -> None:
    """没有给 ``checkpoint_path``：只有账本和配置，没有别的文件。"""
    rig.agent.run_deploy_flow(rig.state(run_id="r1"))
    names = {path.name for path in Path().rglob("*") if path.is_file()}
    assert {name for name in names if not name.startswith("pam.db")} == {"config_r1.txt"}


def test_saved_at_every_pause_and_at_the_end(rig: Rig) -> None:
    """每次停下与结束时都写，文件与内存里的状态一字不差。"""
    rig.fake.fail("start-ip", SECOND, times=1)
    state = rig.state(checkpoint_path=CHECKPOINT)
    steps: list[Callable[[], object]] = [
        lambda: rig.agent.run_global_flow(state),
        lambda: rig.agent.run_ip_flow(state),
        lambda: rig.agent.confirm_pending(state, approved=True),
        lambda: rig.agent.run_ip_flow(state),
    ]
    for step in steps:
        step()
        assert load_checkpoint(CHECKPOINT).to_dict() == state.to_dict()
    assert _saved()["ip_states"][THIRD]["status"] == "SUCCESS"


def test_going_on_from_a_checkpoint(rig: Rig) -> None:
    """从停下处的检查点读回，新的代理接着做，前面的一步也不重做。"""
    rig.paused(run_id="r1", checkpoint_path=CHECKPOINT)
    state = load_checkpoint(CHECKPOINT)
    agent = PamDeployAgent(fake_runner=rig.fake)
    assert agent.build_confirmation_request(state)["ip"] == FIRST
    agent.confirm_pending(state, approved=False)
    agent.run_deploy_flow(state)
    assert rig.calls == ip_calls(SECOND, THIRD)
    assert without_times(folded("r1")) == without_times(state)


@pytest.mark.parametrize("kept_after", ["global", "first"])
def test_the_ledger_knows_more_than_an_older_checkpoint(kept_after: str, rig: Rig) -> None:
    """检查点比账本旧：以账本为准，做过的不再做，状态与账本一致。"""
    state = rig.state(run_id="r1", target_ips=[FIRST, SECOND], checkpoint_path=CHECKPOINT)
    rig.agent.run_global_flow(state)
    if kept_after == "first":
        rig.fake.fail("stop-ip", FIRST, times=1)
        rig.agent.run_ip_flow(state)
        rig.agent.confirm_pending(state, approved=False)
    older = CHECKPOINT.read_bytes()
    rig.agent.run_ip_flow(state)
    CHECKPOINT.write_bytes(older)
    rig.fake.calls.clear()
    again = load_checkpoint(CHECKPOINT)
    assert without_times(again) != without_times(state)
    PamDeployAgent(fake_runner=rig.fake).run_deploy_flow(again)
    assert rig.calls == []
    assert without_times(again) == without_times(state) == without_times(folded("r1"))


def test_a_checkpoint_from_elsewhere_is_adopted(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """账本里没有这次运行（检查点来自别处）：接过已有的进度继续，别的进程也看得到。"""
    rig.paused(run_id="r1", checkpoint_path=tmp_path / "ckpt.json")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    state = load_checkpoint(tmp_path / "ckpt.json")
    rig.agent.confirm_pending(state, approved=False)
    rig.agent.run_deploy_flow(state)
    assert rig.calls == ip_calls(SECOND, THIRD)
    seen = folded("r1")
    assert (seen.ip_states, seen.completed_global_steps) == (state.ip_states, GLOBAL_ACTION_SEQUENCE)
    assert (seen.hash_code, seen.online_ips) == (state.hash_code, ONLINE)


def test_what_the_caller_sets_is_kept(rig: Rig) -> None:
    """调用者直接改的属性随检查点保存，读回仍在。"""
    state = rig.state(checkpoint_path=CHECKPOINT)
    state.completed_global_steps = GLOBAL_ACTION_SEQUENCE[:5]
    state.hash_code, state.node_url = "ab" * 32, "http://node:1"
    rig.agent.run_global_flow(state)
    assert rig.calls == global_calls()[5:]
    again = load_checkpoint(CHECKPOINT)
    assert (again.hash_code, again.node_url) == ("ab" * 32, "http://node:1")
    assert again.completed_global_steps == GLOBAL_ACTION_SEQUENCE
