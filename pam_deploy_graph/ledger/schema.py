"""账本的表（SQLAlchemy Core；SQLite 与 PostgreSQL 同一套代码）。

``events`` 一行是一次持久写入，``body`` 是 JSON 数组（同时发生的几个事件合在一行，省一次写盘），
``link`` 是与上一行相连的哈希；登记、计划、结果与结束都在这一条链上。``decisions`` 是人的决定与取消，
由别的进程写，另成一条链。``leases`` 每次运行一行，``fence`` 只增不减。
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from pam_deploy_graph.errors import LedgerDamagedError
from pam_deploy_graph.i18n import tr

SCHEMA_VERSION: Final = 2

metadata = MetaData()


class _Sound(TypeDecorator[Any]):
    """读出来的值不是这一列的类型，就是文件坏了：SQLite 不管列的类型，翻一位，整数就成了文字或空。"""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok = True

    def __init__(self, kind: TypeEngine[Any], *, nullable: bool) -> None:
        """``kind`` 是数据库里的类型；``nullable`` 为真时可以是空。"""
        super().__init__()
        self.impl = kind
        self.kind, self.nullable = kind, nullable

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """核对读出来的一个值。"""
        del dialect
        wanted = self.kind.python_type
        if isinstance(value, wanted) or (value is None and self.nullable):
            return value
        raise LedgerDamagedError(
            tr(
                "账本里有一个值读不懂（应是 {kind}，读到 {kind2}），文件已损坏，没有动手；"
                "请从备份恢复，或用 repair 运行名 另开一次，查清每台的实情再接着做",
                kind=wanted.__name__,
                kind2=type(value).__name__,
            )
        )


def _column(name: str, kind: TypeEngine[Any], *more: Any, nullable: bool = False, **options: Any) -> Column[Any]:
    """一列；没有写明的都不可空。"""
    return Column(name, _Sound(kind, nullable=nullable), *more, nullable=nullable, **options)


ledger_meta = Table(
    "ledger_meta",
    metadata,
    _column("version", Integer(), primary_key=True),
    _column("ledger_id", String(32)),
)

runs = Table(
    "runs",
    metadata,
    _column("run_no", Integer(), primary_key=True, autoincrement=True),
    _column("run_id", String(64), unique=True),
    _column("created_at", BigInteger()),
    _column("input", Text()),
    _column("exit_code", Integer(), nullable=True),
    _column("reason", Text(), nullable=True),
)

_RUN_NO = "runs.run_no"

events = Table(
    "events",
    metadata,
    _column("run_no", Integer(), ForeignKey(_RUN_NO), primary_key=True),
    _column("seq", Integer(), primary_key=True, autoincrement=False),
    _column("at", BigInteger()),
    _column("body", Text()),
    _column("link", LargeBinary(16)),
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    _column("run_no", Integer(), ForeignKey(_RUN_NO), primary_key=True),
    _column("holder", String(32)),
    _column("host", Text()),
    _column("pid", Integer()),
    _column("pid_started", BigInteger()),
    _column("fence", Integer()),
    _column("since", BigInteger()),
    _column("expires_at", BigInteger()),
)

module_locks = Table(
    "module_locks",
    metadata,
    _column("module", String(200), primary_key=True),
    _column("run_no", Integer(), ForeignKey(_RUN_NO)),
    _column("since", BigInteger()),
)

decisions = Table(
    "decisions",
    metadata,
    _column("run_no", Integer(), ForeignKey(_RUN_NO), primary_key=True),
    _column("number", Integer(), primary_key=True, autoincrement=False),
    _column("subject", String(64)),
    _column("digest", String(64)),
    _column("decision", String(16)),
    _column("operator", Text()),
    _column("account", Text()),
    _column("role", Text()),
    _column("channel", Text()),
    _column("note", Text()),
    _column("decided_at", BigInteger()),
    _column("head_seq", Integer()),
    _column("head_link", LargeBinary(16)),
    _column("signature", Text()),
    _column("link", LargeBinary(16)),
    UniqueConstraint("run_no", "subject", "digest", name="one_decision_for_each_question"),
)

kept_files = Table(
    "kept_files",
    metadata,
    _column("run_no", Integer(), ForeignKey(_RUN_NO), primary_key=True),
    _column("name", String(80), primary_key=True),
    _column("kept_at", BigInteger()),
    _column("skipped", Integer()),
    _column("body", LargeBinary()),
)
"""日志与轨迹的末尾；后来才有的表，别的表不靠它，旧账本打开时补上。"""
