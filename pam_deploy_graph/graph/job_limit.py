"""作业有时限的服务器：一次作业做够了，把下一个排上再结束，推出因此不会被拦腰掐断（architecture「不止一台机器」）。

宿主设了 ``PAM_JOB_SECONDS`` 才这样做；下一个作业经服务器自己的接口（``PAM_SERVER``）排进去。直接调用图的，照旧做到底。
"""

import logging
import time
from collections import OrderedDict
from typing import Any, Final

from langgraph.config import get_config

from pam_deploy_graph.errors import PamError
from pam_deploy_graph.graph.remote import ServerThread
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.runs.services import Services

_HANDED: Final = "pam_go_on"
"""下一个作业的 ``configurable`` 里带着它：没有人说话，是接着做。"""
_MOST_KNOWN: Final = 1_000
_SECONDS: Final = 10.0
_logger: Final = logging.getLogger("pam_deploy_graph.jobs")
_began: Final[OrderedDict[str, float]] = OrderedDict()


def note_job(services: Services) -> None:
    """进了一个节点：记下这次作业是何时开始的。"""
    if services.settings.pam_job_seconds and (job := str(_configured().get("run_id") or "")):
        _began.setdefault(job, time.monotonic())
        while len(_began) > _MOST_KNOWN:
            _began.popitem(last=False)


def is_next_job() -> bool:
    """这次作业是上一个排上的：接着做，没有人说话。"""
    return bool(_configured().get(_HANDED))


def hand_on(services: Services) -> bool:
    """做够了就排上下一个作业；没有声明的、没有到时候的、排不上的为假：这一个接着做。"""
    known, limit = _configured(), services.settings.pam_job_seconds
    since = _began.get(str(known.get("run_id") or ""))
    if not limit or since is None or time.monotonic() - since < limit:
        return False
    settings = services.settings
    given = {"input": {}, "config": {"configurable": {_HANDED: True}, "recursion_limit": 10_000}}
    try:
        with ServerThread(
            settings.pam_server,
            thread_id=str(known["thread_id"]),
            api_key=settings.server_token(),
            seconds=_SECONDS,
            tls=settings.tls(),
        ) as thread:
            thread.submit(queue=True, **given)
    except PamError as error:
        _logger.warning(tr("下一个作业没有排上，这一个接着做：%s"), error)
        return False
    return True


def _configured() -> dict[str, Any]:
    """宿主给这次作业的 ``configurable``。"""
    return dict(get_config().get("configurable", {}))
