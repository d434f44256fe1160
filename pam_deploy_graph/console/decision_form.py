"""记下人在网页上的决定：看到的与此刻的逐个对上摘要，对得上的一个事务记下，各有结局（contract 第 5、8 节）。"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.ledger import FIRST_OF_TWO, Approval
from pam_deploy_graph.runs.deciding import Answered, settle_asked
from pam_deploy_graph.runs.open_questions import pick, question_on, refuse_unoffered
from pam_deploy_graph.runs.services import Services

_CHANGED: Final = msgid("给您看过之后变了，没有记下")


@dataclass
class Outcome:
    """一次决定的结局；``refused`` 是没有作数的，各有原因。"""

    run_id: str
    decision: Decision
    recorded: list[Approval] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    @property
    def wants_another(self) -> bool:
        """要两个人批准，还差一个。"""
        return any(one.subject == FIRST_OF_TWO for one in self.recorded)

    @property
    def status(self) -> int:
        """都记下了是 200；有变了的、别人先决定的、策略不许的是 409。"""
        return 409 if self.refused else 200


def read_shown(values: Sequence[str]) -> list[tuple[str, str]]:
    """读表单里的 ``对象 摘要``。

    Raises:
        InvalidInputError: 一个也没有，或看不懂。

    """
    found = [tuple(value.split(" ")) for value in values]
    if not found or any(len(one) != 2 for one in found):  # noqa: PLR2004  一个对象、一个摘要
        raise InvalidInputError(tr("表单里没有给您看过的摘要；什么也没有记下，请回到卡片重新打开"))
    return [(one[0], one[1]) for one in found]


def decide(services: Services, run_id: str, shown: Sequence[tuple[str, str]], decision: Decision, note: str) -> Outcome:
    """记下决定。

    Args:
        services: 替作决定的人做事的部件。
        run_id: 哪次运行。
        shown: 给人看过的各个对象与摘要。
        decision: 决定。
        note: 备注。

    Raises:
        ConfirmationError: 没有在等的，或这个问题不能这样答；什么也没有记下。

    """
    actor = services.local_actor()
    outcome = Outcome(run_id, decision)
    digests = dict(shown)
    chosen, _ = pick(question_on(services.ledger, run_id), [], [digest for _, digest in shown])
    same = [one for one in chosen if digests.get(one["subject"]) == one["digest"]]
    current = {one["subject"] for one in same}
    outcome.refused = [(subject, tr(_CHANGED)) for subject, _ in shown if subject not in current]
    if not same:
        return outcome
    for question in same:
        refuse_unoffered(question, decision)
    answers = [Answered(one["subject"], one["digest"], decision, note=note) for one in same]
    for answer, settled in zip(answers, settle_asked(services, run_id, answers, actor), strict=True):
        if isinstance(settled, Approval):
            outcome.recorded.append(settled)
        else:
            outcome.refused.append((answer.subject, str(settled)))
    return outcome
