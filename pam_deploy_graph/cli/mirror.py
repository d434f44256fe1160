"""跟着别处正做着的一次运行：从账本一行一行地取来，照样折叠，告诉听众；断了、换了主机都接得上。"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, Self

from pam_deploy_graph.constants import build_action_backends
from pam_deploy_graph.ledger.fold import apply
from pam_deploy_graph.ledger.registry import INPUT_FIELDS
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.services import Watcher

_REVISED: Final = "RUN_REVISED"
_UNTOLD: Final = frozenset({"RUN_REGISTERED", _REVISED, "DECISIONS_SEEN"})
"""账本自己记的，在本机也不告诉听众。"""


class Mirror:
    """一次运行的折叠，每看一眼追上账本；``watchers`` 跟着它走。"""

    def __init__(self, runs: RunAccess, run_id: str, watchers: Sequence[Watcher]) -> None:
        """还没有看；还没有登记的，登记了再说。"""
        self._runs, self._run_id, self._watchers = runs, run_id, watchers
        self._stack = ExitStack()
        self.state: AgentState | None = None

    def __enter__(self) -> Self:
        """开始跟。"""
        return self

    def __exit__(self, *_: object) -> None:
        """不再跟。"""
        self._stack.close()

    def look(self, heard: Callable[[Event], None]) -> None:
        """追上账本，新的事件逐个告诉 ``heard``。"""
        if self.state is None:
            if not self._runs.exists(self._run_id):
                return
            self.state = self._begun()
            self._hear = [self._stack.enter_context(watch(self.state)) for watch in self._watchers]
        more = True
        while more:
            found = self._runs.events(self._run_id, self.state.ledger_seq)
            more = found["more"]
            for seq, row in found["rows"]:
                for event in row:
                    self._take(event, heard)
                self.state.ledger_seq = seq

    def _begun(self) -> AgentState:
        """登记的样子。"""
        state = AgentState(run_id=self._run_id, keep_events=False, **self._given())
        state.nonce, state.ledger_seq = self._runs.opening(self._run_id)["nonce"], 0
        return state

    def _given(self) -> dict[str, Any]:
        """登记的输入此刻的样子。"""
        found = self._runs.opening(self._run_id)["input"]
        given = {name: found[name] for name in INPUT_FIELDS}
        return given | {"action_backends": build_action_backends(given["execution_strategy"])}

    def _take(self, event: Event, heard: Callable[[Event], None]) -> None:
        """折进一个事件，再告诉听众。"""
        if self.state is None:
            return
        apply(self.state, event)
        if event["type"] == _REVISED:
            for name, value in self._given().items():
                setattr(self.state, name, value)
        for hear in self._hear:
            hear(event)
        if event["type"] not in _UNTOLD:
            heard(event)
