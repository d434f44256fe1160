"""账本的表（SQLAlchemy Core；SQLite 与 PostgreSQL 同一套代码）。

``events`` 一行是一次持久写入，``body`` 是 JSON 数组（同时发生的几个事件合在一行，省一次写盘），
``link`` 是与上一行相连的哈希。``leases`` 每次运行一行，``fence`` 只增不减。
``approvals`` 以「问题的摘要」为键，插入成功者即作出决定者。
"""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, MetaData, String, Table, Text

SCHEMA_VERSION: Final = 1

metadata = MetaData()

ledger_meta = Table("ledger_meta", metadata, Column("version", Integer, primary_key=True))

runs = Table(
    "runs",
    metadata,
    Column("run_no", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("input", Text, nullable=False),
    Column("cancelled_by", Text),
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

approvals = Table(
    "approvals",
    metadata,
    Column("run_no", Integer, ForeignKey(_RUN_NO), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("decision", String(16), nullable=False),
    Column("operator", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
)
