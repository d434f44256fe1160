"""接任何 OpenAI 兼容地址的语言客户端；不行就由离线规则回答，并告诉操作员（依据 contract 第 4 节）。"""

from collections.abc import Mapping
from typing import Self

from pydantic import SecretStr

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.client import LlmClient
from pam_deploy_graph.llm.model.answer_schema import ProposedPlan, Understanding, UnderstandingSchema
from pam_deploy_graph.llm.model.grounding import ground
from pam_deploy_graph.llm.model.key_travel import check_key_travel
from pam_deploy_graph.llm.model.prompts import plan_messages, understand_messages
from pam_deploy_graph.llm.model.structured_model import ModelUnavailableError, StructuredModel
from pam_deploy_graph.llm.rule_client import RuleBasedLlmClient
from pam_deploy_graph.llm.rules.extraction import read
from pam_deploy_graph.llm.rules.hostile import is_hostile
from pam_deploy_graph.llm.rules.intents import GUESSED
from pam_deploy_graph.llm.rules.key_values import hide_secrets
from pam_deploy_graph.llm.rules.rescoping import read_reply
from pam_deploy_graph.llm.validation import validate_deploy_plan
from pam_deploy_graph.models import LlmDeployPlan, LlmIntentResult, LlmParamResult
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.system.masking import learn, mask
from pam_deploy_graph.system.tls import TlsFiles


class OpenAiLlmClient:
    """用模型补规则没有听出的；每个值都要在原话里有着落，计划要合规程，模型不行时由 ``fallback`` 回答。"""

    def __init__(
        self,
        *,
        model: str,
        base_url: str = "",
        api_key: str | SecretStr = "",
        timeout: float = 20.0,
        fallback: LlmClient | None = None,
        policy_rules: str = "",
        tls: TlsFiles | None = None,
    ) -> None:
        """记下怎样找到模型；此时不连接，也不导入 langchain-openai。

        Args:
            model: 模型名。
            base_url: OpenAI 兼容的地址；空串是 OpenAI 自己的。
            api_key: 密钥；只交给 HTTP 客户端，不打印、不记录。
            timeout: 一问一答连同重试的总时限，秒。
            fallback: 模型不行时回答的人；默认是离线规则。
            policy_rules: 操作规程的正文，写计划时给模型看。
            tls: 站点的 CA 与客户端证书。

        Raises:
            InvalidInputError: 证书的文件用不了。

        """
        secret = api_key if isinstance(api_key, SecretStr) else SecretStr(api_key)
        learn(secret.get_secret_value())
        self._model = StructuredModel(model, base_url, secret, timeout, tls.context() if tls else None)
        self._fallback = fallback or RuleBasedLlmClient()
        self._policy_rules = policy_rules
        self._last: tuple[str, Understanding | str] | None = None

    @classmethod
    def from_settings(cls, settings: Settings, *, policy_rules: str = "") -> Self:
        """按 ``PAM_LLM_MODEL``、``OPENAI_BASE_URL``、``OPENAI_API_KEY`` 建一个。

        Raises:
            InvalidInputError: 没有设置模型名，或密钥会去来源比它弱的地址。

        """
        if not settings.pam_llm_model:
            raise InvalidInputError(tr("没有设置 PAM_LLM_MODEL：请写明用哪个模型，或者不用模型（离线规则）"))
        check_key_travel(settings)
        return cls(
            model=settings.pam_llm_model,
            base_url=settings.openai_base_url,
            api_key=settings.openai_api_key,
            policy_rules=policy_rules,
            tls=settings.tls(),
        )

    def __repr__(self) -> str:
        """不含密钥的称呼。"""
        return f"OpenAiLlmClient(model={self._model.name!r}, base_url={self._model.base_url!r})"

    def understand_request(self, text: str) -> LlmIntentResult:
        """由模型判断意图，规则说得准的照规则；模型不行时由离线规则判断，``reason`` 里说明原因。"""
        answer = self._understand(text)
        if isinstance(answer, str):
            result = self._fallback.understand_request(text)
            return result.model_copy(update={"reason": tr("{answer}；{reason}", answer=answer, reason=result.reason)})
        rules = read(text, suggested=answer.intent)
        heard, agreed = rules.verdict, rules.verdict.intent is answer.intent
        refused = tr(
            "模型 {model} 说是 {intent}，没有采用：{reason}",
            model=self._model.name,
            intent=answer.intent,
            reason=heard.reason,
        )
        return LlmIntentResult(
            intent=heard.intent,
            strategy_preference=rules.control.get("execution_strategy", ""),
            confidence=min(answer.confidence, max(heard.confidence, GUESSED)) if agreed else heard.confidence,
            reason=tr("模型 {model} 的判断", model=self._model.name) if agreed else refused,
        )

    def extract_params(self, text: str, base_params: Mapping[str, object] | None = None) -> LlmParamResult:
        """规则没有读到的由模型补上，没有着落的不要；模型不行时由离线规则摘，``notes`` 里说明原因。"""
        base = dict(base_params or {})
        answer = self._understand(text)
        if isinstance(answer, str):
            result = self._fallback.extract_params(text, base)
            return result.model_copy(update={"notes": [answer, *result.notes]})
        return ground(answer, read_reply(text, base, suggested=answer.intent), base).result(base)

    def generate_plan(self, *, params: Mapping[str, object], intent: str, strategy: str) -> LlmDeployPlan:
        """由模型写计划；不合规程或没有回答时，用规程的计划，``warnings`` 里说明原因。"""
        try:
            proposal = self._model.ask(ProposedPlan, plan_messages(params, strategy, self._policy_rules))
            return validate_deploy_plan(proposal.model_dump())
        except (ModelUnavailableError, InvalidInputError) as error:
            plan = self._fallback.generate_plan(params=params, intent=intent, strategy=strategy)
            return plan.model_copy(
                update={"warnings": [*plan.warnings, tr("计划由规程写成，没有用模型的：{error}", error=error)]}
            )

    def _understand(self, text: str) -> Understanding | str:
        """问模型；同一句话只问一次。返回回答，或者不能用模型的原因。"""
        if self._last is None or self._last[0] != text:
            self._last = (text, self._consult(text))
        return self._last[1]

    def _consult(self, text: str) -> Understanding | str:
        """把遮去秘密的原话交给模型；想改变规矩的话不给模型看。"""
        if is_hostile(text):
            return tr("原话里有想改变规矩的话，没有交给模型，由离线规则理解")
        try:
            return self._model.ask(UnderstandingSchema, understand_messages(hide_secrets(mask(text))))
        except ModelUnavailableError as error:
            return tr("模型没有用上（{error}），由离线规则理解", error=error)
