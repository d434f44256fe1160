"""决定表：人对一个问题的每一种回答（contract 第 5 节）。

怎么说、记成什么事件、页面上叫什么、在哪里准许，都写在这里；做什么由 ``flows.rollback`` 按这个词办。
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pam_deploy_graph.constants.statuses import RollbackStatus
from pam_deploy_graph.i18n import Worded, msgid, tr


class Decision(StrEnum):
    """人对一个问题的回答：同意、保持现状、查清实情后继续。"""

    APPROVE = "approve"
    REJECT = "reject"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Meaning:
    """一个决定用在一种问题上的意思。

    ``label`` 是时间线上的名字，``tone`` 借用处境的颜色，``button`` 是控制台按钮上的话，空串的由叫法而来；
    ``spoken`` 是只在这种问题上才说得通的词。
    """

    label: str
    tone: str
    button: str = ""
    spoken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSpec:
    """决定表的一行。

    ``word`` 是中文叫什么，``about`` 是命令行选项的说明，``does`` 是它对一台工作站做什么的短说法（提问时用），
    ``recorded`` 是记下它的事件的说明，``progress`` 是进度里的话；``note`` 是问的时候附在叫法后面的话，
    ``spoken`` 是单独说出来就算数的词，``asked_as`` 是问它会怎样时的别的叫法。
    ``leaves`` 是记下它之后那台的回滚状态，``None`` 的另有一套（回滚有它的结果，接着做的没有）。
    ``on_plan`` 为 ``None`` 的不能回答计划；``reviewable`` 的出现在审阅界面与 ``build_confirmation_request`` 里；
    ``resumes`` 的让这台工作站回到进行中。
    """

    decision: Decision
    word: str
    event: str
    about: str
    does: str
    recorded: str
    progress: str = ""
    note: str = ""
    on_workstation: Meaning
    on_plan: Meaning | None = None
    spoken: tuple[str, ...]
    asked_as: tuple[str, ...] = ()
    leaves: RollbackStatus | None
    reviewable: bool = True
    resumes: bool = False

    @property
    def offer(self) -> str:
        """问的时候怎样列出来。"""
        return tr("{word}（{note}）", word=tr(self.word), note=tr(self.note)) if self.note else tr(self.word)

    @property
    def names(self) -> tuple[str, ...]:
        """问它会怎样时的叫法。"""
        return (self.word, str(self.decision), *self.asked_as)

    def meaning(self, *, plan: bool) -> Meaning:
        """它用在计划上、或一台工作站上的意思。"""
        return self.on_plan if plan and self.on_plan else self.on_workstation


ROLL_BACK_WORD: Final = "回滚"
"""在回滚的问题上是同意；在计划的问题上不是，那里的同意是去部署。"""
_ROWS: Final = (
    DecisionSpec(
        decision=Decision.APPROVE,
        word=msgid("同意"),
        event="CONFIRMATION_APPROVED",
        about="同意（批准计划，或回滚）。",
        does=msgid("回滚"),
        recorded="同意回滚，即将执行",
        on_workstation=Meaning(msgid("批准回滚"), "rolled", msgid("回滚 {n} 台"), (ROLL_BACK_WORD,)),
        on_plan=Meaning(msgid("计划获批准"), "done", msgid("批准部署 {n} 台"), ("通过", "开始", "go")),
        spoken=(
            *("approve", "approved", "accept", "accepted", "confirm", "confirmed", "yes", "y", "ok", "okay", "sure"),
            *("同意", "批准", "确认", "确定", "可以", "可以的", "好", "好的", "行", "是", "是的"),
        ),
        asked_as=("批准", ROLL_BACK_WORD, "退回", "approv", "roll back", "rollback", "rolling back"),
        leaves=None,
    ),
    DecisionSpec(
        decision=Decision.REJECT,
        word=msgid("拒绝"),
        event="CONFIRMATION_REJECTED",
        about="不同意（拒绝计划，或保持现状）。",
        does=msgid("保持现状"),
        recorded="不回滚，保持现状",
        progress=msgid("保持现状"),
        note=msgid("保持现状"),
        on_workstation=Meaning(msgid("不回滚，保持现状"), "failed", msgid("保持 {n} 台")),
        on_plan=Meaning(msgid("计划被拒绝"), "failed", msgid("拒绝部署 {n} 台"), ("不通过", "算了")),
        spoken=(
            *("reject", "rejected", "decline", "ignore", "no", "n"),
            *("拒绝", "不同意", "不批准", "不可以", "不行", "不", "不要", "否"),
            *("不回滚", "保持", "保持现状", "保持原样"),
        ),
        asked_as=("不同意", "驳回", "保持"),
        leaves=RollbackStatus.REJECTED,
    ),
    DecisionSpec(
        decision=Decision.RETRY,
        word=msgid("重试"),
        event="RETRY_REQUESTED",
        about="查清工作站的实情，从失败的步骤继续。",
        does=msgid("查清后继续"),
        recorded="查清之后继续，这台回到进行中",
        progress=msgid("查清后继续"),
        on_workstation=Meaning(msgid("查清实情后继续"), "running", msgid("再查 {n} 台")),
        spoken=("retry", "重试", "再试", "继续"),
        asked_as=("再试",),
        leaves=None,
        reviewable=False,
        resumes=True,
    ),
)
DECISIONS: Final = {row.decision: row for row in _ROWS}
"""决定到那一行。"""
DECISION_EVENTS: Final = {decision: row.event for decision, row in DECISIONS.items()}
WORDS: Final = Worded({str(decision): row.word for decision, row in DECISIONS.items()})
"""决定到它的中文叫法。"""
REVIEW_DECISIONS: Final = [str(decision) for decision, row in DECISIONS.items() if row.reviewable]
"""审阅界面上的，也是自己掌舵时的。"""
PLAN_DECISIONS: Final = [str(decision) for decision, row in DECISIONS.items() if row.on_plan]
"""可以回答计划的。"""


def offered(decisions: Iterable[str]) -> str:
    """可以怎样回答：``approve（同意）、reject（拒绝）``。"""
    return tr("、").join(tr("{name}（{words}）", name=name, words=WORDS[name]) for name in decisions)
