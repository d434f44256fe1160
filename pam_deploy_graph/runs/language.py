"""语言理解由谁来做：宿主给的、设置里的模型，或离线规则；外面包着认得名称的一层。"""

from pam_deploy_graph.inventory import Inventory
from pam_deploy_graph.llm import GuardedLlmClient, LlmClient, NamedLlmClient, OpenAiLlmClient, RuleBasedLlmClient
from pam_deploy_graph.settings import Settings
from pam_deploy_graph.skill_policy import DEFAULT_SKILL_PATH, load_skill_policy
from pam_deploy_graph.system.resources import packaged_path


def open_client(settings: Settings, given: LlmClient | None, inventory: Inventory) -> LlmClient:
    """备好语言客户端。

    Args:
        settings: 设了模型的用模型，没有设的用离线规则。
        given: 宿主给的；给了就用它。模型与它不行时都退回规则。
        inventory: 名称清单；不是空的，就认得其中的名称。

    """
    client = _plain(settings, given)
    return NamedLlmClient(client, inventory) if inventory else client


def _plain(settings: Settings, given: LlmClient | None) -> LlmClient:
    """只认地址的语言客户端。"""
    if given is not None:
        return GuardedLlmClient(given)
    if not settings.pam_llm_model:
        return RuleBasedLlmClient()
    rules = load_skill_policy(packaged_path(DEFAULT_SKILL_PATH)).rules
    return OpenAiLlmClient.from_settings(settings, policy_rules=rules)
