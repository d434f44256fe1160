"""人的决定与取消：对「问题的摘要」插入一行，插入成功者作数（比较并设置）。

问题变了，摘要就变，旧的决定自然不算数，会再问一次。它们由别的进程写，每次运行自成一条链：
编号只增，``link`` 与上一个决定相连，另记下作决定时看到的运行写到了第几行。
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from pam_deploy_graph.errors import AlreadyDecidedError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import chain, rows
from pam_deploy_graph.ledger.chain import to_text
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.ledger.engine import reading, writing
from pam_deploy_graph.ledger.outlast import outlasting
from pam_deploy_graph.ledger.schema import decisions, runs
from pam_deploy_graph.system.account import current_operator
from pam_deploy_graph.system.shown_time import zoned_moment

PLAN = "plan"
FIRST_OF_TWO: Final = f"{PLAN}/1"
"""要两个人批准的计划，第一个人的那一份。"""
REFUSED: Final = "refused"
"""策略不许的决定，记在 ``refused:对象`` 名下；它不是任何问题的答案。"""
CANCEL = "cancel"
"""取消也是一个决定，``digest`` 为空串：一次运行只取消一次。"""
_CONTENT: Final = [column for column in decisions.c if column.name != "run_no"]
_OF_RUN: Final = decisions.c.run_no == bindparam("run_no")
_FOUND: Final = select(*_CONTENT).where(
    _OF_RUN, decisions.c.subject == bindparam("subject"), decisions.c.digest == bindparam("digest")
)
_LINK_OF: Final = select(decisions.c.link).where(_OF_RUN, decisions.c.number == bindparam("number"))


@dataclass(frozen=True, slots=True)
class Approval:
    """一条已作出的决定。

    ``subject`` 是 ``plan``、``cancel`` 或工作站地址。``operator`` 是自报的名字，``account`` 是动手的账号，
    ``role`` 是凭什么身份（没有角色的为空串），``channel`` 是从哪里来的（``cli``、``graph``、``agent``……）。
    ``signature`` 是本人的 SSH 签名，没有签的为空串。``number`` 起的其余几个由账本填写，
    ``link`` 与 ``head_link`` 是十六进制。
    """

    subject: str
    digest: str
    decision: str
    operator: str
    note: str
    decided_at: int
    account: str = ""
    role: str = ""
    channel: str = ""
    number: int = 0
    head_seq: int = 0
    head_link: str = ""
    signature: str = ""
    link: str = ""

    def taken_in(self) -> dict[str, Any]:
        """执行它的事件要带上的字段：决定链上的编号与链接。"""
        return {"decision_number": self.number, "decision_link": self.link}


def digest_of(shown: Mapping[str, Any]) -> str:
    """返回给人看的内容的 SHA-256（十六进制）。"""
    canonical = json.dumps(shown, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def decide(engine: Engine, run_no: int, approval: Approval) -> Approval:
    """记下决定；同样的决定再来一次视为同一次（崩溃后重放）。

    Raises:
        AlreadyDecidedError: 已有人先作了不同的决定，或同样的决定出自别人；消息说明是谁。

    """
    (outcome,) = decide_all(engine, run_no, [approval])
    if isinstance(outcome, AlreadyDecidedError):
        raise outcome
    return outcome


@outlasting
def decide_all(engine: Engine, run_no: int, asked: Sequence[Approval]) -> list[Approval | AlreadyDecidedError]:
    """在一个事务里记下几个决定；各有各的结局：记下的那一条，或已有人先决定的错误。"""
    try:
        with writing(engine) as connection:
            # 一次运行的决定一个一个来，编号才连续；SQLite 的写事务本来就是独占的
            connection.execute(select(runs.c.run_no).where(runs.c.run_no == run_no).with_for_update(key_share=True))
            return [_decide(connection, run_no, approval) for approval in asked]
    except IntegrityError as error:  # 编号撞上了：有人改过表
        raise rows.damaged(engine, run_no, tr("决定编号")) from error


@outlasting
def lookup(engine: Engine, run_no: int, subject: str, digest: str) -> Approval | None:
    """查某个问题的决定；还没有人决定时为 ``None``。

    Raises:
        LedgerDamagedError: 那一条被改动过。

    """
    with reading(engine) as connection:
        found = _find(connection, run_no, subject, digest)
        if found is not None:
            _verify(engine, run_no, _link_before(connection, run_no, found["number"]), found)
    return _approval(found) if found else None


@outlasting
def all_of(engine: Engine, run_no: int) -> list[Approval]:
    """返回一次运行的全部决定，按先后。

    Raises:
        LedgerDamagedError: 有一条被改动过，或缺了一条。

    """
    query = select(*_CONTENT).where(decisions.c.run_no == run_no).order_by(decisions.c.number)
    previous, found = chain.GENESIS, []
    with reading(engine) as connection:
        for expected, row in enumerate(connection.execute(query).mappings(), 1):
            if row["number"] != expected:
                raise rows.damaged(engine, run_no, tr("第 {expected} 个决定", expected=expected))
            _verify(engine, run_no, previous, row)
            previous = bytes(row["link"])
            found.append(_approval(row))
    return found


def _decide(connection: Connection, run_no: int, asked: Approval) -> Approval | AlreadyDecidedError:
    """在事务里记一个决定。"""
    approval = replace(asked, decided_at=now_ms(), account=to_text(asked.account or current_operator()))
    approval = replace(approval, note=to_text(asked.note), operator=to_text(asked.operator))
    if theirs := _find(connection, run_no, asked.subject, asked.digest):
        return _same_or_refused(_approval(theirs), approval)
    last = select(decisions.c.number, decisions.c.link).where(decisions.c.run_no == run_no)
    last = last.order_by(decisions.c.number.desc()).limit(1)
    number, previous = connection.execute(last).first() or (0, chain.GENESIS)
    head_seq, head_link = rows.head(connection, run_no)
    more = {"number": number + 1, "head_seq": head_seq, "head_link": head_link}
    values = {column.name: getattr(approval, column.name) for column in _CONTENT} | more
    values["link"] = chain.decision_link(bytes(previous), values)
    connection.execute(insert(decisions).values(run_no=run_no, **values))
    return _approval(values)


def _find(connection: Connection, run_no: int, subject: str, digest: str) -> Any:
    """取出一个问题的决定那一行。"""
    asked = {"run_no": run_no, "subject": subject, "digest": digest}
    return connection.execute(_FOUND, asked).mappings().first()


def _link_before(connection: Connection, run_no: int, number: int) -> bytes:
    """上一个决定的链接。"""
    return bytes(connection.execute(_LINK_OF, {"run_no": run_no, "number": number - 1}).scalar() or chain.GENESIS)


def _verify(engine: Engine, run_no: int, previous: bytes, row: Any) -> None:
    """核对一条决定的链接。"""
    if chain.decision_link(previous, row) != bytes(row["link"]):
        raise rows.damaged(engine, run_no, tr("第 {number} 个决定", number=row["number"]))


def _same_or_refused(theirs: Approval, mine: Approval) -> Approval | AlreadyDecidedError:
    """已有决定：与我的相同就用它，否则告知是谁作的。"""
    if (theirs.decision, theirs.operator) == (mine.decision, mine.operator):
        return theirs
    who = tr(
        "{operator} 在 {zoned_moment} 决定了 {decision}",
        operator=theirs.operator,
        zoned_moment=zoned_moment(theirs.decided_at),
        decision=theirs.decision,
    )
    return AlreadyDecidedError(tr("{subject}：{who}，这一次不再作数", subject=mine.subject, who=who))


def _approval(row: Any) -> Approval:
    """从一行还原。"""
    given = {name: row[name] for name in Approval.__slots__}
    return Approval(**given | {name: bytes(row[name]).hex() for name in ("head_link", "link")})
