"""账本的行：逐行读出事件，沿途核对哈希链；不需要租约，别的进程在写时也能读。"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from pam_deploy_graph.errors import LedgerDamagedError, LedgerError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger import chain
from pam_deploy_graph.ledger.engine import is_corrupt, read_failure, reading
from pam_deploy_graph.ledger.outlast import Outage, outlasting
from pam_deploy_graph.ledger.schema import events, runs
from pam_deploy_graph.models import Event

_MINE: Final = events.c.run_no == bindparam("run_no")
_ROWS: Final = select(events.c.seq, events.c.at, events.c.body, events.c.link).where(_MINE)
_ROWS_FROM: Final = _ROWS.where(events.c.seq >= bindparam("seq")).order_by(events.c.seq)
_LAST_TWO: Final = _ROWS.order_by(events.c.seq.desc()).limit(2)
_HEAD: Final = select(events.c.seq, events.c.link).where(_MINE).order_by(events.c.seq.desc()).limit(1)
_LINK_AT: Final = select(events.c.link).where(_MINE, events.c.seq == bindparam("seq"))


def read_rows(engine: Engine, run_no: int, after: int = 0) -> Iterator[tuple[int, list[Event]]]:
    """逐行读取 ``after`` 之后的事件；哈希链断裂时指出断在哪一行。

    Args:
        engine: 账本的引擎。
        run_no: 哪次运行。
        after: 已经读到的行号；0 是从头读。

    Yields:
        ``(seq, 这一行的事件)``。

    Raises:
        LedgerDamagedError: 行缺失或内容被改动。
        LedgerError: 读不了（数据库停了、忙、读写出错，等够了也没有回来）：坏没坏不知道。

    """
    link, expected = link_at(engine, run_no, after), after + 1
    with Outage(engine) as outage:
        while True:
            try:
                for seq, at, body, stored in _rows_from(engine, run_no, expected):
                    link = chain.link_of(link, seq, at, body)
                    if seq != expected or link != stored:
                        raise _damaged(engine, run_no, expected)
                    told, expected = chain.decode(body, at), expected + 1
                    yield seq, told
            except SQLAlchemyError as error:
                if outage.wait(error):
                    continue
                failure = _damaged(engine, run_no, expected) if is_corrupt(error) else read_failure(error, engine)
                raise failure from error
            except (LedgerDamagedError, UnicodeError, AttributeError, ValueError) as error:
                raise _damaged(engine, run_no, expected) from error
            return


def _rows_from(engine: Engine, run_no: int, seq: int) -> Iterator[Row[int, int, str, bytes]]:
    """从第 ``seq`` 行起，原样。"""
    with engine.connect() as connection:
        yield from connection.execute(_ROWS_FROM, {"run_no": run_no, "seq": seq})


def head(connection: Connection, run_no: int) -> tuple[int, bytes]:
    """返回最后一行的 ``(行号, 链接)``；一行也没有时是 ``(0, 创世值)``，读不懂抛 ``LedgerDamagedError``。"""
    try:
        seq, link = connection.execute(_HEAD, {"run_no": run_no}).first() or (0, chain.GENESIS)
    except LedgerDamagedError:
        raise damaged(connection.engine, run_no, tr("最后一行")) from None
    return seq, bytes(link)


@outlasting
def position(engine: Engine, run_no: int) -> tuple[int, bytes]:
    """``head``，另开一个连接。"""
    with reading(engine) as connection:
        return head(connection, run_no)


def _damaged(engine: Engine, run_no: int, seq: int) -> LedgerDamagedError:
    """指出断在哪一行。"""
    return damaged(engine, run_no, tr("第 {seq} 行", seq=seq))


def damaged(engine: Engine, run_no: int, what: str) -> LedgerDamagedError:
    """说出是哪次运行的什么坏了、怎么办；连名字也读不出的，说是第几次。"""
    try:
        with engine.connect() as connection:
            name = str(connection.execute(select(runs.c.run_id).where(runs.c.run_no == run_no)).scalar())
    except (SQLAlchemyError, LedgerDamagedError):
        name = tr("（第 {run_no} 次）", run_no=run_no)
    advice = tr("用 repair {name} 另开一次，查清每台的实情再接着做", name=name)
    return LedgerDamagedError(
        tr("账本里运行 {name} 的{what}已损坏，没有动手；{advice}", name=name, what=what, advice=advice)
    )


def ending(engine: Engine, run_no: int, row: Mapping[str, Any], exit_code: int, reason: str) -> Event | None:
    """返回结束了的运行的 ``RUN_FINISHED``；不在最后一行、与登记（``row`` 是名字与时刻）不符、坏了的为 ``None``。"""
    with contextlib.suppress(LedgerError):
        first, last = _first_row(engine, run_no), _last_row(engine, run_no)
        if any(one.get("row", row) != row for one in first):
            return None
        said = {"type": "RUN_FINISHED", "exit_code": exit_code, "reason": reason}
        return next((one for one in last if said.items() <= one.items()), None)
    return None


@outlasting
def _first_row(engine: Engine, run_no: int) -> list[Event]:
    """第一行的事件：登记；读不懂的与什么都不符。"""
    query = select(events.c.body, events.c.at).where(events.c.run_no == run_no, events.c.seq == 1)
    with reading(engine) as connection:
        found = connection.execute(query).all()
    with contextlib.suppress(KeyError, UnicodeError, AttributeError, ValueError):
        return [one for body, at in found for one in chain.decode(body, at)]
    return [{"row": None}]


@outlasting
def _last_row(engine: Engine, run_no: int) -> list[Event]:
    """最后一行的事件；与它前一行接不上、读不懂、一行也没有的，抛 ``LedgerDamagedError``。"""
    with reading(engine) as connection:
        found = connection.execute(_LAST_TWO, {"run_no": run_no}).all()
    try:
        (seq, at, body, link), before = found[0], found[1]
        if before.seq == seq - 1 and chain.link_of(bytes(before.link), seq, at, body) == bytes(link):
            return chain.decode(body, at)
    except (IndexError, KeyError, UnicodeError, AttributeError, ValueError):
        pass
    raise damaged(engine, run_no, tr("最后一行"))


@outlasting
def link_at(engine: Engine, run_no: int, seq: int) -> bytes:
    """返回某一行的链接；第 0 行是创世值，没有那一行抛 ``LedgerDamagedError``。"""
    if seq == 0:
        return chain.GENESIS
    try:
        with reading(engine) as connection:
            found = stored_link(connection, run_no, seq)
    except LedgerDamagedError:
        raise _damaged(engine, run_no, seq) from None
    if found is None:
        raise LedgerDamagedError(tr("第 {run_no} 次运行的第 {seq} 行不在账本里：账本落后了", run_no=run_no, seq=seq))
    return found


def stored_link(connection: Connection, run_no: int, seq: int) -> bytes | None:
    """返回一行记着的链接；没有那一行的为 ``None``。"""
    found = connection.execute(_LINK_AT, {"run_no": run_no, "seq": seq}).scalar()
    return None if found is None else bytes(found)
