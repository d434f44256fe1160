"""模块锁：同一机场的同一模块，同一时刻只有一次推出。持有者是一次运行，而不是一个进程；运行结束了，锁就不算数。"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Delete, Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from pam_deploy_graph.constants import ExecutionStrategy
from pam_deploy_graph.errors import ModuleBusyError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.ledger.engine import reading, writing
from pam_deploy_graph.ledger.outlast import outlasting
from pam_deploy_graph.ledger.schema import module_locks, runs
from pam_deploy_graph.models import AgentState
from pam_deploy_graph.system.shown_time import zoned_moment

_OVER: Final = select(runs.c.run_no).where(runs.c.exit_code.is_not(None))


def module_of(state: AgentState) -> str:
    """返回 ``机场/应用/模块``；演练用的 ``fake`` 没有外部世界，各占各的。"""
    names = [state.params[name] for name in ("AIRPORT_CODE", "APP_NAME", "MODULE_NAME")]
    own = [state.run_id] if state.execution_strategy == ExecutionStrategy.FAKE else []
    return "/".join(names + own)


@outlasting
def acquire(engine: Engine, run_no: int, module: str) -> None:
    """取得锁；已经是自己的也算，结束了的运行留下的不算，它自己也占不到。

    Args:
        engine: 账本的引擎。
        run_no: 哪次运行。
        module: ``机场/应用/模块``。

    Raises:
        ModuleBusyError: 别的运行占着；消息说明是谁、自何时、怎么办。

    """
    try:
        with writing(engine) as connection:
            _refuse(connection, run_no, module)
            left = delete(module_locks).where(module_locks.c.module == module, module_locks.c.run_no.in_(_OVER))
            connection.execute(left)
            mine = select(module_locks.c.run_no).where(module_locks.c.module == module)
            over = connection.execute(_OVER.where(runs.c.run_no == run_no)).first()
            if over is None and connection.execute(mine).scalar() is None:
                connection.execute(insert(module_locks).values(module=module, run_no=run_no, since=now_ms()))
    except IntegrityError:  # 别的进程刚刚抢先
        check(engine, run_no, module)


@outlasting
def check(engine: Engine, run_no: int, module: str) -> None:
    """别的运行占着就报错；只看，不取锁。"""
    with reading(engine) as connection:
        _refuse(connection, run_no, module)


@outlasting
def held(engine: Engine) -> Sequence[tuple[str, str, int, bool]]:
    """返回占着的模块：``(模块, 运行, 自何时, 那次运行已经结束)``。"""
    query = select(module_locks.c.module, runs.c.run_id, module_locks.c.since, runs.c.exit_code)
    with reading(engine) as connection:
        rows = connection.execute(query.join_from(module_locks, runs).order_by(module_locks.c.module)).all()
    return [(module, run_id, since, exit_code is not None) for module, run_id, since, exit_code in rows]


def releasing(run_no: int) -> Delete:
    """返回放掉一次运行的锁的语句，与「停下」或「结束」在同一个事务里执行。"""
    return delete(module_locks).where(module_locks.c.run_no == run_no)


def _refuse(connection: Connection, run_no: int, module: str) -> None:
    """别的没有结束的运行占着就报错。"""
    query = (
        select(runs.c.run_id, module_locks.c.since)
        .join_from(module_locks, runs)
        .where(module_locks.c.module == module, module_locks.c.run_no != run_no, runs.c.exit_code.is_(None))
    )
    if row := connection.execute(query).first():
        raise ModuleBusyError(
            tr(
                "{module} 正由运行 {run_id} 占着（自 {zoned_moment}，还没有结束）；用 resume "
                "{run_id} 做完它，或用 cancel {run_id} 取消它，然后再继续；也可以加 --wait 秒数等它",
                module=module,
                run_id=row.run_id,
                zoned_moment=zoned_moment(row.since),
            )
        )
