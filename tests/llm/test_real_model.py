"""接一个真实的模型服务：``make test-llm``，要先设好 ``PAM_LLM_MODEL`` 与 ``OPENAI_BASE_URL``。"""

import pytest

from pam_deploy_graph.llm import Intent, OpenAiLlmClient, RuleBasedLlmClient
from pam_deploy_graph.scope import validate_control, validate_params
from pam_deploy_graph.settings import Settings
from tools.eval import DATA, load

pytestmark = pytest.mark.llm


@pytest.mark.timeout(600)
def test_a_real_model_answers_within_the_rules() -> None:
    """模型答得准不准不管，答的一定合规矩：意图认识、值过得了检查、范围不比规则听到的大。"""
    settings = Settings()
    if not settings.pam_llm_model:
        pytest.skip("没有设置 PAM_LLM_MODEL")
    client, rules = OpenAiLlmClient.from_settings(settings), RuleBasedLlmClient()
    answered = 0
    for case in load(DATA / "heldout.jsonl")[:10]:
        intent, found = client.understand_request(case.text), client.extract_params(case.text, {})
        answered += intent.reason.startswith("模型 ")
        assert intent.intent in list(Intent)
        assert validate_params(found.extracted_params) == found.extracted_params
        assert validate_control(found.control_params) == found.control_params
        wanted = rules.extract_params(case.text, {}).control_params
        assert found.control_params.get("target_ips") == wanted.get("target_ips")
    assert answered, "模型一次也没有用上"
