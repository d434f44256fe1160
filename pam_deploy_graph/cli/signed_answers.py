"""在终端里签名：策略要求的、操作员自己要的，由 ``ssh-keygen -Y sign`` 签在回答上（contract 第 8 节）。"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.constants import Ask, Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.answers import read_typed
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.deciding import Answered, signed
from pam_deploy_graph.system.terminal import put

_ASKED: Final = re.compile(r"(?P<words>.*?)\s*--sign(?:[ =](?P<key>\S.*))?", re.DOTALL)
WHICH: Final = msgid("用哪把 SSH 私钥签名（路径；直接回车是不签）> ")


def read_decision(
    runs: RunAccess, question: Mapping[str, Any], text: str, *, ask: Callable[[str], str | None]
) -> dict[str, Any]:
    """读操作员打的一个决定；末尾写了 ``--sign 密钥``，或策略要求签名的，签好。

    Args:
        runs: 策略与登记的随机数从这里来。
        question: 图问的问题。
        text: 打的字。
        ask: 再读一行：用哪把私钥。

    Returns:
        恢复值；签了的带着 ``signature``。

    Raises:
        InvalidInputError: 不是决定。

    """
    words, path = split_key(text)
    answer = read_typed(question, words, runs.operator)
    parts = _parts(question, answer)
    if path is None and not _required(runs, question, answer):
        return answer
    while path := path or (ask(tr(WHICH)) or ""):
        try:
            nonce = runs.signing(question["run_id"])["nonce"]
            made = signed(question["run_id"], nonce, parts, Path(path).expanduser())
        except InvalidInputError as error:
            put(str(error), err=True)
            path = ""
            continue
        if question["ask"] == Ask.PLAN:
            return answer | {"signature": made[0].signature}
        return {each.subject: answer[each.subject] | {"signature": each.signature} for each in made}
    return answer


def split_key(text: str) -> tuple[str, str | None]:
    """由「同意 --sign 密钥」分出决定与密钥的路径；没有写 ``--sign`` 的为 ``None``，写了没有给的为空串。"""
    asked = _ASKED.fullmatch(text)
    return (asked["words"], (asked["key"] or "").strip()) if asked else (text, None)


def _parts(question: Mapping[str, Any], answer: Mapping[str, Any]) -> list[Answered]:
    """回答里的各个决定，连同给人看过的摘要。"""
    if question["ask"] == Ask.PLAN:
        return [Answered(PLAN, question["digest"], Decision(answer["decision"]), note=answer["note"])]
    shown = {one["ip"]: one["digest"] for one in question["waiting"]}
    return [Answered(ip, shown[ip], Decision(one["decision"]), note=one["note"]) for ip, one in answer.items()]


def _required(runs: RunAccess, question: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """策略要不要签名；拒绝计划谁都可以，不必签。"""
    if question["ask"] == Ask.PLAN and answer["decision"] != Decision.APPROVE:
        return False
    return bool(runs.signing(question["run_id"])["required"])
