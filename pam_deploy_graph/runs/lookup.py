"""看已有的运行、答它的问题：没有账本就是没有运行，不因为看一眼就新建目录与文件。"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pam_deploy_graph.errors import RunNotFoundError
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings


def require_store(settings: Settings, home: Path, run_id: str) -> None:
    """``home`` 还没有账本时抛 ``RunNotFoundError``，说出要找的运行。"""
    if not settings.has_store(home):
        raise RunNotFoundError(run_id)


@contextlib.contextmanager
def past_runs(settings: Settings, home: Path, run_id: str = "") -> Iterator[Services]:
    """打开已有的账本，用完即关。

    Args:
        settings: 设置。
        home: 工作目录。
        run_id: 要找的运行；空串是最近一次。

    Yields:
        部件。

    Raises:
        RunNotFoundError: 还没有账本。

    """
    require_store(settings, home, run_id)
    services = Services(home=home, settings=settings)
    try:
        yield services
    finally:
        services.close()
