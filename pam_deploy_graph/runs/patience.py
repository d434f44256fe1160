"""等一个被别的运行占着的模块（``--wait``，contract 第 8 节）。"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pam_deploy_graph.errors import ModuleBusyError
from pam_deploy_graph.i18n import tr

_POLL_SECONDS: Final = 1.0


@dataclass
class Patience:
    """最多等 ``seconds`` 秒；``say`` 把在等什么说给人听。"""

    seconds: float = 0.0
    say: Callable[[str], None] = lambda _text: None

    def until_free(
        self,
        claim: Callable[[], None],
        *,
        stop: threading.Event,
        cancelled: Callable[[], bool],
        note: Callable[[str], None],
    ) -> None:
        """做 ``claim``；模块被占着就等，说明在等什么。

        Args:
            claim: 看一眼或占住模块。
            stop: 要停了，不再等。
            cancelled: 取消了没有，取消了也不再等。
            note: 记下在等什么，别的终端看得见。

        Raises:
            ModuleBusyError: 等到了时候还占着。

        """
        deadline, told = time.monotonic() + self.seconds, ""
        while True:
            try:
                return claim()
            except ModuleBusyError as error:
                left = deadline - time.monotonic()
                if left <= 0 or stop.is_set() or cancelled():
                    raise
                if told != (told := str(error)):
                    self.say(tr("等着（最多再等 {left:.0f} 秒）：{told}", left=left, told=told))
                    note(tr("等着：{told}", told=told))
                stop.wait(min(left, _POLL_SECONDS))
