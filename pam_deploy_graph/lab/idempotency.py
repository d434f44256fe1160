"""幂等：同一个键、同样的内容，得到第一次的应答，什么也不改变（contract 第 3 节）。"""

import asyncio
from collections.abc import Awaitable, Callable

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.lab.database import Call, Reply, Store
from pam_deploy_graph.lab.http_common import Refused


class Once:
    """保证一个服务（HOME 或一个 NODE）的每个幂等键只做一次。"""

    def __init__(self, store: Store) -> None:
        """应答存在 ``store`` 里，重启之后仍然有效。"""
        self._store = store
        self._busy: dict[tuple[str, str], tuple[str, asyncio.Event]] = {}

    async def run(self, call: Call, work: Callable[[], Awaitable[Reply]]) -> tuple[Reply, bool]:
        """做一次，或者取回第一次的应答；第一次还没做完就等它。

        Args:
            call: 这次调用。
            work: 真正去做；它自己在事务里 ``finish``，拒绝时抛 ``Refused``。

        Returns:
            应答，以及它是不是取回的。

        Raises:
            Refused: 同一个键带了别的内容（422），或 503 这样暂时的拒绝（不记住）。
            NoAnswer: 没有做，也不作答；同一个键可以重新再试。

        """
        name = (call.scope, call.key)
        while True:
            if (reply := self._recall(call)) is not None:
                return reply, True
            busy = self._busy.get(name)
            if busy is None:
                break
            _same(call, busy[0])
            await busy[1].wait()
        done = asyncio.Event()
        self._busy[name] = (call.digest, done)
        try:
            return await self._first(call, work), False
        finally:
            del self._busy[name]
            done.set()

    def _recall(self, call: Call) -> Reply | None:
        """取回记住的应答；只有意图的不算。"""
        seen = self._store.recall(call)
        if seen is None:
            return None
        _same(call, seen[0])
        return seen[1]

    async def _first(self, call: Call, work: Callable[[], Awaitable[Reply]]) -> Reply:
        """第一次去做；最终的拒绝也记住。"""
        try:
            return await work()
        except Refused as refusal:
            if not refusal.final:
                raise
            with self._store.transaction():
                return self._store.finish(call, Reply(refusal.status, refusal.payload))


def _same(call: Call, digest: str) -> None:
    """同一个键的内容必须相同，否则答 422。"""
    if call.digest != digest:
        raise Refused(422, tr("幂等键 {key} 已用于另一个请求：内容不同就必须换一个键", key=call.key))
