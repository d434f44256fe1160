"""模块锁：同一机场的同一模块，同一时刻只有一次推出。持有者是一次运行，而不是一个进程。"""

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from pam_deploy_graph.errors import ModuleBusyError
from pam_deploy_graph.ledger.clock import now_ms, shown_time
from pam_deploy_graph.ledger.engine import reading, writing
from pam_deploy_graph.ledger.schema import module_locks, runs


def acquire(engine: Engine, run_no: int, module: str) -> None:
    """取得锁；已经是自己的也算。

    Args:
        engine: 账本的引擎。
        run_no: 哪次运行。
        module: ``机场/应用/模块``。

    Raises:
        ModuleBusyError: 别的运行占着；消息说明是谁、自何时、怎么办。

    """
    check(engine, run_no, module)
    try:
        with writing(engine) as connection:
            mine = select(module_locks.c.run_no).where(module_locks.c.module == module)
            if connection.execute(mine).scalar() != run_no:
                connection.execute(insert(module_locks).values(module=module, run_no=run_no, since=now_ms()))
    except IntegrityError:
        check(engine, run_no, module)


def check(engine: Engine, run_no: int, module: str) -> None:
    """别的运行占着就报错；只看，不取锁。"""
    query = (
        select(runs.c.run_id, module_locks.c.since)
        .join_from(module_locks, runs)
        .where(module_locks.c.module == module, module_locks.c.run_no != run_no)
    )
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        return
    raise ModuleBusyError(
        f"{module} 正由运行 {row.run_id} 占着（自 {shown_time(row.since)}，还没有结束）；"
        f"用 resume {row.run_id} 做完它，或用 cancel {row.run_id} 放弃它，然后再继续"
    )


def release(engine: Engine, run_no: int) -> None:
    """放掉一次运行的锁；没有也无妨。"""
    with writing(engine) as connection:
        connection.execute(delete(module_locks).where(module_locks.c.run_no == run_no))
