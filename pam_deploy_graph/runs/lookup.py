"""看已有的运行、答它的问题：没有账本就是没有运行，不因为看一眼就新建目录与文件。"""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from pam_deploy_graph.errors import InvalidInputError, RunNotFoundError
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.runs.lost_ledger import refuse_lost
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings

_WORD: Final = re.compile(r"(?P<told>(?:运行|\brun)\s*)?(?<![0-9A-Za-z_.-])(?P<name>[0-9A-Za-z][0-9A-Za-z_.-]{0,63})")
AT_HOME_ONLY: Final = msgid("这个命令要在账本所在的机器上做，不能经服务器；请去掉 PAM_SERVER 再来")
_SHORT: Final = 4
"""比这还短的像数目、像词：前面说了「运行」才算名字。"""


def runs_named(exists: Callable[[str], bool], text: str) -> list[str]:
    """话里点了名的运行，整个词是一次运行的名字才算（「1」不在「10.0.0.1」里），按先后。"""
    words = [(match["name"].rstrip(".-"), match["told"]) for match in _WORD.finditer(text)]
    return [name for name, told in words if (told or len(name) >= _SHORT) and exists(name)]


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


def refuse_server(settings: Settings) -> None:
    """设了 ``PAM_SERVER``，账本在服务器后面，本机的这一份不是人要看的。

    Raises:
        InvalidInputError: 设了它。

    """
    if settings.pam_server:
        raise InvalidInputError(tr(AT_HOME_ONLY))


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
    refuse_server(settings)
    require_store(settings, home, run_id)
    services = Services(home=home, settings=settings, look=look, channel="cli")
    try:
        yield services
    finally:
        services.close()
