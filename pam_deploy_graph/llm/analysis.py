"""把一句话变成可以给人看的分析：意图、参数、计划、策略（依据 contract 第 4、8 节）。"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pam_deploy_graph.constants import DEFAULT_STRATEGY, ExecutionStrategy
from pam_deploy_graph.inputs.parameters import missing_params
from pam_deploy_graph.llm.client import LlmClient
from pam_deploy_graph.llm.rules.extraction import account_of
from pam_deploy_graph.llm.validation import Intent, validate_deploy_plan, validate_intent_result, validate_param_result
from pam_deploy_graph.models import LlmDeployPlan, LlmIntentResult, LlmParamResult

_PLANNED: Final = frozenset({Intent.DEPLOY, Intent.PREVIEW})


def choose_strategy(preference: str) -> str:
    """把策略偏好变成可执行的策略；没有点名或不认识的一律是默认策略。"""
    return preference if preference in list(ExecutionStrategy) else str(DEFAULT_STRATEGY)


def plan_for(
    client: LlmClient,
    *,
    params: Mapping[str, object],
    intent: str,
    strategy: str,
    missing: Sequence[str] = (),
) -> LlmDeployPlan | None:
    """请客户端提议计划并校验。

    Args:
        client: 语言理解的实现。
        params: 部署参数。
        intent: 意图。
        strategy: 执行策略。
        missing: 客户端说还缺的参数，包括提到了却定不下来的控制参数（如 ``target_ips``）。

    Returns:
        通过校验的模板计划；意图不需要计划，或还有缺的时为 ``None``。

    Raises:
        InvalidInputError: 提议的计划不合规程。

    """
    if intent not in _PLANNED or missing or missing_params(params):
        return None
    return validate_deploy_plan(client.generate_plan(params=params, intent=intent, strategy=strategy))


@dataclass(frozen=True, slots=True)
class Analysis:
    """一句话的分析，都校验过；``plan`` 为 ``None`` 表示意图不需要计划，或参数还没有齐。"""

    intent: LlmIntentResult
    params: LlmParamResult
    plan: LlmDeployPlan | None
    strategy: str


def analyze(client: LlmClient, text: str, base_params: Mapping[str, object] | None = None) -> Analysis:
    """分析一句话；什么也不执行。参数与错误同 ``analyze_text``。"""
    base = dict(base_params or {})
    intent = validate_intent_result(client.understand_request(text))
    params = validate_param_result(client.extract_params(text, base))
    strategy = choose_strategy(intent.strategy_preference)
    merged = {**base, **params.extracted_params}
    plan = plan_for(client, params=merged, intent=intent.intent, strategy=strategy, missing=params.missing_params)
    return Analysis(intent, params, plan, strategy)


def analyze_text(client: LlmClient, text: str, base_params: Mapping[str, object] | None = None) -> dict[str, Any]:
    """分析一句话；什么也不执行。

    Args:
        client: 语言理解的实现。
        text: 操作员的原话。
        base_params: 此前已知的部署参数；原话里的值压过它们。

    Returns:
        ``{"intent", "params": {"extracted_params", "control_params", "missing_params"}, "plan", "strategy",
        "spans"}``，        只含 JSON 值；``plan`` 可能为 ``None``，``spans`` 是每个字算作什么（contract 第 4 节）。

    Raises:
        InvalidInputError: 客户端的回答不合规矩。

    """
    return analyze_with_notes(client, text, base_params)[0]


def analyze_with_notes(
    client: LlmClient, text: str, base_params: Mapping[str, object] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """同 ``analyze_text``，另外返回要告诉操作员的话（例如模型没有用上、有什么要确认）。"""
    found = analyze(client, text, base_params)
    whole = {
        "intent": found.intent.intent,
        "params": found.params.model_dump(include={"extracted_params", "control_params", "missing_params"}),
        "plan": found.plan.model_dump() if found.plan else None,
        "strategy": found.strategy,
        "spans": [span.as_dict() for span in getattr(client, "account_of", account_of)(text)],
    }
    return whole, found.params.notes
