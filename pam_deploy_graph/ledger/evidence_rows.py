"""一次运行在账本里的原样：不核对、不折叠，供 ``audit`` 去核对；``link`` 写成十六进制，可以带走。"""

from typing import Any, Final

from sqlalchemy import Engine, bindparam, select

from pam_deploy_graph.ledger import rows
from pam_deploy_graph.ledger.engine import reading
from pam_deploy_graph.ledger.outlast import outlasting
from pam_deploy_graph.ledger.registry import NUMBER_OF
from pam_deploy_graph.ledger.schema import decisions, events, runs

_DECIDED: Final = select(decisions.c.number, decisions.c.link).where(decisions.c.run_no == bindparam("run_no"))
_LAST_DECISION: Final = _DECIDED.order_by(decisions.c.number.desc()).limit(1)


@outlasting
def read_evidence(engine: Engine, run_id: str) -> dict[str, Any]:
    """返回登记、事件的各行与决定的各行。

    Args:
        engine: 账本的引擎。
        run_id: 已有的运行。

    """
    with reading(engine) as connection:
        run = connection.execute(select(runs).where(runs.c.run_id == run_id)).mappings().one()
        written = connection.execute(_of(events, run["run_no"], events.c.seq)).mappings().all()
        decided = connection.execute(_of(decisions, run["run_no"], decisions.c.number)).mappings().all()
    return {
        "run": {name: run[name] for name in ("run_id", "created_at", "input", "exit_code", "reason")},
        "rows": [_plain(row) for row in written],
        "decisions": [_plain(row) for row in decided],
    }


@outlasting
def read_head(engine: Engine, run_id: str) -> dict[str, Any]:
    """返回两条链的尾：``{"seq", "link", "decisions", "decision_link"}``；没有决定的是 0 与空串。"""
    with reading(engine) as connection:
        run_no = connection.execute(NUMBER_OF, {"run_id": run_id}).scalar_one()
        seq, link = rows.head(connection, run_no)
        number, made = connection.execute(_LAST_DECISION, {"run_no": run_no}).first() or (0, b"")
    return {"seq": seq, "link": link.hex(), "decisions": number, "decision_link": bytes(made).hex()}


def _of(table: Any, run_no: int, order: Any) -> Any:
    """一次运行在一张表里的各行。"""
    return (
        select(*(column for column in table.c if column.name != "run_no"))
        .where(table.c.run_no == run_no)
        .order_by(order)
    )


def _plain(row: Any) -> dict[str, Any]:
    """一行写成 JSON 写得下的样子。"""
    return {name: value.hex() if isinstance(value, bytes | memoryview) else value for name, value in dict(row).items()}
