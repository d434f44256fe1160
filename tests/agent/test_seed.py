"""``PamDeployAgent`` 对调用者的约定，逐行（contract 第 6 节）：名字、类型、事件、步骤、预演、报告、与图不同之处。"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pam_deploy_graph.action_router import ActionRouter
from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.checkpoint_store import load_checkpoint, save_checkpoint
from pam_deploy_graph.constants import ACTIONS, GLOBAL_ACTION_SEQUENCE, IP_ACTION_SEQUENCE, build_action_backends
from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.llm import RuleBasedLlmClient
from pam_deploy_graph.models import ActionResult, AgentState, Event, LlmIntentResult
from pam_deploy_graph.script_runner import select_script_entry
from pam_deploy_graph.settings import Settings
from tests.agent.rig import FIRST, ONLINE, PARAMS, SECOND, THIRD, Rig, failed_calls, folded

NAMES = {
    "agent": "PamDeployAgent",
    "action_router": "ActionRouter build_action_backends",
    "checkpoint_store": "save_checkpoint load_checkpoint",
    "config_writer": "write_config",
    "constants": "DEFAULT_PARAMS GLOBAL_ACTION_SEQUENCE IP_ACTION_SEQUENCE REQUIRED_PARAMS",
    "fake_runner": "FakeActionRunner",
    "llm": "LlmClient RuleBasedLlmClient validate_deploy_plan validate_intent_result",
    "mcp_runner": "McpActionRunner",
    "script_runner": "ScriptActionRunner select_script_entry",
    "skill_policy": "load_skill_policy",
    "models": "AgentState ExecutionStrategy LlmDeployPlan LlmIntentResult LlmParamResult",
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module in NAMES for name in NAMES[module].split()])
def test_names_import(module: str, name: str) -> None:
    """公开的名字都导得到。"""
    assert hasattr(importlib.import_module(f"pam_deploy_graph.{module}"), name)


@pytest.mark.parametrize(
    "name", ["skill_policy", "script_base_dir", "script_runner", "fake_runner", "mcp_runner", "llm_client", "router"]
)
def test_parts_are_readable(name: str, rig: Rig) -> None:
    """各部件都可以读；给了的就是给的那一个。"""
    assert getattr(rig.agent, name) is not None
    assert rig.agent.fake_runner is rig.fake
    assert isinstance(rig.agent.script_base_dir, Path)


@pytest.mark.parametrize("strategy", ["hybrid_node_mcp", "script_only", "fake"])
def test_fields_of_a_new_state(strategy: str, rig: Rig) -> None:
    """新建的状态：没有的文字是空串，绝不是 ``None``；脚本入口不论策略。"""
    state = rig.state(execution_strategy=strategy)
    texts = ["pending_confirmation", "hash_code", "node_url", "last_success_step", "last_failed_step"]
    assert [getattr(state, name) for name in (*texts, "checkpoint_path")] == [""] * 6
    assert state.script_entry == select_script_entry()
    for name in ("target_ips", "online_ips", "completed_global_steps", "events"):
        assert getattr(state, name) == []
        assert isinstance(getattr(state, name), list)
    assert state.ip_states == {}


def test_workstations_are_dicts(rig: Rig) -> None:
    """每台的状态是普通的字典，写成 JSON 不变。"""
    state = rig.agent.run_deploy_flow(rig.state())
    assert isinstance(state.ip_states[FIRST], dict)
    assert json.loads(json.dumps(state.ip_states)) == state.ip_states


def told(state: AgentState, **having: Any) -> list[Event]:
    """有这些键值的事件，去掉时刻、应答的值与退出码。"""
    more = {"at", "values", "exit_code"}
    shown = [{name: value for name, value in event.items() if name not in more} for event in state.events]
    return [event for event in shown if having.items() <= event.items()]


def only(state: AgentState, **having: Any) -> Event:
    """恰好一个。"""
    (event,) = told(state, **having)
    return event


@pytest.mark.parametrize("action", GLOBAL_ACTION_SEQUENCE)
def test_event_of_a_global_step(action: str, rig: Rig) -> None:
    """全局步骤：``message`` 是原因，或 ``ok``。"""
    state = rig.agent.run_global_flow(rig.state())
    expected = {"type": "ACTION_DONE", "stage": action, "backend": "fake", "message": "ok"}
    assert expected.items() <= only(state, stage=action).items()
    rig.fake.fail(action, error="坏了", times=1)
    state = rig.state(run_id="second")
    with pytest.raises(RuntimeError, match=f"{action} 执行失败: 坏了"):
        rig.agent.run_global_flow(state)
    assert only(state, type="ACTION_FAIL") == expected | {"type": "ACTION_FAIL", "message": "坏了"}


@pytest.mark.parametrize("action", IP_ACTION_SEQUENCE)
def test_event_of_a_workstation_step(action: str, rig: Rig) -> None:
    """工作站的步骤：``message`` 是原因，其次应答的 ``MESSAGE``，再其次 ``ok``。"""
    rig.fake.fail(action, SECOND, values={"MESSAGE": "说了一句"})
    rig.fake.fail(action, THIRD, error="坏了", times=1)
    state = rig.agent.run_deploy_flow(rig.state())
    expected = {"type": "ACTION_DONE", "stage": action, "backend": "fake", "ip": FIRST}
    own = "" if "SUCCESS" in ACTIONS[action].gives else f"{action} 完成"
    assert only(state, stage=action, ip=FIRST) == expected | {"message": own or "ok"}
    assert only(state, stage=action, ip=SECOND)["message"] == "说了一句"
    failed = told(state, stage=action, ip=THIRD)[0]
    assert failed == expected | {"type": "ACTION_FAIL", "ip": THIRD, "message": "坏了"}


def test_events_of_a_workstation(rig: Rig) -> None:
    """开工与完工。"""
    state = rig.agent.run_deploy_flow(rig.state())
    assert only(state, type="IP_START", ip=FIRST) == {"type": "IP_START", "ip": FIRST, "message": "start"}
    assert only(state, type="IP_DONE", ip=FIRST) == {"type": "IP_DONE", "ip": FIRST, "message": "success"}


def test_event_of_those_not_online(rig: Rig) -> None:
    """要求了而不在线的：恰好一个事件。"""
    state = rig.agent.run_deploy_flow(rig.state(target_ips=[SECOND, "10.0.0.9", FIRST]))
    assert only(state, type="TARGET_SCOPE_CHANGED") == {
        "type": "TARGET_SCOPE_CHANGED",
        "message": "some requested IPs are not online",
        "missing_ips": ["10.0.0.9"],
        "target_ips": [SECOND, FIRST],
    }


@pytest.mark.parametrize("action", IP_ACTION_SEQUENCE)
def test_event_of_a_failure(action: str, rig: Rig) -> None:
    """一台失败了：问的事件在失败的步骤之后，取日志的事件在它之后。"""
    state = rig.paused(action)
    expected = {
        "type": "CONFIRMATION_REQUIRED",
        "stage": "rollback-ip",
        "ip": FIRST,
        "stop_first": action in ("start-ip", "verify-ip"),
        "message": f"{action} 执行失败，需要确认是否回滚",
    }
    assert expected.items() <= only(state, type="CONFIRMATION_REQUIRED").items()
    kinds = [(event["type"], event.get("stage")) for event in state.events if event.get("ip") == FIRST]
    at = kinds.index(("ACTION_FAIL", action))
    log = [] if action == "download-log" else [("ACTION_DONE", "download-log")]
    assert kinds[0] == ("IP_START", None)
    assert kinds[at:] == [("ACTION_FAIL", action), ("CONFIRMATION_REQUIRED", "rollback-ip"), *log]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("ACTION_DONE", "已下载日志")),
        ({"error": "磁盘满"}, ("ACTION_FAIL", "磁盘满")),
        ({"error": ""}, ("ACTION_FAIL", "下载日志失败（不影响结果）")),
    ],
)
def test_event_of_the_log_of_a_failure(given: dict[str, str], expected: tuple[str, str], rig: Rig) -> None:
    """失败之后取日志：成不成都有事件，最初的原因与步骤不变。"""
    if given:
        rig.fake.fail("download-log", **given)  # type: ignore[arg-type]  # 只有 error 这一个键
    state = rig.paused("deploy-ip")
    kind, message = expected
    event = only(state, stage="download-log")
    assert {"type": kind, "backend": "fake", "ip": FIRST, "message": message}.items() <= event.items()
    workstation = state.ip_states[FIRST]
    assert (workstation["failed_stage"], workstation["failure_reason"]) == ("deploy-ip", "deploy-ip 坏了")
    assert (state.last_failed_step, workstation["completed_steps"]) == ("deploy-ip", ["stop-ip"])
    assert bool(workstation["log_file"]) is (not given)


@pytest.mark.parametrize(("note", "message"), [("先不动", "先不动"), ("", "rollback rejected by operator")])
def test_event_of_a_declined_rollback(note: str, message: str, rig: Rig) -> None:
    """不回滚：``message`` 是备注，没有就是固定的一句。"""
    state = rig.paused()
    rig.agent.confirm_pending(state, approved=False, operator_note=note)
    expected = {"type": "CONFIRMATION_REJECTED", "stage": "rollback-ip", "ip": FIRST, "message": message}
    assert expected.items() <= only(state, type="CONFIRMATION_REJECTED").items()


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({}, "ACTION_DONE", "ok"),
        ({"values": {"MESSAGE": "退好了"}}, "ACTION_DONE", "退好了"),
        ({"error": "退不了"}, "ACTION_FAIL", "退不了"),
        ({"values": {"SUCCESS": "false", "MESSAGE": "没有上一版"}}, "ACTION_FAIL", "没有上一版"),
    ],
)
def test_event_of_a_rollback(given: dict[str, Any], kind: str, message: str, rig: Rig) -> None:
    """回滚执行了：就是那个动作的结果；成功之后步骤的记录随之改变，失败仍然等着。"""
    if given:
        rig.fake.fail("rollback-ip", **given)
    state = rig.paused()
    rig.agent.confirm_pending(state, approved=True)
    event = only(state, stage="rollback-ip", backend="fake")
    assert event == {"type": kind, "stage": "rollback-ip", "backend": "fake", "ip": FIRST, "message": message}
    done = kind == "ACTION_DONE"
    assert state.ip_states[FIRST]["rollback_status"] == ("ROLLBACK_DONE" if done else "ROLLBACK_FAILED")
    assert state.pending_confirmation == ("" if done else f"rollback-ip:{FIRST}")
    steps = ("rollback-ip", "") if done else ("get-online-ips", "rollback-ip")
    assert (state.last_success_step, state.last_failed_step) == steps


def test_last_steps(rig: Rig) -> None:
    """``last_success_step`` 只随全局步骤与回滚走；``last_failed_step`` 是失败的那一步。"""
    state = rig.agent.run_global_flow(rig.state())
    assert (state.last_success_step, state.last_failed_step) == (GLOBAL_ACTION_SEQUENCE[-1], "")
    rig.fake.fail("start-ip", SECOND)
    rig.agent.run_ip_flow(state)
    assert (state.last_success_step, state.last_failed_step) == (GLOBAL_ACTION_SEQUENCE[-1], "start-ip")
    rig.agent.confirm_pending(state, approved=True)
    assert (state.last_success_step, state.last_failed_step) == ("rollback-ip", "")


PREVIEW = """## PAM 部署预演

- 执行策略: {strategy}
- PAM_HOME: {home}
- PAM_NODE: {node}
- 机场: PEK
- 应用: checkin
- 模块: gate
- 版本: 1.3.0

| action | backend |
| --- | --- |
"""


@pytest.mark.parametrize(
    ("strategy", "home", "node"),
    [
        ("hybrid_node_mcp", "脚本 action", "MCP"),
        ("script_only", "脚本 action", "脚本 action"),
        ("fake", "fake", "fake"),
    ],
)
def test_preview_to_the_letter(strategy: str, home: str, node: str, rig: Rig) -> None:
    """预演的每一行。"""
    text = rig.agent.preview(PARAMS, strategy)
    head = PREVIEW.format(strategy=strategy, home=home, node=node)
    backends = build_action_backends(strategy)
    rows = "".join(f"| `{action}` | `{backends[action]}` |\n" for action in GLOBAL_ACTION_SEQUENCE)
    assert text.startswith(head + rows)


REPORT = """## PAM 智能部署报告

- 执行策略: fake
- 机场: PEK
- 应用: checkin
- 模块: gate
- 版本: 1.3.0
- 在线工作站数: 3
- 目标工作站数: 3
- 成功: 1
- 失败: 1
- 待确认: {pending}

| IP | 状态 | 失败阶段 | 回滚状态 | 日志 |
| --- | --- | --- | --- | --- |
| 10.0.0.1 | SUCCESS | - | ROLLBACK_NOT_RUN | logs/r1/10.0.0.1.log |
| 10.0.0.2 | FAILED | stop-ip | {rollback} | - |
"""


@pytest.mark.parametrize(
    ("approved", "pending", "rollback"),
    [
        (None, "rollback-ip:10.0.0.2", "PENDING_AGENT_CONFIRMATION"),
        (True, "-", "ROLLBACK_DONE"),
        (False, "-", "REJECTED_BY_OPERATOR"),
    ],
)
def test_report_to_the_letter(approved: Any, pending: str, rollback: str, rig: Rig) -> None:
    """报告的每一行：数目、待确认的、只有开了工的工作站、空的格子写 ``-``。"""
    rig.fake.fail("download-log", SECOND)
    state = rig.paused("stop-ip", SECOND, run_id="r1")
    if approved is not None:
        rig.agent.confirm_pending(state, approved=approved)
    assert rig.agent.render_report(state).startswith(REPORT.format(pending=pending, rollback=rollback))


class Answers:
    """别人写的路由：结果是自己的类型，只有 ``ok``、``backend``、``values``、``error_summary``。"""

    def __init__(self, **overrides: Mapping[str, Any]) -> None:
        """``overrides``：动作（下划线代替连字符）的应答；别的动作照假后端的真相答。"""
        self._overrides = {name.replace("_", "-"): values for name, values in overrides.items()}
        self._fake = FakeActionRunner(online_ips=list(ONLINE))
        self.calls: list[tuple[str, str | None]] = []

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> Any:
        """回答。"""
        self.calls.append((action, kwargs.get("ip")))
        values = self._overrides.get(action) or self._fake.run_action(state, action, **kwargs).values
        return SimpleNamespace(ok=True, backend="own", values=values, error_summary="")


@pytest.mark.parametrize("values", [{"MESSAGE": "好"}, {"SUCCESS": "true"}, {"SUCCESS": True, "RUNNING": "true"}])
@pytest.mark.parametrize("action", ["verify_ip", "rollback_ip"])
def test_judged_by_the_answer_alone(action: str, values: dict[str, Any], rig: Rig) -> None:
    """只凭 ``ok`` 与 ``SUCCESS`` 判断：缺 ``SUCCESS``、``MESSAGE``、``RUNNING`` 的不是失败；换上的路由立即起作用。"""
    router = Answers(**{action: values, "start_ip": {"SUCCESS": "x"}})
    state = rig.paused()
    rig.agent.router = router
    rig.agent.confirm_pending(state, approved=True)
    assert state.ip_states[FIRST]["rollback_status"] == "ROLLBACK_DONE"
    rig.agent.run_ip_flow(state)
    assert state.ip_states[SECOND]["status"] == "SUCCESS"
    assert only(state, stage="verify-ip", ip=SECOND)["backend"] == "own"
    assert "query-ip" not in {name for name, _ in router.calls}


@pytest.mark.parametrize("said", ["false", "0", "no", False, ""])
def test_a_verification_that_says_no(said: object, rig: Rig) -> None:
    """``SUCCESS`` 不是 true/1/yes 就是失败。"""
    rig.agent.router = Answers(verify_ip={"SUCCESS": said})
    state = rig.agent.run_deploy_flow(rig.state())
    assert (state.ip_states[FIRST]["status"], state.ip_states[FIRST]["rollback_stop_first"]) == ("FAILED", True)


class Silent:
    """一个动作没有答复的后端，其余照常。"""

    def __init__(self, action: str, inner: FakeActionRunner) -> None:
        """``action`` 的结果未知。"""
        self._action, self._inner = action, inner

    def run_action(self, state: AgentState, action: str, **kwargs: Any) -> ActionResult:
        """没有答复，或照常。"""
        answer = self._inner.run_action(state, action, **kwargs)
        if action != self._action:
            return answer
        return ActionResult.failure(action, "fake", "没有答复", in_doubt=True)


@pytest.mark.parametrize("action", ["stop-ip", "deploy-ip", "start-ip"])
def test_an_unknown_outcome(action: str, rig: Rig) -> None:
    """结果未知：``IN_DOUBT``，其余同失败；不查证、不重发；报告里两边都不算，另有一行点名。"""
    rig.agent.router = ActionRouter(fake_runner=Silent(action, rig.fake))
    state = rig.agent.run_deploy_flow(rig.state())
    assert state.ip_states[FIRST]["status"] == "IN_DOUBT"
    assert state.pending_confirmation == f"rollback-ip:{FIRST}"
    assert only(state, type="CONFIRMATION_REQUIRED")["message"] == f"{action} 执行失败，需要确认是否回滚"
    assert rig.calls[len(GLOBAL_ACTION_SEQUENCE) :] == failed_calls(action, FIRST)
    lines = rig.agent.render_report(state).splitlines()
    assert {"- 成功: 0", "- 失败: 0", f"- 结果未知: {FIRST}"} <= {*lines}
    question = rig.agent.build_confirmation_request(state)
    assert question["allowed_decisions"] == ["approve", "reject"]


def test_a_rollback_of_unknown_outcome_is_only_called_again(rig: Rig) -> None:
    """回滚的结果未知：仍然等着；再同意就再调用一次，不查证。"""
    state = rig.paused()
    rig.agent.router = ActionRouter(fake_runner=Silent("rollback-ip", rig.fake))
    for _ in range(2):
        rig.agent.confirm_pending(state, approved=True)
        assert state.pending_confirmation == f"rollback-ip:{FIRST}"
    assert rig.calls == [("rollback-ip", FIRST)] * 2
    assert all("to_version" not in kwargs for kwargs in rig.kwargs("rollback-ip", FIRST))


def test_exactly_the_calls_named(rig: Rig) -> None:
    """一步不多：全局六步，每台五步；失败的一台到失败为止，再取一次日志。"""
    rig.fake.fail("start-ip", SECOND)
    state = rig.agent.run_deploy_flow(rig.state())
    rig.agent.confirm_pending(state, approved=True)
    rig.agent.run_ip_flow(state)
    names = [(action, ip) for action, ip in rig.calls if ip == SECOND]
    assert names == [*failed_calls("start-ip", SECOND), ("rollback-ip", SECOND)]
    assert not {"query-ip"} & {action for action, _ in rig.calls}


def test_another_client_takes_effect(rig: Rig) -> None:
    """换上的语言理解立即起作用。"""

    class Curt(RuleBasedLlmClient):
        """什么都是问进度。"""

        def understand_request(self, text: str) -> LlmIntentResult:
            """不看原话。"""
            return LlmIntentResult(intent="status", reason=text)

    rig.agent.llm_client = Curt()
    assert rig.agent.understand_request("部署").intent == "status"
    assert rig.agent.analyze_request("部署")["intent"].intent == "status"


def test_settings_come_from_the_environment_alone(home: Path, monkeypatch: pytest.MonkeyPatch, rig: Rig) -> None:
    """当前目录与用户配置目录里的 ``.env`` 都不读；环境变量才算。"""
    for folder in (home, home / "config" / "pam-deploy"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".env").write_text("PAM_HOME_URL=http://127.0.0.1:9\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    assert rig.agent.normalize_params(PARAMS)["PAM_HOME_URL"] != "http://127.0.0.1:9"
    monkeypatch.setenv("PAM_HOME_URL", "http://127.0.0.1:8")
    assert rig.agent.normalize_params(PARAMS)["PAM_HOME_URL"] == Settings().pam_home_url == "http://127.0.0.1:8"


def test_scripts_and_rules_of_the_callers_folder(home: Path) -> None:
    """默认先用调用者当前目录的 ``doc_scripts``，没有才用随包的。"""
    packaged = PamDeployAgent(fake_runner=FakeActionRunner()).skill_policy
    folder = home / "doc_scripts"
    folder.mkdir()
    (folder / "pam_action.sh").write_text("#!/bin/bash\n")
    (folder / "PAM_AUTO_DEPLY_SKILL.md").write_text("---\nname: ours\ndescription: 本场的规程\n---\n正文\n")
    agent = PamDeployAgent(fake_runner=FakeActionRunner())
    state = agent.create_state(params=PARAMS, execution_strategy="fake")
    assert (state.script_entry, agent.skill_policy.name) == ("doc_scripts/pam_action.sh", "ours")
    assert packaged.name != "ours"


@pytest.mark.parametrize("run_id", ["a", "9", "A_b.c-d", "x" * 64])
def test_run_ids(run_id: str, rig: Rig) -> None:
    """合规则的运行名，以及由它而来的路径。"""
    state = rig.state(run_id=run_id)
    assert (state.run_id, state.config_path) == (run_id, f"runtime/config_{run_id}.txt")
    assert state.trace_file_path == f"logs/api_trace_{run_id}.log"
    assert Path(state.config_path).is_file()


@pytest.mark.parametrize("run_id", ["", "_a", ".a", "-a", "a/b", "a b", "x" * 65, "中"])
def test_no_run_ids(run_id: str, rig: Rig) -> None:
    """不合规则的运行名：什么也没有写。"""
    with pytest.raises(ValueError, match="run_id"):
        rig.state(run_id=run_id)
    assert not list(Path().glob("runtime/config_*"))


def test_a_checkpoint_at_every_pause_and_at_the_end(rig: Rig) -> None:
    """给了路径：每次停下与结束时都整个写好，读回来就是此刻的状态。"""
    path = Path("runtime/checkpoint.json")
    rig.fake.fail("verify-ip", FIRST, times=1)
    state = rig.state(checkpoint_path=path)
    rig.agent.run_global_flow(state)
    assert load_checkpoint(path).completed_global_steps == GLOBAL_ACTION_SEQUENCE
    rig.agent.run_ip_flow(state)
    assert load_checkpoint(path).pending_confirmation == f"rollback-ip:{FIRST}"
    rig.agent.confirm_pending(state, approved=False)
    assert load_checkpoint(path).pending_confirmation == ""
    rig.agent.run_ip_flow(state)
    assert load_checkpoint(path).ip_states == state.ip_states


@pytest.mark.parametrize("redact", [False, True])
def test_a_redacted_checkpoint(redact: bool, rig: Rig) -> None:  # noqa: FBT001 —— 参数表里的一列
    """``redact=True`` 隐去地址与路径；默认不隐去。"""
    state = rig.agent.run_deploy_flow(rig.state())
    save_checkpoint(state, "given.json", redact=redact)
    assert (state.params["PAM_HOME_URL"] in Path("given.json").read_text()) is not redact


def test_ledgers_written_before_still_fold(rig: Rig) -> None:
    """以前的事件（``LOG_SAVED``、``ROLLBACK_DONE``，没有 ``message`` 的）照样折得出同样的状态。"""
    from pam_deploy_graph.ledger.fold import apply

    state = rig.paused()
    rig.agent.confirm_pending(state, approved=True)
    old = folded(state.run_id)
    blank = AgentState(run_id="old", params=PARAMS, execution_strategy="fake")
    for event in old.events:
        fields = {name: value for name, value in event.items() if name not in ("message", "stop_first")}
        if event.get("best_effort"):
            fields = {"type": "LOG_SAVED", "ip": event["ip"], "log_file": event["values"]["LOG_FILE"]}
        elif event["type"] == "ACTION_DONE" and event["stage"] == "rollback-ip":
            fields["type"] = "ROLLBACK_DONE"
        apply(blank, fields)
    keys = ("last_key", "before_attempt")  # 由 INTENT 而来，它不在 events 里
    assert [{k: v for k, v in one.items() if k not in keys} for one in blank.ip_states.values()] == [
        {k: v for k, v in one.items() if k not in keys} for one in old.ip_states.values()
    ]
    assert (blank.last_success_step, blank.pending_confirmation) == ("rollback-ip", "")
