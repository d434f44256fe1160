"""试验场的账：安装包、发布、同步、幂等应答和日志行，存在状态目录的一个 SQLite 文件里。

一个动作的日志行与它的幂等应答在同一个事务里写入；动手之前先写意图，进程被 kill -9 之后，
重启时照意图补做，因此日志、应答和磁盘上的效果总是一致。WAL 加 ``synchronous=NORMAL``：
进程被杀不丢任何已提交的事务。只在事件循环的线程里使用。
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packages (
    app TEXT, module TEXT, version TEXT, hash TEXT NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (app, module, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS packages_by_hash ON packages (hash);
CREATE TABLE IF NOT EXISTS publications (
    id INTEGER PRIMARY KEY, app TEXT, module TEXT, version TEXT, airport TEXT, hash TEXT NOT NULL,
    UNIQUE (app, module, version, airport));
CREATE TABLE IF NOT EXISTS synced (
    airport TEXT, app TEXT, module TEXT, version TEXT, hash TEXT NOT NULL,
    PRIMARY KEY (airport, app, module, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS workstations (
    airport TEXT, ip TEXT, number INTEGER NOT NULL, PRIMARY KEY (airport, ip)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    scope TEXT, key TEXT, digest TEXT NOT NULL, status INTEGER, payload TEXT, intent TEXT,
    PRIMARY KEY (scope, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unfinished ON answers (scope) WHERE status IS NULL;
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY, side TEXT NOT NULL, action TEXT NOT NULL, airport TEXT, ip TEXT,
    app TEXT, module TEXT, version TEXT NOT NULL, key TEXT NOT NULL, before TEXT);
CREATE INDEX IF NOT EXISTS journal_by_workstation ON journal (airport, ip);
"""

_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """一次带幂等键的调用：谁收到（``HOME`` 或机场代码）、键、方法路径与正文的摘要。"""

    scope: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Reply:
    """一个应答：HTTP 状态和 JSON 对象。"""

    status: int
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """日志的一行：真的发生过的一个效果；HOME 的效果没有机场和 IP，``before`` 是工作站动手之前的情况。"""

    side: str
    action: str
    app: str
    module: str
    version: str
    airport: str | None = None
    ip: str | None = None
    before: str = ""


class Store:
    """打开（必要时新建）状态目录里的账。"""

    def __init__(self, path: Path) -> None:
        """打开 ``path`` 处的 SQLite 文件。"""
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        if "before" not in {row[1] for row in self._db.execute("PRAGMA table_info(journal)")}:
            self._db.execute("ALTER TABLE journal ADD COLUMN before TEXT")  # 早先的试验场留下的状态目录

    def close(self) -> None:
        """关闭文件。"""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """其中的写入要么全部生效，要么全不生效。"""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _one(self, sql: str, values: Sequence[Any]) -> _Row | None:
        """查一行。"""
        row: _Row | None = self._db.execute(sql, values).fetchone()
        return row

    def get_meta(self, key: str) -> str | None:
        """读一个杂项值，例如上次用的端口。"""
        row = self._one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """写一个杂项值。"""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # 安装包、发布、同步

    def package(self, app: str, module: str, version: str) -> tuple[str, int] | None:
        """HOME 持有的安装包的 (散列, 字节数)。"""
        return self._one(
            "SELECT hash, size FROM packages WHERE app = ? AND module = ? AND version = ?", (app, module, version)
        )

    def add_package(self, app: str, module: str, version: str, digest: str, size: int) -> None:
        """登记 HOME 持有的安装包。"""
        self._db.execute("INSERT OR IGNORE INTO packages VALUES (?, ?, ?, ?, ?)", (app, module, version, digest, size))

    def holds_hash(self, digest: str) -> bool:
        """HOME 是否有散列为 ``digest`` 的安装包。"""
        return self._one("SELECT 1 FROM packages WHERE hash = ?", (digest,)) is not None

    def publications(self, app: str, module: str, version: str) -> dict[str, tuple[int, str]]:
        """一个版本的全部发布：机场（空串为所有机场）到 (编号, 散列)。"""
        rows = self._db.execute(
            "SELECT airport, id, hash FROM publications WHERE app = ? AND module = ? AND version = ?",
            (app, module, version),
        )
        return {airport: (number, digest) for airport, number, digest in rows}

    def publish(self, app: str, module: str, version: str, airport: str, digest: str) -> int:
        """发布一个版本，返回编号。"""
        cursor = self._db.execute(
            "INSERT INTO publications (app, module, version, airport, hash) VALUES (?, ?, ?, ?, ?)",
            (app, module, version, airport, digest),
        )
        return int(cursor.lastrowid or 0)

    def synced_hash(self, airport: str, app: str, module: str, version: str) -> str | None:
        """机场的 NODE 已同步的安装包的散列。"""
        row = self._one(
            "SELECT hash FROM synced WHERE airport = ? AND app = ? AND module = ? AND version = ?",
            (airport, app, module, version),
        )
        return None if row is None else str(row[0])

    def add_synced(self, airport: str, app: str, module: str, version: str, digest: str) -> None:
        """登记 NODE 已同步的安装包。"""
        self._db.execute(
            "INSERT OR REPLACE INTO synced VALUES (?, ?, ?, ?, ?)", (airport, app, module, version, digest)
        )

    # 工作站名册

    def workstations(self, airport: str) -> list[str]:
        """一个机场的工作站，按编号。"""
        rows = self._db.execute("SELECT ip FROM workstations WHERE airport = ? ORDER BY number", (airport,))
        return [row[0] for row in rows]

    def add_workstations(self, airport: str, ips: Iterable[tuple[int, str]]) -> None:
        """把建好的工作站登记入册。"""
        with self.transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO workstations VALUES (?, ?, ?)", ((airport, ip, number) for number, ip in ips)
            )

    # 幂等应答与意图

    def recall(self, call: Call) -> tuple[str, Reply | None] | None:
        """找同一个键的记录：(摘要, 应答)；应答为 ``None`` 表示只有意图。"""
        row = self._one(
            "SELECT digest, status, payload FROM answers WHERE scope = ? AND key = ?", (call.scope, call.key)
        )
        if row is None:
            return None
        return row[0], None if row[1] is None else Reply(row[1], json.loads(row[2]))

    def intend(self, call: Call, intent: str) -> None:
        """动手之前写下意图。"""
        self._db.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, NULL, NULL, ?)",
            (call.scope, call.key, call.digest, intent),
        )

    def forget(self, call: Call) -> None:
        """撤回没有做成的意图。"""
        self._db.execute("DELETE FROM answers WHERE scope = ? AND key = ? AND status IS NULL", (call.scope, call.key))

    def unfinished(self, scope: str) -> list[tuple[Call, str]]:
        """重启之后要补做的意图。"""
        rows = self._db.execute(
            "SELECT key, digest, intent FROM answers WHERE scope = ? AND status IS NULL", (scope,)
        ).fetchall()
        return [(Call(scope, key, digest), intent) for key, digest, intent in rows]

    def finish(self, call: Call, reply: Reply, effect: Effect | None = None) -> Reply:
        """记下这个键的应答；有效果时同时记日志。原样返回 ``reply``，在事务里调用。"""
        self._db.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, NULL)",
            (call.scope, call.key, call.digest, reply.status, json.dumps(reply.payload)),
        )
        if effect is not None:
            self._db.execute(
                "INSERT INTO journal (side, action, app, module, version, airport, ip, before, key)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*astuple(effect), call.key),
            )
        return reply

    # 日志

    def journal(self) -> list[dict[str, Any]]:
        """按先后返回全部效果（contract 第 9 节的键）。"""
        rows = self._db.execute("SELECT seq, side, action, ip, key, version FROM journal ORDER BY seq")
        names = ("seq", "side", "action", "ip", "key", "version")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def last_effect(self, airport: str, ip: str) -> tuple[str, str] | None:
        """一台工作站上最近一次效果的 (应用, 模块)。"""
        return self._one(
            "SELECT app, module FROM journal WHERE airport = ? AND ip = ? ORDER BY seq DESC LIMIT 1",
            (airport, ip),
        )

    def last_key(self, airport: str, ip: str, app: str, module: str) -> str:
        """一个模块在一台工作站上最近一次效果的幂等键；没有则为空串。"""
        row = self._one(
            "SELECT key FROM journal WHERE airport = ? AND ip = ? AND app = ? AND module = ? ORDER BY seq DESC LIMIT 1",
            (airport, ip, app, module),
        )
        return "" if row is None else str(row[0])

    def before_run(self, airport: str, ip: str, app: str, module: str, run: str) -> str | None:
        """一次运行（键里第一个冒号之前的部分）头一次动这个模块之前的情况；还没有动过则为 ``None``。"""
        row = self._one(
            "SELECT before FROM journal WHERE airport = ? AND ip = ? AND app = ? AND module = ?"
            " AND substr(key, 1, instr(key || ':', ':') - 1) = ? ORDER BY seq LIMIT 1",
            (airport, ip, app, module, run),
        )
        return None if row is None else row[0]

    def last_modules(self, airport: str) -> dict[str, tuple[str, str]]:
        """每台动过的工作站最近动的 (应用, 模块)。"""
        rows = self._db.execute(
            "SELECT ip, app, module, MAX(seq) FROM journal WHERE airport = ? AND ip IS NOT NULL GROUP BY ip", (airport,)
        )
        return {ip: (app, module) for ip, app, module, _ in rows}
