"""读出来的值不是那一列的类型（SQLite 不管类型，翻一位就变）：说账本坏了，不抛 TypeError，也不牵连别的运行。"""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from pam_deploy_graph.errors import LedgerDamagedError, LedgerError
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.ledger.schema import metadata
from pam_deploy_graph.protocol.keys import idempotency_key
from tests.agent.rig import DATABASE, FIRST, execute, store_url
from tests.ledger.books import registered, step, write

COLUMNS = [
    (table.name, column.name)
    for table in (metadata.tables["runs"], metadata.tables["events"])
    for column in table.columns
    if not column.foreign_keys and column.name not in ("run_no", "run_id", "seq")
]
VALUES = [None, 7, 1.5, "文字", b"\x01\x02"]


def spoil(table: str, column: str, value: object) -> None:
    """绕过约束，把第一次运行的最后一行的一个值换掉。"""
    with closing(sqlite3.connect(DATABASE, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'")
        connection.execute("PRAGMA writable_schema = RESET")
        row = "run_no = 1" + (" AND seq = 2" if table == "events" else "")
        assert connection.execute(f"UPDATE {table} SET {column} = ? WHERE {row}", (value,)).rowcount == 1  # noqa: S608 —— 表名列名是自己的


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_value_of_another_type(table: str, column: str, value: object) -> None:
    """这一次说坏了（或者换上去的恰好也说得通）；另一次照样读得到。"""
    ledger = Ledger(store_url())
    write(ledger, registered(ledger), step(1))
    write(ledger, registered(ledger, "r2"), step(1))
    ledger.close()
    spoil(table, column, value)
    fresh = Ledger(store_url())
    try:
        fresh.load_state("r1")
        fresh.position("r1")
        fresh.open_session(fresh.load_state("r1")).release()
    except LedgerDamagedError:
        assert "r2" in [record.run_id for record in fresh.list_runs()]
    else:
        assert (table, column) in {("runs", "created_at"), ("runs", "exit_code"), ("runs", "reason")}
    assert [e["number"] for e in fresh.load_state("r2").events] == [1]
    fresh.close()


def test_a_key_of_a_damaged_registration_is_not_known(ledger: Ledger) -> None:
    """登记读不懂的运行留下的键：不敢说是这份账本里的，也不抛异常。"""
    state = registered(ledger)
    key = idempotency_key("r1", state.nonce, FIRST, "deploy-ip", 1)
    assert not ledger.holds(key)  # 还没有发过：账本落后了
    write(ledger, state, {"type": "INTENT", "stage": "deploy-ip", "ip": FIRST, "attempt": 1})
    assert ledger.holds(key)
    execute("UPDATE runs SET input = replace(input, '{', '[')")
    assert not ledger.holds(key)


@pytest.mark.parametrize(
    "said", ["disk I/O error", "database is locked", "canceling statement due to statement timeout"]
)
def test_a_read_that_fails_is_not_damage(ledger: Ledger, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """读不了就是不知道：不说已损坏，``repair`` 也不因此结束一次好好的运行。"""
    write(ledger, registered(ledger), step(1))
    really = Connection.execute

    def failing(self: Connection, statement: Any, *given: Any, **more: Any) -> Any:
        """读事件的时候数据库出了错。"""
        if "events.body" in str(statement):
            raise OperationalError(str(statement), {}, sqlite3.OperationalError(said))
        return really(self, statement, *given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "execute", failing)
        with pytest.raises(LedgerError, match="账本读不了") as caught:
            ledger.load_state("r1")
        with pytest.raises(LedgerError, match="账本读不了"):
            ledger.salvage("r1")
    assert not isinstance(caught.value, LedgerDamagedError)
    assert ledger.load_state("r1").exit_code is None
