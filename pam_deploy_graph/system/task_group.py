"""同时做几件事的任务组：出了错抛出第一个真正的异常，不是 anyio 的异常组，外面才认得出是哪一种。"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup


@asynccontextmanager
async def task_group() -> AsyncIterator[TaskGroup]:
    """同 ``anyio.create_task_group``；一件出错，其余的取消，抛出那一件的异常。"""
    try:
        async with anyio.create_task_group() as group:  # noqa: TID251 —— 只有这里用它
            yield group
    except BaseExceptionGroup as errors:
        raise first_error(errors) from None


def first_error(error: BaseException) -> BaseException:
    """取出一层层异常组里第一个真正的异常；不是异常组的就是它自己。"""
    return first_error(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
