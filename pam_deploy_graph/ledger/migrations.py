"""把旧版本的账本迁到现在的版本：一个事务，SQLite 的先在旁边留一份原样的副本。"""

import contextlib
import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert, select, text, update

from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import chain, holders
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.ledger.schema import SCHEMA_VERSION, decisions, events, leases, ledger_meta, metadata, runs
from pam_deploy_graph.system.private_files import private_database

_MIGRATED: Final = "migrated"
"""迁移来的决定从哪里来：旧版本没有记账号与渠道，不猜。"""


def can_migrate(version: int | None) -> bool:
    """这个版本迁不迁得了。"""
    return version == 1


def keep_copy(path: Path, version: int) -> Path:
    """把旧账本原样（连同 WAL 里的）抄到旁边的 ``<文件名>.v<版本>``，返回它。"""
    kept = path.with_name(f"{path.name}.v{version}")
    unfinished = path.with_name(f"{kept.name}.part")
    unfinished.unlink(missing_ok=True)
    private_database(unfinished)
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(unfinished)) as copy:
        source.backup(copy)
    unfinished.replace(kept)
    return kept


def migrate(connection: Connection, kept: Path | None) -> None:
    """在调用者的事务里迁移。

    Args:
        connection: 写事务。
        kept: 副本在哪里；没有副本（PostgreSQL）为 ``None``。

    Raises:
        LedgerError: 旧版本的程序还在用它。

    """
    for row in connection.execute(select(leases)).mappings():
        if holders.alive(row, holders.database_now(connection)):
            raise LedgerError(
                tr("账本属于旧版本，而{describe}正用着它；等它停下后重试，届时自动迁移", describe=holders.describe(row))
            )
    old = connection.execute(text("SELECT * FROM approvals ORDER BY run_no, decided_at")).mappings().all()
    cancels = connection.execute(text("SELECT run_no, created_at, cancelled_by FROM runs")).mappings().all()
    connection.execute(text("DROP TABLE approvals"))
    connection.execute(text("DROP TABLE ledger_meta"))
    metadata.create_all(connection, tables=[ledger_meta, decisions])
    connection.execute(insert(ledger_meta).values(version=SCHEMA_VERSION, ledger_id=uuid.uuid4().hex))
    _chain_decisions(connection, [dict(row) for row in old] + [_cancel(row) for row in cancels if row["cancelled_by"]])
    for row in connection.execute(select(runs)).mappings().all():
        _chain_run(connection, row, kept)
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE runs DROP COLUMN cancelled_by"))
    # SQLite 3.35 才会删列；旧列留着不用，对别的没有妨碍


def _cancel(row: Any) -> dict[str, Any]:
    """旧登记里的取消，写成一个决定；当时没有记时刻。"""
    said = {"subject": "cancel", "digest": "", "decision": "cancel", "operator": row["cancelled_by"], "note": ""}
    return {"run_no": row["run_no"], "decided_at": row["created_at"], **said}


def _chain_decisions(connection: Connection, old: list[dict[str, Any]]) -> None:
    """给旧的决定编号，连成链。"""
    ends: dict[int, tuple[int, bytes]] = {}
    for row in old:
        number, previous = ends.get(row["run_no"], (0, chain.GENESIS))
        unknown = {"account": "", "role": "", "channel": _MIGRATED, "head_seq": 0, "head_link": chain.GENESIS}
        unknown["signature"] = ""
        values = row | unknown | {"number": number + 1}
        values["link"] = chain.decision_link(previous, values)
        ends[row["run_no"]] = (number + 1, values["link"])
        connection.execute(insert(decisions).values(values))


def _chain_run(connection: Connection, run: Any, kept: Path | None) -> None:
    """把一次运行的登记接到它的链尾；死在「结束」中途的补完。"""
    rows = connection.execute(select(events).where(events.c.run_no == run["run_no"]).order_by(events.c.seq)).mappings()
    ended, seq, link = None, 0, chain.GENESIS
    for row in rows:
        seq, link = row["seq"], bytes(row["link"])
        ended = _ending(row["body"]) or ended
    at = now_ms()
    new: list[dict[str, Any]] = [{"type": "RUN_REGISTERED", "input": chain.text_digest(run["input"]), "at": at}]
    new[0] |= {"migrated_from": 1, "copy": kept.name if kept else ""}
    if ended:
        done = update(runs).where(runs.c.run_no == run["run_no"])
        connection.execute(done.values(exit_code=ended["exit_code"], reason=ended["reason"]))
    elif run["exit_code"] is not None:
        new.append({"type": "RUN_FINISHED", "exit_code": run["exit_code"], "reason": run["reason"] or "", "at": at})
    body = chain.encode(new, at)
    values = {"run_no": run["run_no"], "seq": seq + 1, "at": at, "body": body}
    connection.execute(insert(events).values(link=chain.link_of(link, seq + 1, at, body), **values))


def _ending(body: str) -> dict[str, Any] | None:
    """一行里的 ``RUN_FINISHED``；没有、或读不了的为 ``None``。"""
    if "RUN_FINISHED" not in body:
        return None
    with contextlib.suppress(ValueError, AttributeError):
        return next((one for one in json.loads(body) if one["type"] == "RUN_FINISHED"), None)
    return None
