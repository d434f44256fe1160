"""账本的表（SQLAlchemy Core；SQLite 与 PostgreSQL 同一套代码）。

``events`` 一行是一次持久写入，``body`` 是 JSON 数组（同时发生的几个事件合在一行，省一次写盘），
``link`` 是与上一行相连的哈希；登记、计划、结果与结束都在这一条链上。``decisions`` 是人的决定与取消，
由别的进程写，另成一条链。``leases`` 每次运行一行，``fence`` 只增不减。
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION: Final = 2

metadata = MetaData()

ledger_meta = Table(
    "ledger_meta",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("ledger_id", String(32), nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_no", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("input", Text, nullable=False),
    Column("exit_code", Integer),
    Column("reason", Text),
)

_RUN_NO = "runs.run_no"

events = Table(
    "events",
    metadata,
    Column("run_no", Integer, ForeignKey(_RUN_NO), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("link", LargeBinary(16), nullable=False),
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    Column("run_no", Integer, ForeignKey(_RUN_NO), primary_key=True),
    Column("holder", String(32), nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", BigInteger, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

module_locks = Table(
    "module_locks",
    metadata,
    Column("module", String(200), primary_key=True),
    Column("run_no", Integer, ForeignKey(_RUN_NO), nullable=False),
    Column("since", BigInteger, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("run_no", Integer, ForeignKey(_RUN_NO), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("subject", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("operator", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("head_seq", Integer, nullable=False),
    Column("head_link", LargeBinary(16), nullable=False),
    Column("signature", Text, nullable=False),
    Column("link", LargeBinary(16), nullable=False),
    UniqueConstraint("run_no", "subject", "digest", name="one_decision_for_each_question"),
)
