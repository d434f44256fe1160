"""谁可以做什么：站点的策略文件（contract 第 8 节 ``PAM_POLICY``）。"""

from pam_deploy_graph.policy.policy_file import POLICY, Policy, open_policy, policy_of
from pam_deploy_graph.policy.rules import Act, Asked, Rule, role_parts, role_text

__all__ = ["POLICY", "Act", "Asked", "Policy", "Rule", "open_policy", "policy_of", "role_parts", "role_text"]
