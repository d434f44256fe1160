"""发件箱：一条线上的事件先应用、先攒着，到必须落盘时合成一行写下。

攒着的只有「丢了也能查证」的事件：某步的 ``DONE`` 丢了，恢复时它的 ``INTENT`` 还在，会去问工作站。
于是某步的 ``DONE`` 与下一步的 ``INTENT`` 同一行，省掉近一半的写盘。
"""

from pam_deploy_graph.ledger import RunSession
from pam_deploy_graph.models import Event


class Outbox:
    """一台工作站（或全局步骤）的事件出口。"""

    def __init__(self, session: RunSession) -> None:
        """收下写账本的会话。"""
        self._session = session
        self._held: list[Event] = []

    def tell(self, event: Event) -> None:
        """应用一个事件，攒着。"""
        self._session.note(event)
        self._held.append(event)

    async def commit(self, *events: Event) -> None:
        """连同 ``events`` 把攒着的写成一行，等它落盘。

        Raises:
            LedgerError: 写不进去；调用者不得动手。

        """
        for event in events:
            self.tell(event)
        held, self._held = self._held, []
        if held:
            await self._session.write(held)
