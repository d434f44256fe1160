"""宿主自己的语言客户端怎样用才安全：它出了错、答得不合规矩，由离线规则回答，并告诉操作员（依据 contract 第 4 节）。"""

from collections.abc import Callable, Mapping
from typing import Any

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.client import LlmClient
from pam_deploy_graph.llm.rule_client import RuleBasedLlmClient
from pam_deploy_graph.llm.validation import validate_deploy_plan, validate_intent_result, validate_param_result
from pam_deploy_graph.models import LlmDeployPlan, LlmIntentResult, LlmParamResult
from pam_deploy_graph.system.masking import masked


class GuardedLlmClient:
    """包着别的客户端的客户端；图用它，一次坏回答不会掀翻一次运行。"""

    def __init__(self, inner: LlmClient) -> None:
        """收下宿主给的客户端。"""
        self._inner = inner
        self._rules = RuleBasedLlmClient()

    def understand_request(self, text: str) -> LlmIntentResult:
        """判断意图；``inner`` 不行时由规则判断，``reason`` 里说明原因。"""
        found = _tried(lambda: validate_intent_result(self._inner.understand_request(text)))
        if isinstance(found, LlmIntentResult):
            return found
        result = self._rules.understand_request(text)
        return result.model_copy(update={"reason": tr("{found}；{reason}", found=found, reason=result.reason)})

    def extract_params(self, text: str, base_params: Mapping[str, object]) -> LlmParamResult:
        """摘出参数；``inner`` 不行时由规则摘，``notes`` 里说明原因。"""
        found = _tried(lambda: validate_param_result(self._inner.extract_params(text, base_params)))
        if isinstance(found, LlmParamResult):
            return found
        result = self._rules.extract_params(text, base_params)
        return result.model_copy(update={"notes": [found, *result.notes]})

    def generate_plan(self, *, params: Mapping[str, object], intent: str, strategy: str) -> LlmDeployPlan:
        """提议计划；不合规程时用规程的计划，``warnings`` 里说明原因。"""
        found = _tried(
            lambda: validate_deploy_plan(self._inner.generate_plan(params=params, intent=intent, strategy=strategy))
        )
        if isinstance(found, LlmDeployPlan):
            return found
        plan = self._rules.generate_plan(params=params, intent=intent, strategy=strategy)
        return plan.model_copy(update={"warnings": [*plan.warnings, found]})


def _tried(ask: Callable[[], Any]) -> Any:
    """问一次，回答先过遮盖之门；不行时返回给人看的原因。别人的异常只说是哪一种：它的文字里可能有密钥。"""
    try:
        found = ask()
        return type(found).model_validate(masked(found.model_dump()))
    except InvalidInputError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001  客户端是别人写的，什么都可能抛出
        why = type(error).__name__
    return tr("语言客户端的回答没有用上（{why}），由离线规则代替", why=why)
