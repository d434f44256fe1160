"""各幕：宿主做了什么，推出随后怎样。"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httpx

from tools.hosts.rolling import EFFECTS, Rolling

STATUS: Final = "到哪了"
EARLY: Final = 3
"""第一台刚做完。"""


@dataclass(frozen=True, slots=True)
class Scene:
    """一幕；``stops`` 是推出已中断（进行中的先做完），否则它自己做到底。"""

    what: str
    setting: str
    play: Callable[[Rolling], None]
    stops: bool


def _typed(strategy: str, rolling: Rolling) -> None:
    """推着的时候又说一句。"""
    rolling.approve(EARLY)
    rolling.say(STATUS, multitask_strategy=strategy)


def _refused(rolling: Rolling) -> None:
    """服务器不收的一句。

    Raises:
        AssertionError: 它收了。

    """
    rolling.approve(EARLY)
    try:
        rolling.say(STATUS, multitask_strategy="reject")
    except httpx.HTTPStatusError:
        return
    raise AssertionError("正忙着的会话收下了一句话")


def _left(mode: Any, rolling: Rolling) -> None:
    """看着流的人走了。"""
    stream = rolling.watch(stream_mode="custom", on_disconnect=mode)
    next(part for part in stream if part.event == "custom" and part.data["event"]["type"] == "IP_START")
    stream.close()  # type: ignore[attr-defined]  # 生成器


def _cancelled(action: str, rolling: Rolling) -> None:
    """由服务器取消。"""
    rolling.cancel(rolling.approve(EARLY), action)


SCENES: Final[Sequence[Scene]] = (
    Scene("推着的时候又说一句", '`multitask_strategy="enqueue"`', partial(_typed, "enqueue"), stops=False),
    Scene("推着的时候又说一句", '`multitask_strategy="reject"`', _refused, stops=False),
    Scene("推着的时候又说一句", '`multitask_strategy="interrupt"`', partial(_typed, "interrupt"), stops=True),
    Scene("推着的时候又说一句", '`multitask_strategy="rollback"`', partial(_typed, "rollback"), stops=True),
    Scene("页面关掉、网断了", '`on_disconnect="continue"`', partial(_left, "continue"), stops=False),
    Scene("页面关掉、网断了", '`on_disconnect="cancel"`', partial(_left, "cancel"), stops=True),
    Scene("Cancel", '`runs.cancel(action="interrupt")`', partial(_cancelled, "interrupt"), stops=True),
    Scene("Cancel", '`runs.cancel(action="rollback")`', partial(_cancelled, "rollback"), stops=True),
)
TOLD: Final = "说走到哪里；说「继续」做完"
ASKED: Final = "把计划再问一遍；答了接着做完"
FINISHED: Final = "接着做完"
FORKS: Final = {
    "intent": TOLD,
    "params": TOLD,
    "plan": TOLD,
    "approve-plan": ASKED,
    "global-flow": FINISHED,
    "ip-flow": FINISHED,
}
"""做了一半的，从哪个节点之前回去再来，怎样；了结了的一律说结果。"""
MOMENTS: Final = (0, 1, 2, 4, 5, 7, 8, EFFECTS)
"""取消的时刻：有了几个效果。"""
