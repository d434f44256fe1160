"""账本里的一个决定写给人看：关于什么、决定了什么（纯函数）。"""

from collections.abc import Mapping
from typing import Any

from pam_deploy_graph.constants import DECISIONS
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import CANCEL, FIRST_OF_TWO, PLAN, REFUSED


def subject_of(one: Mapping[str, Any]) -> str:
    """关于什么：计划，或哪台工作站；取消的为空串。"""
    subject = str(one["subject"]).removeprefix(f"{REFUSED}:")
    return {PLAN: tr("计划"), FIRST_OF_TWO: tr("计划（两人中的第一人）"), CANCEL: ""}.get(subject, subject)


def decision_label(one: Mapping[str, Any]) -> str:
    """决定了什么；策略不许的说出来。"""
    subject = str(one["subject"]).removeprefix(f"{REFUSED}:")
    return label_of(one["decision"], plan=subject in (PLAN, FIRST_OF_TWO), refused=subject != one["subject"])


def label_of(decision: Any, *, plan: bool = False, refused: bool) -> str:
    """一个决定用在计划上、或一台工作站上叫什么；策略不许的说出来。"""
    row = DECISIONS.get(decision)
    label = tr(row.meaning(plan=plan).label) if row else str(decision)
    return tr("{label}（策略不许）", label=label) if refused else label
