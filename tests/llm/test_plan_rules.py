"""计划与意图的校验：只有规程之内的提议能通过。"""

from collections.abc import Callable

import pytest

from pam_deploy_graph.constants import ACTIONS, GLOBAL_ACTION_SEQUENCE, IP_ACTION_SEQUENCE
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.llm import (
    RuleBasedLlmClient,
    analyze_text,
    choose_strategy,
    validate_deploy_plan,
    validate_intent_result,
)
from pam_deploy_graph.models import LlmDeployPlan, LlmIntentResult, PlanStep

ALL = [*GLOBAL_ACTION_SEQUENCE, *IP_ACTION_SEQUENCE]
COMPLETE = {"AIRPORT_CODE": "PVG", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "2.3.4"}


def plan_of(actions: list[str], ips: list[str] | None = None) -> LlmDeployPlan:
    """写一份计划；给了 ``ips`` 就按台展开。"""
    steps = [PlanStep(action=action) for action in actions]
    steps += [PlanStep(action=action, ip=ip) for ip in ips or [] for action in IP_ACTION_SEQUENCE]
    return LlmDeployPlan(steps=steps)


@pytest.mark.parametrize("strategy", ["hybrid_node_mcp", "script_only", "fake"])
def test_rule_plan_is_valid(strategy: str) -> None:
    """规则客户端写的计划合规程，每一步有中文说明，摘要说清对象。"""
    plan = RuleBasedLlmClient().generate_plan(params=COMPLETE, intent="deploy", strategy=strategy)
    assert [step.action for step in validate_deploy_plan(plan).steps] == ALL
    assert all(step.description and step.ip is None for step in plan.steps)
    assert all(value in plan.summary for value in (*COMPLETE.values(), strategy))


def test_expanded_plan_is_valid_for_requested_ips() -> None:
    """按台展开的计划在操作员要求的范围内有效，IP 改成规范写法。"""
    plan = validate_deploy_plan(
        plan_of(GLOBAL_ACTION_SEQUENCE, ["10.0.0.1", "FD00::1"]), target_ips=["10.0.0.1", "fd00::1"]
    )
    assert plan.steps[-1].ip == "fd00::1"


@pytest.mark.parametrize(
    ("actions", "match"),
    [
        ([], "check-home"),
        (["check-home"], "upload-package"),
        ([action for action in ALL if action != "verify-ip"], "verify-ip"),
        (ALL[::-1], "check-home"),
        ([*ALL, "download-log"], "没有"),
        ([*ALL, "rollback-ip"], "rollback-ip"),
        (["query-ip", *ALL], "query-ip"),
        (["rm -rf /", *ALL], "不认识"),
        ([*ALL[:-1], "Download-Log"], "不认识"),
    ],
)
def test_bad_order_is_refused(actions: list[str], match: str) -> None:
    """少一步、多一步、换次序、不认识或不许写进计划的动作都拒绝。"""
    with pytest.raises(InvalidInputError, match=match):
        validate_deploy_plan(plan_of(actions))


@pytest.mark.parametrize("left_out", ALL)
def test_no_action_can_be_left_out(left_out: str) -> None:
    """任何一步都不能省。"""
    with pytest.raises(InvalidInputError, match=left_out):
        validate_deploy_plan(plan_of([action for action in ALL if action != left_out]))


@pytest.mark.parametrize(
    ("ips", "allowed"),
    [
        (["10.0.0.1"], None),
        (["10.0.0.1"], []),
        (["10.0.0.1", "10.0.0.9"], ["10.0.0.1"]),
        (["10.0.0.1"], ["10.0.0.1", "10.0.0.2"]),
        (["10.0.0.0/30"], ["10.0.0.1", "10.0.0.2"]),
        (["10.0.0.1;reboot"], ["10.0.0.1"]),
    ],
)
def test_unrequested_ips_are_refused(ips: list[str], allowed: list[str] | None) -> None:
    """没人要求的工作站进不了计划，要求了的也不能漏。"""
    with pytest.raises(InvalidInputError):
        validate_deploy_plan(plan_of(GLOBAL_ACTION_SEQUENCE, ips), target_ips=allowed)


def test_global_step_takes_no_ip() -> None:
    """全局步骤不针对某一台。"""
    plan = plan_of(GLOBAL_ACTION_SEQUENCE, ["10.0.0.1"])
    plan.steps[0] = PlanStep(action="check-home", ip="10.0.0.1")
    with pytest.raises(InvalidInputError, match="check-home"):
        validate_deploy_plan(plan, target_ips=["10.0.0.1"])


def test_mapping_outside_the_schema_is_refused() -> None:
    """多余的字段、错误的类型都不算计划；名字的列表可以。"""
    assert validate_deploy_plan({"steps": ALL}).steps[0].action == "check-home"
    for plan in ({"steps": ALL, "shell": "reboot"}, {"steps": "check-home"}, {"steps": [{"tool": "x"}]}):
        with pytest.raises(InvalidInputError, match="模式"):
            validate_deploy_plan(plan)


@pytest.mark.parametrize("intent", ["deploy", "preview", "status", "resume", "rollback", "cancel", "unknown"])
def test_known_intents_pass(intent: str) -> None:
    """七种意图都有效，不认识的策略偏好留给使用者换成默认。"""
    result = validate_intent_result(LlmIntentResult(intent=intent, strategy_preference="magic"))
    assert (result.intent, choose_strategy(result.strategy_preference)) == (intent, "hybrid_node_mcp")


@pytest.mark.parametrize("result", [{"intent": "reboot"}, {"intent": "deploy", "confidence": 2}, {}])
def test_bad_intents_are_refused(result: dict[str, object]) -> None:
    """七种之外的意图、越界的把握和缺字段都拒绝。"""
    with pytest.raises(InvalidInputError):
        validate_intent_result(result)


@pytest.mark.parametrize(
    ("spoil", "planned"), [(lambda params: params, True), (lambda params: params.pop("APP_NAME"), False)]
)
def test_analyze_plans_only_when_nothing_is_missing(spoil: Callable[[dict[str, str]], object], planned: bool) -> None:  # noqa: FBT001 —— 期望值本来就是真假
    """参数齐全才有计划；分析结果正好是规定的五个键。"""
    base = dict(COMPLETE)
    spoil(base)
    result = analyze_text(RuleBasedLlmClient(), "升级一下", base)
    assert list(result) == ["intent", "params", "plan", "strategy", "spans"]
    assert list(result["params"]) == ["extracted_params", "control_params", "missing_params"]
    assert (result["plan"] is not None) is planned


def test_every_action_has_a_phase_in_the_plan_or_not() -> None:
    """动作表里除回滚与对账之外的动作都在计划里。"""
    assert set(ACTIONS) - set(ALL) == {"rollback-ip", "query-ip"}
