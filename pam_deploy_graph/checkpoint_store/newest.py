"""哪一个检查点最新：看谁接着谁，不看时间。

检查点的名字由时间得来；时钟拨回过，名字大的反而旧。每个检查点记着它接着哪一个，没有被接着的才是最新；
有几个分岔的，名字最大的作数。
"""

from collections.abc import Iterable
from typing import Any, Final

PAIRS: Final = "SELECT checkpoint_id, parent_checkpoint_id FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ?"


def asked_by(config: Any) -> tuple[str, str] | None:
    """返回要找最新的是哪个会话 ``(thread_id, checkpoint_ns)``；点名要某一个的为 ``None``。"""
    given = config["configurable"]
    return None if given.get("checkpoint_id") else (str(given["thread_id"]), given.get("checkpoint_ns", ""))


def pointing_at(config: Any, pairs: Iterable[tuple[str, str | None]]) -> Any:
    """返回点名最新的那一个的配置，写法同上游自己给出的；一个也没有的原样返回。"""
    followed = list(pairs)
    ends = {one for one, _ in followed} - {before for _, before in followed}
    newest = max(ends or {one for one, _ in followed}, default=None)
    if newest is None:
        return config
    thread_id, namespace = config["configurable"]["thread_id"], config["configurable"].get("checkpoint_ns", "")
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": newest}}
