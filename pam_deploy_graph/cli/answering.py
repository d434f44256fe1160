"""``confirm`` 的里面：写出答的是什么，记下，说出各自的结局（contract 第 8 节）。"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pam_deploy_graph.constants import Decision, ExitCode
from pam_deploy_graph.errors import ConfirmationError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.deciding import Answered, signed
from pam_deploy_graph.runs.open_questions import refuse_unoffered
from pam_deploy_graph.runs.status import show_questions
from pam_deploy_graph.system.terminal import put


@dataclass
class Recorded:
    """一次 ``confirm`` 的结局；``refused`` 是没有作数的，各一句原因。"""

    run_id: str
    decision: Decision
    operator: str = ""
    account: str = ""
    note: str = ""
    subjects: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    wants_another: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """都记下了是 0；有变了的、别人先决定的、策略不许的是 10。"""
        return ExitCode.WAITING if self.refused else ExitCode.DONE

    def as_dict(self) -> dict[str, Any]:
        """写成 JSON 对象。"""
        said = {"run_id": self.run_id, "decision": str(self.decision), "subjects": self.subjects}
        said |= {"operator": self.operator, "account": self.account, "note": self.note}
        return said | {"refused": self.refused, "wants_another": self.wants_another}

    def text(self) -> str:
        """写给人看。"""
        lines = [tr("没有作数：{reason}", reason=reason) for reason in self.refused]
        if self.wants_another:
            lines.append(
                tr(
                    "已记下：{subjects} → {decision}；策略要求两个人批准，还要另一个人",
                    subjects=tr("、").join(self.subjects),
                    decision=self.decision,
                )
            )
        elif self.subjects:
            lines.append(
                tr(
                    "已记下：{subjects} → {decision}；用 resume {run_id} 执行",
                    subjects=tr("、").join(self.subjects),
                    decision=self.decision,
                    run_id=self.run_id,
                )
            )
        return "\n".join(lines)


def answer(
    runs: RunAccess,
    run_id: str,
    decision: Decision,
    *,
    ips: Sequence[str],
    digests: Sequence[str],
    note: str,
    operator: str,
    key: Path | None,
) -> Recorded:
    """写出答的是什么，记下。

    Raises:
        ConfirmationError: 没有在等的、指定的不在等、这个问题不能这样答，或没有终端而没有给计划的摘要。

    """
    asked = runs.asked(run_id, ips, digests)
    chosen = asked["questions"]
    _refuse(chosen, decision, digests)
    put("\n".join(show_questions(chosen)), err=True)
    answers = [Answered(q["subject"], q["digest"], decision, operator, note) for q in chosen]
    if key:
        answers = signed(run_id, asked["nonce"], answers, key)
    done = runs.settle(run_id, [asdict(each) for each in answers])
    found = Recorded(run_id, decision, operator or done["operator"], done["account"], note)
    found.refused = [
        tr("{code}…: 给人看过之后变了，或不再等着；再看一眼 status {run_id}", code=code, run_id=run_id)
        for code in asked["gone"]
    ]
    for each, outcome in zip(answers, done["outcomes"], strict=True):
        found.refused += [outcome["refused"]] if outcome["refused"] else []
        found.subjects += [] if outcome["refused"] else [each.subject]
        found.wants_another |= outcome["wants_another"]
    return found


def _refuse(chosen: Sequence[dict[str, Any]], decision: Decision, digests: Sequence[str]) -> None:
    """计划不能 ``--retry``；没有终端时批准计划要说批准的是哪一份。"""
    about_plan = any(question["subject"] == PLAN for question in chosen)
    for question in chosen:
        refuse_unoffered(question, decision)
    seen = sys.stdin.isatty() and sys.stderr.isatty()
    if about_plan and decision is Decision.APPROVE and not digests and not seen:
        raise ConfirmationError(tr("没有终端时批准计划要给 --digest：批准的是哪一份（status 里有摘要）"))
