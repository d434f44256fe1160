"""能做什么、做不了什么，用问话的语言说（contract 第 4 节）。"""

from typing import Final

from pam_deploy_graph.i18n import EN, language, msgid, speaking, tr
from pam_deploy_graph.llm import in_english

CANNOT: Final = msgid(
    "这个我做不了：我负责把应用模块部署到机场的工作站，也能看计划、问进度、继续、暂停、取消、把某几台退回。"
    "请说明机场、应用、模块和版本，例如：把首都机场的 checkin 应用 gate 模块升级到 1.2.3"
)
CAN: Final = msgid(
    "我能把应用模块部署到机场的工作站：先给计划，批准后逐台做，失败了先问你再回滚。"
    "随时可以问：谁批准的、为什么失败、做完了哪些、还剩哪些、哪些停用、现在什么版本、还要多久；也可以说暂停、继续、取消。"
)


def cannot(text: str) -> str:
    """做不了的事怎样答，连同能做什么。"""
    with speaking(EN if in_english(text) else language()):
        return tr(CANNOT)
