"""登记：每次运行一行，连同它在链上的第一个事件；登记、改登记、结束各是一个事务。"""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Text,
    Update,
    bindparam,
    func,
    insert,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.exc import IntegrityError

from pam_deploy_graph.errors import LedgerDamagedError, RunConflictError, RunNotFoundError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import approvals, chain
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.ledger.engine import reading, writing
from pam_deploy_graph.ledger.outlast import outlasting
from pam_deploy_graph.ledger.schema import decisions, events, runs
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.protocol.keys import new_nonce
from pam_deploy_graph.system.account import acting_account
from pam_deploy_graph.system.masking import mask

INPUT_FIELDS: Final = (
    "params",
    "execution_strategy",
    "requested_ips",
    "control_params",
    "script_entry",
    "script_base_dir",
    "config_path",
    "trace_file_path",
    "checkpoint_path",
)
_SAME_WORK: Final = ("params", "execution_strategy", "requested_ips", "control_params")


def _rows() -> Select[Any]:
    """登记，连同谁取消的。"""
    cancel = (decisions.c.run_no == runs.c.run_no) & (decisions.c.subject == approvals.CANCEL)
    operator = type_coerce(decisions.c.operator, Text)  # 没有取消的为空
    query = select(*runs.c, operator).join_from(runs, decisions, cancel, isouter=True)
    return query.order_by(runs.c.run_no.desc())


_ROWS: Final = _rows()
_NAMED: Final = runs.c.run_id == bindparam("run_id")
_ROW_OF: Final = _ROWS.where(_NAMED)  # 一句话里要查几十次：语句只造一次
NUMBER_OF: Final = select(runs.c.run_no).where(_NAMED)
_COUNT_OF: Final = select(func.count()).select_from(runs).where(_NAMED)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """一次运行的登记；``exit_code`` 在结束后才有，``cancelled_by`` 是谁取消的。"""

    run_no: int
    run_id: str
    created_at: int
    input_text: str
    exit_code: int | None
    reason: str | None
    cancelled_by: str | None

    @property
    def input(self) -> dict[str, Any]:
        """开始时的输入（没有秘密）。

        Raises:
            LedgerDamagedError: 已经不是完整的 JSON 对象。

        """
        try:
            found = json.loads(self.input_text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise damaged_input(self.run_id)
        return found

    @property
    def row(self) -> dict[str, Any]:
        """名字与时刻，链上也记着。"""
        return _row(self.run_id, self.created_at)

    @property
    def nonce(self) -> str:
        """登记时取的随机数；旧账本里的运行没有，为空串。"""
        return str(self.input.get("nonce", ""))


def damaged_input(run_id: str) -> LedgerDamagedError:
    """登记与链上记着的不符。"""
    return LedgerDamagedError(
        tr(
            "账本里运行 {run_id} 的登记（名字、输入、结局）与链上记着的不符，没有动手；用 repair "
            "{run_id} 另开一次，查清每台的实情再接着做",
            run_id=run_id,
        )
    )


@outlasting
def create(engine: Engine, state: AgentState, extra: dict[str, Any], account: str = "") -> bool:
    """登记一次运行；同名同输入视为同一次，返回假。``account`` 是谁提出的，不给就是本进程的账号。

    Raises:
        RunConflictError: run_id 已被另一份输入占用。

    """
    given = {name: getattr(state, name) for name in INPUT_FIELDS} | extra
    nonce = state.nonce or new_nonce()
    text, at = _text(given | {"nonce": nonce}), now_ms()
    try:
        with writing(engine) as connection:
            row = insert(runs).values(run_id=state.run_id, created_at=at, input=text).returning(runs.c.run_no)
            run_no = connection.execute(row).scalar_one()
            who = chain.to_text(account or str(acting_account()))
            connection.execute(insert(events).values(_first_event(run_no, state.run_id, text, who, at)))
    except IntegrityError:
        found = get(engine, state.run_id)
        if any(found.input.get(name) != given[name] for name in _SAME_WORK):
            raise RunConflictError(
                tr(
                    "run_id {run_id} 已被另一份输入占用；换一个 run_id，或用 resume {run_id} 继续它",
                    run_id=state.run_id,
                )
            ) from None
        state.nonce = found.nonce
        return False
    state.nonce, state.input_digest, state.ledger_seq = nonce, chain.text_digest(text), 1
    state.registered_by, state.last_at, state.registration = who, at, _row(state.run_id, at)
    return True


def revised_input(record: RunRecord, state: AgentState) -> str:
    """返回换成 ``state`` 的输入之后的登记。"""
    given = record.input | {name: getattr(state, name) for name in INPUT_FIELDS}
    return _text(given)


def changing(run_no: int, **values: Any) -> Update:
    """返回改登记的语句，由写事件的事务一并执行。"""
    clean = {name: chain.to_text(value) if isinstance(value, str) else value for name, value in values.items()}
    return update(runs).where(runs.c.run_no == run_no).values(**clean)


@outlasting
def get(engine: Engine, run_id: str) -> RunRecord:
    """按 run_id 查登记；有哪一项读不懂的，它的 ``input`` 抛 ``LedgerDamagedError``。

    Raises:
        RunNotFoundError: 没有这次运行。

    """
    named = {"run_id": chain.to_text(run_id)}
    with reading(engine) as connection:
        try:
            row = connection.execute(_ROW_OF, named).first()
        except LedgerDamagedError:
            return _one(connection, connection.execute(NUMBER_OF, named).scalar_one())
    if row is None:
        raise RunNotFoundError(run_id)
    return RunRecord(*row)


@outlasting
def latest(engine: Engine, limit: int, prefix: str = "", *, unfinished: bool = False) -> Sequence[RunRecord]:
    """返回名字以 ``prefix`` 开头的最近的运行，新的在前；登记读不懂的也在，它的 ``input`` 抛错。"""
    named = runs.c.run_id.startswith(prefix, autoescape=True) if prefix else true()
    wanted = named & runs.c.exit_code.is_(None) if unfinished else named
    numbers = select(runs.c.run_no).where(wanted).order_by(runs.c.run_no.desc()).limit(limit)
    with reading(engine) as connection:
        try:
            return [RunRecord(*row) for row in connection.execute(_ROWS.where(runs.c.run_no.in_(numbers)))]
        except LedgerDamagedError:
            return [_one(connection, run_no) for run_no in connection.execute(numbers).scalars()]


def _one(connection: Connection, run_no: int) -> RunRecord:
    """一行登记；读不懂的只有第几次，名字还读得出就有名字。"""
    name, mine = tr("第{run_no}次", run_no=run_no), runs.c.run_no == run_no
    with contextlib.suppress(LedgerDamagedError):
        return RunRecord(*connection.execute(_ROWS.where(mine)).one())
    with contextlib.suppress(LedgerDamagedError):
        name = connection.execute(select(runs.c.run_id).where(mine)).scalar_one()
    return RunRecord(run_no, name, 0, "", None, None, None)


@outlasting
def exists(engine: Engine, run_id: str) -> bool:
    """是否已有这个 run_id。"""
    with reading(engine) as connection:
        return bool(connection.execute(_COUNT_OF, {"run_id": chain.to_text(run_id)}).scalar())


def _text(given: dict[str, Any]) -> str:
    """登记的输入写成文字；秘密涂掉。"""
    return chain.to_text(mask(json.dumps(given, ensure_ascii=False, sort_keys=True)))


def _first_event(run_no: int, run_id: str, text: str, account: str, at: int) -> dict[str, Any]:
    """登记在链上的那一行：登记的名字、时刻与输入从此改不动一个字。"""
    event = {"type": "RUN_REGISTERED", "input": chain.text_digest(text), "account": account, "at": at}
    event["row"] = _row(run_id, at)
    body = chain.encode([event], at)
    return {"run_no": run_no, "seq": 1, "at": at, "body": body, "link": chain.link_of(chain.GENESIS, 1, at, body)}


def _row(run_id: str, at: int) -> dict[str, Any]:
    """登记里输入之外的两项。"""
    return {"run_id": run_id, "created_at": at}


def agrees(record: RunRecord, state: AgentState) -> bool:
    """登记与链上的事件说的是不是一回事：输入的摘要，名字与时刻，结束与否、为什么。"""
    same_input = state.input_digest in ("", chain.text_digest(record.input_text))
    same_row = state.registration in ({}, record.row)
    same_end = record.exit_code is None or chain.to_text(record.reason or "") == chain.to_text(state.end_reason)
    return same_input and same_row and same_end and state.exit_code == record.exit_code
