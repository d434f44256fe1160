"""看已有的运行、答它的问题：没有账本就是没有运行，不因为看一眼就新建目录与文件。"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pam_deploy_graph.errors import RunNotFoundError
from pam_deploy_graph.runs.lost_ledger import refuse_lost
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings


def require_store(settings: Settings, home: Path, run_id: str) -> None:
    """``home`` 要有账本。

    Raises:
        RunNotFoundError: 还没有账本；说出要找的运行。
        RecordsDisagreeError: 账本丢了，见 ``refuse_lost``。

    """
    refuse_lost(settings, home)
    if not settings.has_store(home):
        raise RunNotFoundError(run_id)


def require_records(settings: Settings, home: Path, run_id: str) -> None:
    """``home`` 至少要有一份记录：账本或检查点；都没有时抛 ``RunNotFoundError``。"""
    if not settings.has_store(home) and not Path(settings.checkpoint_store(home)).exists():
        raise RunNotFoundError(run_id)


@contextlib.contextmanager
def past_runs(settings: Settings, home: Path, run_id: str = "", *, look: bool = False) -> Iterator[Services]:
    """打开已有的账本，用完即关。

    Args:
        settings: 设置。
        home: 工作目录。
        run_id: 要找的运行；空串是最近一次。
        look: 只看：不新建、不迁移、不修补账本。

    Yields:
        部件。

    Raises:
        RunNotFoundError: 还没有账本。

    """
    require_store(settings, home, run_id)
    services = Services(home=home, settings=settings, look=look, channel="cli")
    try:
        yield services
    finally:
        services.close()
