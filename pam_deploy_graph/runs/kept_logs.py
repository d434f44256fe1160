"""工作站日志与调用轨迹：账本几台机器共用的，末尾也留在账本旁边，从哪台机器都看得到（contract 第 8 节）。"""

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pam_deploy_graph.errors import LedgerError
from pam_deploy_graph.flows.diagnosis import Lines, tail_of
from pam_deploy_graph.home.run_files import log_folder
from pam_deploy_graph.ledger.kept_files import Tail, keep_files, kept_file, kept_names
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.system.masking import mask

if TYPE_CHECKING:
    from pam_deploy_graph.runs.services import Services

_TRACE: Final = "trace "
"""轨迹的名字：后面是哪台主机。"""
_SHOWN_LINES: Final = 20
_logger: Final = logging.getLogger("pam_deploy_graph.logs")


class LogKeeper:
    """一个进程里的日志：本机有的读本机的，没有的取账本旁边那一份。"""

    def __init__(self, services: "Services") -> None:
        """还没有什么要留。"""
        self._services = services
        self._fetched: dict[str, dict[str, str]] = {}

    @contextlib.contextmanager
    def watching(self, state: AgentState) -> Iterator[Callable[[Event], None]]:
        """跟着一次运行的一段，记下取回了哪几台的日志。"""
        fetched = self._fetched.setdefault(state.run_id, {})

        def hear(event: Event) -> None:
            """一台的日志取回来了。"""
            if (ip := event.get("ip")) and (name := event.get("values", {}).get("LOG_FILE")):
                fetched[ip] = str(name)

        yield hear

    def flush(self, state: AgentState) -> None:
        """留下这一段取回的；留不成不妨碍推出，下一段再留。"""
        fetched = self._fetched.get(state.run_id, {})
        if not self._services.settings.pam_store_url.startswith("postgresql"):
            return fetched.clear()
        ledger, files = self._services.ledger, {ip: self._local(state, name) for ip, name in fetched.items()}
        files[f"{_TRACE}{socket.gethostname()}"[:80]] = _tail(Path(state.trace_file_path))
        kept: dict[str, Tail] = {name: found for name, found in files.items() if found}
        try:
            keep_files(ledger.engine, ledger.get_run(state.run_id).run_no, kept)
        except LedgerError as error:
            _logger.warning("%s", error)
        else:
            fetched.clear()
        return None

    def lines(self, state: AgentState, ip: str) -> Lines:
        """一台的日志末尾，连同行号；没有为空。"""
        found = self._local(state, state.ip_states[ip]["log_file"]) if ip in state.ip_states else None
        skipped, text = found or self._kept(state, ip) or (0, "")
        return list(enumerate(text.splitlines(), skipped + 1))

    def tail(self, state: AgentState, ip: str) -> list[str]:
        """一台的日志最后几行。"""
        return [line for _, line in self.lines(state, ip)[-_SHOWN_LINES:]]

    def trace(self, state: AgentState, ip: str) -> list[str]:
        """轨迹里说到一台的最后几行，几台主机的照时刻排好。"""
        ledger = self._services.ledger
        names = kept_names(ledger.engine, ledger.get_run(state.run_id).run_no, _TRACE)
        texts = [self._kept(state, name) for name in names] or [_tail(Path(state.trace_file_path))]
        lines = [line for found in texts if found for line in found[1].splitlines() if f" {ip} " in line]
        return sorted(lines)[-_SHOWN_LINES:]

    def _kept(self, state: AgentState, name: str) -> Tail | None:
        """账本旁边的一份。"""
        ledger = self._services.ledger
        return kept_file(ledger.engine, ledger.get_run(state.run_id).run_no, name)

    def _local(self, state: AgentState, name: str) -> Tail | None:
        """本机的一份；路径是对方说的，不在这次运行的日志目录里的不读。"""
        home = self._services.home
        path, folder = (home / name).resolve(), (home / log_folder(state)).resolve()
        return _tail(path) if name and "\0" not in name and path.is_relative_to(folder) else None


def _tail(path: Path) -> Tail | None:
    """一个文件的末尾，遮过秘密；读不了为 ``None``。"""
    try:
        lines = tail_of(path)
    except OSError:
        return None
    return (lines[0][0] - 1, mask("\n".join(line for _, line in lines))) if lines else None
