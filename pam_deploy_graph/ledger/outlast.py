"""账本的读写等得过断线；SQLite 的错误不等。"""

import functools
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, Executable
from sqlalchemy.exc import DBAPIError

from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.ledger.engine import writing
from pam_deploy_graph.system import outage

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Outage(outage.Outage):
    """同名的那一个，听得懂 SQLAlchemy 的错误。"""

    def __init__(self, engine: Engine, seconds: float = outage.PATIENCE_SECONDS) -> None:
        """同上。"""
        there = engine.url.set(drivername="postgresql") if engine.dialect.name == "postgresql" else None
        super().__init__(there.render_as_string(hide_password=False) if there else "", seconds)

    def wait(self, error: BaseException | None, *, held: bool = False) -> bool:
        """同上；断的是不是已经连上的，看错误就知道。"""
        return super().wait(getattr(error, "orig", None), held=held or _invalidated(error))


def _invalidated(error: BaseException | None) -> bool:
    """断的是已经连上的。"""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def outlasting(work: Callable[Concatenate[Engine, _P], _T]) -> Callable[Concatenate[Engine, _P], _T]:
    """让一个读写账本的函数等得过断线：``work`` 整个再做一遍，所以它做两遍须与一遍相同。"""

    def patient(engine: Engine, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """同 ``work``。"""
        with Outage(engine) as gone:
            while True:
                try:
                    return work(engine, *args, **kwargs)
                except LedgerError as error:
                    if not gone.wait(error.__cause__):
                        raise

    functools.update_wrapper(patient, work)
    return patient


@outlasting
def execute(engine: Engine, statements: Sequence[Executable]) -> None:
    """在一个写事务里执行几条语句；它们做两遍须与一遍相同。"""
    with writing(engine) as connection:
        for statement in statements:
            connection.execute(statement)
