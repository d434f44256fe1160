"""语言理解：把一句话变成意图、参数和计划；只提议，不执行（依据 contract 第 4 节）。"""

from pam_deploy_graph.llm.analysis import Analysis, analyze, analyze_text, analyze_with_notes, choose_strategy
from pam_deploy_graph.llm.client import LlmClient
from pam_deploy_graph.llm.fallback_client import GuardedLlmClient
from pam_deploy_graph.llm.model.openai_client import OpenAiLlmClient
from pam_deploy_graph.llm.named_client import NamedLlmClient
from pam_deploy_graph.llm.planning import in_own_words
from pam_deploy_graph.llm.rule_client import RuleBasedLlmClient
from pam_deploy_graph.llm.rules.decision_lexicon import read_plan_decision, speaks_of_consent, speaks_of_decisions
from pam_deploy_graph.llm.rules.extraction import account_of
from pam_deploy_graph.llm.rules.intents import GUESSED
from pam_deploy_graph.llm.rules.joint import Joint, read_joint
from pam_deploy_graph.llm.rules.question_kinds import in_english, question_kinds
from pam_deploy_graph.llm.rules.rescoping import merge_control, wants_all
from pam_deploy_graph.llm.rules.spoken_decisions import asks_again_for_failed, read_spoken_decisions
from pam_deploy_graph.llm.validation import Intent, validate_deploy_plan, validate_intent_result, validate_param_result

__all__ = [
    "GUESSED",
    "Analysis",
    "GuardedLlmClient",
    "Intent",
    "Joint",
    "LlmClient",
    "NamedLlmClient",
    "OpenAiLlmClient",
    "RuleBasedLlmClient",
    "account_of",
    "analyze",
    "analyze_text",
    "analyze_with_notes",
    "asks_again_for_failed",
    "choose_strategy",
    "in_english",
    "in_own_words",
    "merge_control",
    "question_kinds",
    "read_joint",
    "read_plan_decision",
    "read_spoken_decisions",
    "speaks_of_consent",
    "speaks_of_decisions",
    "validate_deploy_plan",
    "validate_intent_result",
    "validate_param_result",
    "wants_all",
]
