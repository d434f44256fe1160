"""谁可以做什么：站点的策略文件（contract 第 8 节 ``PAM_POLICY``）。"""

from pam_deploy_graph.policy.bound import NOT_SET, PEOPLE, bound_by, under, under_words
from pam_deploy_graph.policy.policy_file import POLICY, Policy, open_policy, policy_of
from pam_deploy_graph.policy.rules import Act, Asked, Rule, role_parts, role_text, role_under

__all__ = [
    "NOT_SET",
    "PEOPLE",
    "POLICY",
    "Act",
    "Asked",
    "Policy",
    "Rule",
    "bound_by",
    "open_policy",
    "policy_of",
    "role_parts",
    "role_text",
    "role_under",
    "under",
    "under_words",
]
