"""曾经的缺陷：自己写的后端不守规矩：应答不是结果、缺键、带回令牌、没有原因；以及全局流程途中没有检查点可用。"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.checkpoint_store import load_checkpoint
from pam_deploy_graph.constants import GLOBAL_ACTION_SEQUENCE
from pam_deploy_graph.errors import GlobalStepError
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.models import ActionResult, AgentState
from tests.agent.rig import FIRST, ONLINE, PARAMS, Hooked, Rig
from tests.graph.desk import Desk

TOKEN = "canary-7f3a"
Answer = Callable[[ActionResult], Any]


class Odd(FakeActionRunner):
    """把某个动作的应答改成别的样子的后端；只有同步接口。"""

    arun_action = None  # type: ignore[assignment]  # 就是要一个没有协程接口的

    def __init__(self, action: str, answer: Answer) -> None:
        """``answer`` 由本来的应答算出给的应答。"""
        super().__init__(online_ips=list(ONLINE))
        self._action, self._odd = action, answer

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """轮到那个动作就给改过的应答。"""
        result = super().run_action(state, action, **kwargs)
        given: ActionResult = self._odd(result) if action == self._action else result
        return given


def keyless(result: ActionResult) -> ActionResult:
    """成功，什么键也没有带。"""
    return ActionResult(True, result.action, result.backend)


def silent(result: ActionResult) -> ActionResult:
    """失败，没有说原因。"""
    return ActionResult(False, result.action, result.backend)


ODD: list[tuple[Answer, str]] = [
    (lambda _: None, "ActionResult"),
    (lambda result: result.values, "ActionResult"),
    (silent, "没有说明原因"),
]


@pytest.mark.parametrize(("answer", "named"), ODD, ids=["none", "dict", "silent"])
def test_an_odd_answer_is_a_failure_with_a_reason(answer: Answer, named: str, home: Path) -> None:
    """手动驾驶：那一台失败或存疑，原因说得明白，不是 ``'NoneType' object has no attribute 'ok'``。"""
    rig = Rig(Odd("deploy-ip", answer))
    state = rig.agent.run_deploy_flow(rig.state())
    assert named in state.ip_states[FIRST]["failure_reason"]
    assert state.pending_confirmation == f"rollback-ip:{FIRST}"


@pytest.mark.parametrize(("answer", "named"), ODD[2:], ids=["silent"])
def test_the_graph_asks_about_a_failed_answer(answer: Answer, named: str, tmp_path: Path) -> None:
    """图：直接注入的后端说失败而没有原因，问的是那一台。"""
    question = _through_the_graph(answer, tmp_path)
    assert (question["ask"], question["ip"]) == ("rollback-ip", FIRST)
    assert named in question["failure_reason"]


@pytest.mark.parametrize("answer", [ODD[0][0], ODD[1][0], keyless], ids=["none", "dict", "keyless"])
def test_the_graph_looks_up_what_an_unreadable_answer_did(answer: Answer, tmp_path: Path) -> None:
    """图：应答不是结果、欠着键，就是结果未知，问过工作站，确实装了，接着做完；曾经以 AttributeError 整个倒下。"""
    ended = _through_the_graph(answer, tmp_path)
    assert (ended["exit_code"], ended["counters"]["succeeded"]) == (0, len(ONLINE))


def _through_the_graph(answer: Answer, home: Path) -> dict[str, Any]:
    """在图里批准一次推出，``deploy-ip`` 的应答是 ``answer``。"""
    desk = Desk(home, InMemorySaver())
    desk.services.given_router = Odd("deploy-ip", answer)
    desk.begin()
    found = desk.answer("approve")
    desk.services.close()
    return found


@pytest.mark.parametrize("where", ["error", "values"])
def test_the_token_that_a_backend_gives_back_is_nowhere(
    where: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """后端把令牌写进原因或应答：状态、检查点、账本、报告里都没有它（contract 第 2 节）。"""
    monkeypatch.setenv("PAM_TOKEN", TOKEN)
    rig = Rig()
    values = {"SUCCESS": "no", "MESSAGE": f"Bearer {TOKEN}", "VERSION": TOKEN} if where == "values" else None
    rig.fake.fail("verify-ip", error=f"401 for {TOKEN}", values=values)
    rig.fake.fail("check-home", values={"HOME_VERSION": TOKEN})
    state = rig.agent.run_deploy_flow(rig.state(checkpoint_path="cp.json"))
    assert "***" in state.ip_states[FIRST]["failure_reason"]
    assert TOKEN not in rig.agent.render_report(state) + repr(state)
    rig.agent.confirm_pending(state, approved=False)
    left = [path for path in home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert left == []


def test_each_global_step_is_in_the_checkpoint_before_the_next(home: Path) -> None:
    """全局流程的每一步做完即存（contract 第 6 节「并存盘」），下一步动手时已经读得到。"""
    seen: list[int] = []

    def look(action: str, _ip: str | None) -> None:
        """每次动手之前读一次检查点。"""
        if action != GLOBAL_ACTION_SEQUENCE[0]:
            seen.append(len(load_checkpoint("cp.json").completed_global_steps))

    agent = PamDeployAgent(fake_runner=Hooked(FakeActionRunner(online_ips=list(ONLINE)), look))
    state = agent.create_state(params=PARAMS, execution_strategy="fake", checkpoint_path="cp.json")
    agent.run_global_flow(state)
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("action", "ip", "named"), [("format-disk", None, "format-disk"), ("stop-ip", None, "ip")])
def test_a_misused_fake_says_so(action: str, ip: str | None, named: str, rig: Rig) -> None:
    """假后端：没有的动作、没有说是哪一台，都是有原因的失败，不是 KeyError。"""
    result = rig.fake.run_action(rig.state(), action, ip=ip)
    assert (result.ok, named in result.error_summary) == (False, True)


@pytest.mark.parametrize("times", [-1, "x", 1.5], ids=repr)
def test_times_is_a_number(times: Any, rig: Rig) -> None:
    """编排失败的次数不对：当场说，不是到了那一步才 TypeError。"""
    with pytest.raises(ValueError, match="times"):
        rig.fake.fail("check-home", times=times)


@pytest.mark.parametrize("value", [["a", "b"], {"x": 1}, b"x", object()], ids=["list", "dict", "bytes", "object"])
@pytest.mark.parametrize(
    ("action", "key"), [("download-log", "LOG_FILE"), ("verify-ip", "VERSION"), ("publish-version", "PUBLISH_ID")]
)
def test_a_value_that_is_no_text_is_a_failure(action: str, key: str, value: Any, rig: Rig) -> None:
    """应答的值不成文字（脚本把一个键写了两次就是列表）：那一步失败并写出是哪个键；曾经在写账本或出报告时 TypeError。"""
    rig.fake.fail(action, values={key: value})
    state = rig.state(checkpoint_path="cp.json")
    with contextlib.suppress(GlobalStepError):
        rig.agent.run_deploy_flow(state)
    assert state.last_failed_step == action
    assert f"{key}（{type(value).__name__}）" in str(state.events)
    assert rig.agent.render_report(state)


@pytest.mark.parametrize(("value", "status"), [(True, "SUCCESS"), (1, "SUCCESS"), (False, "FAILED"), (None, "FAILED")])
def test_python_values_are_read_as_the_text_they_mean(value: object, status: str, rig: Rig) -> None:
    """``SUCCESS`` 给的是 Python 的真假、数字、空：照它的意思读；存进账本的是文字。"""
    rig.fake.fail("verify-ip", FIRST, values={"SUCCESS": value, "VERSION": 13})
    state = rig.agent.run_deploy_flow(rig.state())
    assert state.ip_states[FIRST]["status"] == status


def test_a_very_long_reason_is_cut(rig: Rig) -> None:
    """两百万字的原因：留开头，写出一共多长，不整个存进账本与报告。"""
    rig.fake.fail("verify-ip", FIRST, error="x" * 2_000_000)
    state = rig.agent.run_deploy_flow(rig.state())
    assert len(rig.agent.render_report(state)) < 5_000
    assert "2000000" in state.ip_states[FIRST]["failure_reason"]


def test_the_airport_in_small_letters_is_the_same_airport(rig: Rig) -> None:
    """节点把机场写成小写：还是那一座。"""
    rig.fake.fail("get-online-ips", values={"AIRPORT_CODE": "pek"})
    assert rig.agent.run_global_flow(rig.state()).online_ips == ONLINE


def test_a_state_made_by_the_caller_runs(rig: Rig) -> None:
    """调用者自己建的 ``AgentState``，没有写路径与后端：用默认值；曾经以 ``OSError: ... -> '.'`` 倒下。"""
    state = AgentState(run_id="mine", params=dict(PARAMS), execution_strategy="fake")
    rig.agent.run_deploy_flow(state)
    assert list(state.ip_states) == ONLINE
    assert state.config_path == "runtime/config_mine.txt"
