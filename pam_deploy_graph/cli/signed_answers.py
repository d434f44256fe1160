"""在终端里签名：策略要求的、操作员自己要的，由 ``ssh-keygen -Y sign`` 签在回答上（contract 第 8 节）。"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import typer

from pam_deploy_graph.audit.signing import sign, signed_bytes
from pam_deploy_graph.constants import Ask, Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.graph.answers import read_typed
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.ledger import PLAN
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.deciding import Answered

_ASKED: Final = re.compile(r"(?P<words>.*?)\s*--sign(?:[ =](?P<key>\S.*))?", re.DOTALL)
_WHICH: Final = msgid("用哪把 SSH 私钥签名（路径；直接回车是不签）> ")


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
    asked = _ASKED.fullmatch(text)
    answer = read_typed(question, asked["words"] if asked else text, runs.operator)
    parts = _parts(question, answer)
    if not asked and not _required(runs, question, answer):
        return answer
    path = (asked["key"] or "").strip() if asked else ""
    while path := path or (ask(tr(_WHICH)) or ""):
        try:
            signatures = [_signed(runs, question, Path(path).expanduser(), part) for part in parts]
        except InvalidInputError as error:
            typer.echo(str(error), err=True)
            path = ""
            continue
        if question["ask"] == Ask.PLAN:
            return answer | {"signature": signatures[0]}
        named = zip(parts, signatures, strict=True)
        return {part.subject: answer[part.subject] | {"signature": signature} for part, signature in named}
    return answer


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


def _signed(runs: RunAccess, question: Mapping[str, Any], key: Path, part: Answered) -> str:
    """签一个决定。"""
    run_id = question["run_id"]
    return sign(key, signed_bytes(run_id, runs.signing(run_id)["nonce"], part))
