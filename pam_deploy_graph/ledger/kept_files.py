"""账本旁边留着的文件：工作站日志与调用轨迹的末尾，压缩过；不在链上，丢了也不妨碍什么（contract 第 8 节）。"""

import zlib
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine, delete, insert, select

from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.ledger.engine import reading
from pam_deploy_graph.ledger.outlast import execute
from pam_deploy_graph.ledger.schema import kept_files

Tail = tuple[int, str]
"""末尾的文字，与它前面有几行没有留。"""
_MOST_BYTES: Final = 1 << 20


def keep_files(engine: Engine, run_no: int, files: Mapping[str, Tail]) -> None:
    """留下一次运行的几个文件；同名的换成这一份。"""
    for name, (skipped, text) in files.items():
        here = (kept_files.c.run_no == run_no) & (kept_files.c.name == name)
        body = zlib.compress(text.encode("utf-8", "backslashreplace"))
        row = {"run_no": run_no, "name": name, "kept_at": now_ms(), "skipped": skipped, "body": body}
        execute(engine, [delete(kept_files).where(here), insert(kept_files).values(row)])


def kept_file(engine: Engine, run_no: int, name: str) -> Tail | None:
    """取回一个；没有、或账本里还没有这张表的为 ``None``。"""
    query = select(kept_files.c.skipped, kept_files.c.body).where(
        kept_files.c.run_no == run_no, kept_files.c.name == name
    )
    try:
        with reading(engine) as connection:
            row = connection.execute(query).first()
    except LedgerError:
        return None
    return (int(row.skipped), _text(bytes(row.body))) if row else None


def kept_names(engine: Engine, run_no: int, prefix: str) -> list[str]:
    """名字以 ``prefix`` 开头的。"""
    query = select(kept_files.c.name).where(kept_files.c.run_no == run_no, kept_files.c.name.startswith(prefix))
    try:
        with reading(engine) as connection:
            return list(connection.execute(query.order_by(kept_files.c.name)).scalars())
    except LedgerError:
        return []


def _text(body: bytes) -> str:
    """解压；不听它自己说的长度。"""
    return zlib.decompressobj().decompress(body, _MOST_BYTES).decode("utf-8", "replace")
