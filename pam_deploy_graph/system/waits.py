"""这个进程此刻在等什么：等的地方说一声，屏幕照着显示。"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from pam_deploy_graph.i18n import tr

hearers: Final[list[Callable[[str], None]]] = []
"""开始等、等到了，各告诉它们一句；在等的那个线程里调用。"""
_now: Final[dict[str, tuple[int, float]]] = {}
"""在等的事，几处在等、从何时起。"""
_lock: Final = threading.Lock()


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """其间算在等 ``what``；几处等同一件事，只说一遍。"""
    with _lock:
        number, began = _now.get(what, (0, time.monotonic()))
        _now[what] = number + 1, began
    if not number:
        _tell(tr("等着：{what}", what=what))
    try:
        yield
    finally:
        with _lock:
            number, began = _now.pop(what)
            if number > 1:
                _now[what] = number - 1, began
        if number == 1:
            _tell(tr("等完了（{monotonic:.0f} 秒）：{what}", monotonic=time.monotonic() - began, what=what))


def told() -> str:
    """此刻在等的事，各等了多久；没有在等为空串。"""
    with _lock:
        found = dict(_now)
    return tr("；").join(
        tr("等着 {monotonic:.0f} 秒了：{what}", monotonic=time.monotonic() - began, what=what)
        for what, (_, began) in found.items()
    )


def _tell(text: str) -> None:
    """告诉各个听众。"""
    for hear in hearers:
        hear(text)
