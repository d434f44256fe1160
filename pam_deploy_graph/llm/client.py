"""语言理解的接口：谁来理解都行，只要答得出这三个问题（依据 contract 第 4 节）。"""

from collections.abc import Mapping
from typing import Protocol

from pam_deploy_graph.models import LlmDeployPlan, LlmIntentResult, LlmParamResult


class LlmClient(Protocol):
    """理解一句话、摘出参数、提议计划；三者都不得有副作用。"""

    def understand_request(self, text: str) -> LlmIntentResult:
        """判断意图与策略偏好。"""
        ...

    def extract_params(self, text: str, base_params: Mapping[str, object]) -> LlmParamResult:
        """摘出原话提到的参数；``base_params`` 是此前已知的，只用来判断还缺什么。"""
        ...

    def generate_plan(self, *, params: Mapping[str, object], intent: str, strategy: str) -> LlmDeployPlan:
        """提议计划。"""
        ...
