"""PostgreSQL 一时不在（重启、切换、网络断了一下）：等它回来，值得就再做一遍。"""

import contextlib
import time
from types import TracebackType
from typing import Final, Self

from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.system import postgres
from pam_deploy_graph.system.waits import waiting

PATIENCE_SECONDS: Final = 20.0
"""一次读写最多等这么久；写事件的另有一个限度：租约。"""
_PAUSE_SECONDS: Final = 0.2
_SAID_AFTER: Final = 1.0
"""断了这么久才说出来；闪一下的不说。"""
_MOST_REFUSALS: Final = 2
"""服务在答话却连不上，两次就是真的连不上：口令不对、库没有了，不等；一次可能正好赶上它刚起来。"""
_WHAT: Final = msgid("数据库（PAM_STORE_URL）断开了，等它回来接着做")


class Outage:
    """一次读写遇到的断线；``with`` 着用，其间屏幕说得出在等它。"""

    def __init__(self, url: str, seconds: float = PATIENCE_SECONDS) -> None:
        """从现在算起，最多等 ``seconds`` 秒；``url`` 是 libpq 认得的地址，不是 PostgreSQL 的为空串，不等。"""
        self._url = url
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._refusals = 0
        self._said = contextlib.ExitStack()
        self._telling = False

    def __enter__(self) -> Self:
        """还没有断。"""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """等到了，或不等了。"""
        self._said.close()

    def wait(self, error: BaseException | None, *, held: bool = False) -> bool:
        """断线还值得等，就等一会儿返回真；不是断线，或等够了，立即返回假。

        Args:
            error: 驱动抛出的。
            held: 断的是已经连上的，不是连不上。

        """
        if not self._url or not (held or lost(error)) or time.monotonic() > self._until:
            return False
        if not held and postgres.accepts(self._url):
            self._refusals += 1
        time.sleep(_PAUSE_SECONDS)
        if not self._telling and time.monotonic() - self._began > _SAID_AFTER:
            self._telling = True
            self._said.enter_context(waiting(tr(_WHAT)))
        return self._refusals < _MOST_REFUSALS

    def waited(self) -> str:
        """等了多久，写进错误消息；没有等过为空串。"""
        seconds = time.monotonic() - self._began
        return tr("（等了 {seconds:.0f} 秒，数据库没有回来）", seconds=seconds) if seconds > _PAUSE_SECONDS else ""


def lost(error: BaseException | None) -> bool:
    """驱动的这个错误是不是连接断了、连不上，而不是语句本身的。"""
    if error is None or not hasattr(error, "sqlstate"):
        return False
    import psycopg  # 有这个属性的是驱动的错误，驱动已经载入了

    state = error.sqlstate
    return str(state).startswith(("08", "57P")) or (state is None and isinstance(error, psycopg.OperationalError))
