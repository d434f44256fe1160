"""不联网、结果确定的理解：规则客户端（依据 contract 第 4 节）。"""

from collections.abc import Mapping

from pam_deploy_graph.llm.planning import build_plan
from pam_deploy_graph.llm.rules.extraction import read
from pam_deploy_graph.llm.rules.rescoping import read_reply
from pam_deploy_graph.models import LlmDeployPlan, LlmIntentResult, LlmParamResult


class RuleBasedLlmClient:
    """默认的语言客户端；同样的话永远得到同样的回答。"""

    def understand_request(self, text: str) -> LlmIntentResult:
        """判断意图与策略偏好；没有点名策略时 ``strategy_preference`` 为空串。"""
        found = read(text)
        return LlmIntentResult(
            intent=found.verdict.intent,
            strategy_preference=found.control.get("execution_strategy", ""),
            confidence=found.verdict.confidence,
            reason=found.verdict.reason,
        )

    def extract_params(self, text: str, base_params: Mapping[str, object] | None = None) -> LlmParamResult:
        """摘出原话提到的参数。

        Args:
            text: 操作员的原话。
            base_params: 此前已知的部署参数，只用来判断还缺什么。

        Returns:
            只含原话提到的键；``missing_params`` 除了缺少的必填参数，还有提到了却定不下来的控制参数；
            ``notes`` 是要念给操作员听的话。

        """
        base = base_params or {}
        return read_reply(text, base).result(base)

    def generate_plan(
        self,
        *,
        params: Mapping[str, object],
        intent: str,  # noqa: ARG002 —— 接口规定的参数；规程的步骤不随意图而变
        strategy: str,
    ) -> LlmDeployPlan:
        """写出规程规定的模板计划。"""
        return build_plan(params, strategy)
