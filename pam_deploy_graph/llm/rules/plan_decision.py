"""计划的问题上的一句话：同意要有一个分句字字听得懂，别的分句不碰它；不同意只要有一句说清了（contract 第 5 节）。"""

import re
from collections.abc import Sequence

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.llm.rules.decision_words import APART, CLAUSE, UnclearError, compiled, says, whole
from pam_deploy_graph.llm.text.clauses import speaks
from pam_deploy_graph.llm.text.lexicon import table


def read_plan_decision(text: str) -> Decision:
    """读计划的问题上的一句话：「好，批准」「这份计划我不同意，先打回」。

    Args:
        text: 操作员的原话。

    Returns:
        同意或不同意。同意要有一个分句字字听得懂，别的分句没有改动、条件与否定；不同意只要有一句说清了。

    Raises:
        InvalidInputError: 不是决定：在问、在犹豫、另有改动，或听不懂。

    """
    try:
        said = whole(text)
    except UnclearError:
        said = "?"
    hold = any(says(kind, said, "hold") for kind in ("asks", "any"))
    clauses = [clause.strip() for clause in CLAUSE.findall(APART.sub(",", said)) if clause.strip(" -|")]
    mine = [clause for clause in clauses if not speaks(clause, "reported")]
    agreed, refused = ([clause for clause in mine if _fully(kind, clause)] for kind in ("yes", "no"))
    others = [clause for clause in mine if clause not in {*agreed, *refused}]
    changed = any(says("change", clause, "plan") for clause in others)
    if agreed and not (refused or hold or changed):
        return Decision.APPROVE
    if (refused or _refuses(others)) and not hold and not agreed and not any(map(_amends, others)):
        return Decision.REJECT
    raise InvalidInputError(f"看不懂的决定 {text[:80]!r}；请回答 approve 或 reject，要改就说改什么")


def _fully(kind: str, clause: str) -> bool:
    """一个分句说的是不是这一类，除了虚词没有别的。"""
    data = table("decisions")["plan"]
    form = compiled(f"(?:{'|'.join([*data[kind], *data['filler']])})+")
    return says(kind, clause, "plan") and bool(form.fullmatch(clause))


def _refuses(clauses: Sequence[str]) -> bool:
    """有没有一个分句以不同意开头：「我不同意,风险没评估」「驳回:夜里不行」。"""
    data = table("decisions")["plan"]
    opening = compiled(f"(?:{'|'.join(data['filler'])})*(?:{'|'.join(data['no'])})")
    return any(opening.match(clause) and not _amends(clause) for clause in clauses)


def _amends(clause: str) -> bool:
    """一个分句说的是改哪里。"""
    return bool(re.search(r"\d|改|换|除|跳过|去掉|灰度|并发|每批|只|但|\b(?:except|but|instead|skip|only)\b", clause))
