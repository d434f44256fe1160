"""批准一并管着的策略与账户文件：各是哪个文件、什么内容；计划与每个决定都写着（contract 第 8 节）。"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pam_deploy_graph.i18n import recorded, tr
from pam_deploy_graph.policy.policy_file import POLICY, Policy

if TYPE_CHECKING:
    from pam_deploy_graph.people import PeopleBook

PEOPLE: Final = "PAM_PEOPLE"
"""计划与决定里，账户文件的路径与哈希叫什么；从前的版本没有写它。"""
_PAIR: Final = (POLICY, PEOPLE)
NOT_SET: Final = "（没有）"
"""没有设的那一样怎样写。"""


def bound_by(policy: Policy, people: "PeopleBook | None") -> dict[str, str]:
    """返回写进计划的样子；两样都没有设的为空，只设一样的写明另一样没有。"""
    found = policy.shown() | ({PEOPLE: people.shown} if people else {})
    return {name: found.get(name, NOT_SET) for name in _PAIR} if found else {}


def under(bound: Mapping[str, str]) -> str:
    """把其中的策略与账户文件写成一句，记在决定的 ``role`` 里；都没有设的为空串。"""
    return "；".join(f"{name} {bound[name]}" for name in _PAIR if name in bound)


def under_words(text: str) -> str:
    """给人看的 ``under``：都没有设的也写成一句。"""
    return recorded(text) or tr("没有策略与账户文件")
