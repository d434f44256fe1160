"""曾经的缺陷：小的：每条一个用例，各自独立。"""

import getpass
import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.checkpoint_store import load_checkpoint, save_checkpoint
from pam_deploy_graph.errors import InvalidInputError
from tests.agent.rig import FIRST, SECOND, THIRD, Rig, folded
from tests.agent.test_understanding import Client


def test_plain_dicts_from_the_caller_can_be_asked_about_and_reported(rig: Rig) -> None:
    """a. 调用者放进 ip_states 的普通字典：提问与报告也要认。"""
    state = rig.state()
    given: Any = {FIRST: {"status": "FAILED", "rollback_status": "PENDING_AGENT_CONFIRMATION"}}
    state.ip_states = given
    state.pending_confirmation = f"rollback-ip:{FIRST}"
    assert rig.agent.build_confirmation_request(state)["ip"] == FIRST
    assert FIRST in rig.agent.render_report(state)


def test_asking_does_not_invent_a_workstation(rig: Rig) -> None:
    """b. 问一个没开工的工作站不把它记成开工；ip_states 只含开工的。"""
    state = rig.ready()
    state.pending_confirmation = f"rollback-ip:{SECOND}"
    rig.agent.build_confirmation_request(state)
    assert state.ip_states == {}


def test_an_extraction_outside_the_schema_is_said_in_chinese(home: Path) -> None:
    """c. extract_params 的回答不合模式：InvalidInputError，与 understand_request 一样。"""

    class Wrong(Client):
        """给错东西的客户端。"""

        def extract_params(self, text: str, base_params: Any = None) -> Any:
            """不是映射。"""
            return {"extracted_params": 5}

    with pytest.raises(InvalidInputError):
        PamDeployAgent(llm_client=Wrong()).extract_params("x")


@pytest.mark.parametrize("given", [{"EVIL": "x"}, {"VERSION_NUMBER": "1;rm -rf /"}, {"PAM_TOKEN": "t"}], ids=str)
def test_extracted_parameters_are_checked(given: dict[str, str], home: Path) -> None:
    """d. 模型摘出的参数「validated」：不认识的键、不合规则的值要在这里拒绝。"""

    class Wrong(Client):
        """给错东西的客户端。"""

        def extract_params(self, text: str, base_params: Any = None) -> Any:
            """不合规则。"""
            return {"extracted_params": given}

    with pytest.raises(InvalidInputError):
        PamDeployAgent(llm_client=Wrong()).extract_params("x")


def test_the_backend_is_named_when_it_raises(rig: Rig) -> None:
    """e. 后端抛异常时事件里的 backend 是它的名字。"""

    class Raising:
        """抛异常的后端。"""

        def run_action(self, state: Any, action: str, **kwargs: Any) -> Any:
            """抛异常。"""
            raise OSError("断了")

    state = rig.state()
    with pytest.raises(RuntimeError):
        PamDeployAgent(fake_runner=Raising()).run_global_flow(state)
    assert state.events[-1]["backend"] == "fake"


def test_a_user_without_a_name_can_still_decide(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """f. 容器里的 uid 没有名字（getpass.getuser 抛 KeyError/OSError）：仍能决定，操作员写成 uid。"""

    def nobody() -> str:
        """没有名字。"""
        raise KeyError("getpwuid(): uid not found: 12345")

    state = rig.paused()
    monkeypatch.setattr(getpass, "getuser", nobody)
    rig.agent.confirm_pending(state, approved=False)
    assert state.pending_confirmation == ""


def test_a_checkpoint_without_its_state_is_refused(home: Path) -> None:
    """g. state 里缺 run_id：InvalidInputError。"""
    Path("c.json").write_text('{"format": 1, "redacted": false, "state": {}}', encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"c\.json"):
        load_checkpoint("c.json")


def test_redaction_reaches_into_sentences(rig: Rig) -> None:
    """h. redact=True：消息与失败原因里夹着的地址与路径也要隐去。"""
    rig.fake.fail("stop-ip", FIRST, error="连不上 http://pam.internal:8080/x，见 /var/log/pam/x.log")
    state = rig.agent.run_deploy_flow(rig.state())
    save_checkpoint(state, "r.json", redact=True)
    text = Path("r.json").read_text(encoding="utf-8")
    assert "pam.internal" not in text
    assert "/var/log" not in text


def test_times_are_when_it_happened(rig: Rig) -> None:
    """i. 另一个进程折叠出的 at 是事情发生的时刻，不是那一行落盘的时刻。"""
    inner = rig.fake.run_action

    async def slow(current: Any, action: str, **kwargs: Any) -> Any:
        """取日志要一会儿。"""
        if action == "download-log":
            await anyio.sleep(0.4)
        return inner(current, action, **kwargs)

    state = rig.ready(run_id="r1", target_ips=[FIRST])
    rig.fake.arun_action = slow  # type: ignore[assignment,method-assign]  # 换成会等的一个
    rig.agent.run_ip_flow(state)
    drift = [abs(a["at"] - b["at"]) for a, b in zip(state.events, folded("r1").events, strict=True)]
    assert max(drift) < 100


def test_the_fold_points_at_the_same_question(rig: Rig) -> None:
    """j. 几台同时等：内存里与另一个进程折叠出的 pending_confirmation 是同一台。"""
    rig.fake.fail("deploy-ip", SECOND)
    rig.fake.fail("stop-ip", THIRD)
    state = rig.agent.run_deploy_flow(rig.state(run_id="r1", control_params={"max_parallel": 3, "ask_after": 3}))
    assert folded("r1").pending_confirmation == state.pending_confirmation


def test_an_adopted_history_is_its_own_copy(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """k. RUN_ADOPTED 事件与活的状态共用对象：事后被改、检查点里进度写两遍；且账本里丢了接手之前的事件。"""
    rig.paused(run_id="r1", checkpoint_path=tmp_path / "c.json")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    state = load_checkpoint(tmp_path / "c.json")
    before = json.loads(json.dumps(state.to_dict()))
    rig.agent.confirm_pending(state, approved=False)
    (adopted,) = [e for e in state.events if e["type"] == "RUN_ADOPTED"]
    assert adopted["progress"]["ip_states"] == before["ip_states"]


def test_the_reason_says_that_it_failed(rig: Rig) -> None:
    """l. SUCCESS=false 而 MESSAGE 是「verify-ip 完成」：失败原因要看得出为什么失败，不能只写「完成」。"""
    rig.fake.fail("verify-ip", FIRST, values={"SUCCESS": "false"})
    state = rig.agent.run_deploy_flow(rig.state())
    assert "SUCCESS=false" in state.ip_states[FIRST].failure_reason


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_hash_is_no_hash(value: str | None, rig: Rig) -> None:
    """m. HASH_CODE 为空也算缺：不该拿空散列去发布（sync-node 照样返回空就「一致」了）。"""
    rig.fake.fail("upload-package", values={"HASH_CODE": value})
    with pytest.raises(RuntimeError, match="upload-package 执行失败"):
        rig.agent.run_global_flow(rig.state())
