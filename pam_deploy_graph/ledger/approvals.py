"""人的决定：对「问题的摘要」插入一行，插入成功者作数（比较并设置）。

问题变了，摘要就变，旧的决定自然不算数，会再问一次。
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from pam_deploy_graph.errors import AlreadyDecidedError
from pam_deploy_graph.ledger.chain import to_text
from pam_deploy_graph.ledger.clock import now_ms, shown_time
from pam_deploy_graph.ledger.engine import reading, writing
from pam_deploy_graph.ledger.schema import approvals

PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Approval:
    """一条已作出的决定；``subject`` 是 ``plan`` 或工作站地址。"""

    subject: str
    digest: str
    decision: str
    operator: str
    note: str
    decided_at: int


def digest_of(shown: Mapping[str, Any]) -> str:
    """返回给人看的内容的 SHA-256（十六进制）。"""
    canonical = json.dumps(shown, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def decide(engine: Engine, run_no: int, approval: Approval) -> Approval:
    """记下决定；同样的决定再来一次视为同一次（崩溃后重放）。

    Raises:
        AlreadyDecidedError: 已有人先作了不同的决定，或同样的决定出自别人；消息说明是谁。

    """
    approval = replace(approval, decided_at=now_ms(), note=to_text(approval.note), operator=to_text(approval.operator))
    values = {name: getattr(approval, name) for name in approval.__slots__}
    try:
        with writing(engine) as connection:
            connection.execute(insert(approvals).values(run_no=run_no, **values))
    except IntegrityError:
        return _same_or_refuse(engine, run_no, approval)
    return approval


def lookup(engine: Engine, run_no: int, subject: str, digest: str) -> Approval | None:
    """查某个问题的决定；还没有人决定时为 ``None``。"""
    query = select(approvals).where(
        approvals.c.run_no == run_no, approvals.c.subject == subject, approvals.c.digest == digest
    )
    with reading(engine) as connection:
        row = connection.execute(query).mappings().first()
    return _approval(row) if row else None


def all_of(engine: Engine, run_no: int) -> list[Approval]:
    """返回一次运行的全部决定，按时间先后。"""
    query = select(approvals).where(approvals.c.run_no == run_no).order_by(approvals.c.decided_at)
    with reading(engine) as connection:
        return [_approval(row) for row in connection.execute(query).mappings()]


def _same_or_refuse(engine: Engine, run_no: int, mine: Approval) -> Approval:
    """已有决定：与我的相同就用它，否则告知是谁作的。"""
    theirs = lookup(engine, run_no, mine.subject, mine.digest)
    if theirs and (theirs.decision, theirs.operator) == (mine.decision, mine.operator):
        return theirs
    who = f"{theirs.operator} 在 {shown_time(theirs.decided_at)} 决定了 {theirs.decision}" if theirs else "别人已先决定"
    raise AlreadyDecidedError(f"{mine.subject}：{who}，这一次不再作数")


def _approval(row: Any) -> Approval:
    """从一行还原。"""
    return Approval(**{name: row[name] for name in Approval.__slots__})
