"""多机场部署（campaign）：一份计划、一次批准，每个机场是一次普通的运行（contract 第 8 节）。

没有第二份记录：各机场的运行登记时带着同一份安排，处境由它们的账本得出；杀掉了再来，照样接得上。
"""

from pam_deploy_graph.campaigns.joint_plan import CampaignPlan, approve, launch, plan_of
from pam_deploy_graph.campaigns.overview import Overview, look
from pam_deploy_graph.campaigns.schedule import CampaignRollout

__all__ = [
    "CampaignPlan",
    "CampaignRollout",
    "Overview",
    "approve",
    "launch",
    "look",
    "plan_of",
]
