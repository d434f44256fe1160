"""``status --watch``：看着一次运行，直到它结束或按 Ctrl-C；终端里一屏一屏地换，别处变了才写一行。"""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.cli.mirror import Mirror
from pam_deploy_graph.cli.options import settings_for
from pam_deploy_graph.cli.progress import emit
from pam_deploy_graph.cli.reaching import reaching
from pam_deploy_graph.cli.screen import is_live
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.ledger.clock import now_ms
from pam_deploy_graph.report.progress_line import Progress
from pam_deploy_graph.runs.access import RunAccess
from pam_deploy_graph.runs.lookup import past_runs
from pam_deploy_graph.runs.status import render_standing, standing_of
from pam_deploy_graph.system.shown_time import zoned_moment
from pam_deploy_graph.system.terminal import put

_TICK: Final = 1.0
_SHARE: Final = 5
"""大机群看一眼要得久：歇的是看的这么多倍。"""
_HEARTBEAT: Final = 30.0
_CLEAR: Final = "\x1b[H\x1b[J"
_KEYS: Final = ("phase", "counts", "running_ips", "out_of_service", "holder", "exit_code")
_NOBODY: Final = msgid("没有进程在做它")


def watch(home: Path, run_id: str, *, as_json: bool) -> None:
    """看着一次运行。

    Args:
        home: 工作目录。
        run_id: 运行名；空串是最近一次。
        as_json: 变了就写一行 JSON。

    Raises:
        RunNotFoundError: 没有这次运行。

    """
    show = _Changes(as_json=as_json) if as_json or not (is_live() and sys.stdout.isatty()) else _screenful
    try:
        with _opened(home, run_id) as view:
            _keep_looking(view, show)
    except KeyboardInterrupt:
        put(tr("\n不再看了；运行不受影响。"), err=True)


def _keep_looking(view: "_View | _ServedView", show: Callable[[dict[str, Any], str], None]) -> None:
    """看到它结束。"""
    while True:
        began = time.monotonic()
        found, line = view.look()
        show(found, line)
        if found["exit_code"] is not None:
            return
        time.sleep(max(_TICK, _SHARE * (time.monotonic() - began)))


@contextlib.contextmanager
def _opened(home: Path, run_id: str) -> "Iterator[_View | _ServedView]":
    """本机的账本，或服务器。"""
    if not settings_for(home).pam_server:
        yield _View(home, run_id)
        return
    with reaching(home, run_id) as runs:
        found = runs.standing(run_id)["run_id"]
        progress = Progress(by_ledger=True)
        with Mirror(runs, found, [progress.following]) as mirror:
            yield _ServedView(runs, found, progress, mirror)


class _ServedView:
    """服务器上的一次运行。"""

    def __init__(self, runs: RunAccess, run_id: str, progress: Progress, mirror: Mirror) -> None:
        """还没有看。"""
        self._runs, self._run_id, self._progress, self._mirror = runs, run_id, progress, mirror

    def look(self) -> tuple[dict[str, Any], str]:
        """返回处境与一行进度。"""
        self._mirror.look(lambda _event: None)
        found = self._runs.standing(self._run_id)
        return found, self._progress.line() if found["holder"] else ""


class _View:
    """一次运行的折叠，每看一眼追上账本；进度的时刻取自账本。"""

    def __init__(self, home: Path, run_id: str) -> None:
        """折叠到此刻。"""
        self._home, self._settings = home, settings_for(home)
        self._progress = Progress(by_ledger=True)
        with past_runs(self._settings, home, run_id, look=True) as services:
            run_id = run_id or services.ledger.list_runs(1)[0].run_id
            self._state = services.ledger.load_state(run_id, keep_events=False)
        self._state.ledger_seq = -1
        self._hear = self._progress.following(self._state).__enter__()

    def look(self) -> tuple[dict[str, Any], str]:
        """返回处境与一行进度；账本每次重新打开：只读地开着的看不见后来写的。"""
        with past_runs(self._settings, self._home, self._state.run_id, look=True) as services:
            services.ledger.catch_up(self._state, self._hear)
            services.inventory.lend_names(self._state)
            found = standing_of(services.ledger, services.ledger.get_run(self._state.run_id), self._state)
        return found, self._progress.line() if found["holder"] else ""


def _screenful(found: dict[str, Any], line: str) -> None:
    """换一屏；放不下的说还有几行。"""
    columns, rows = shutil.get_terminal_size()
    now = tr("{zoned_moment} · {line} · Ctrl-C 不再看", zoned_moment=zoned_moment(now_ms()), line=line or _idle(found))
    told = render_standing(found).splitlines()
    told.insert(bool(found["first_line"]), now)  # 停用的柜台总在第一行
    lines = [piece for text in told for piece in _folded(text, columns)]
    more = len(lines) - (rows - 1)
    if more > 0:
        lines = [
            *lines[: rows - 2],
            tr("…… 还有 {more} 行，用 status {run_id} 看全", more=more + 1, run_id=found["run_id"]),
        ]
    put("\n".join(lines), before=_CLEAR)


def _folded(text: str, columns: int) -> list[str]:
    """照终端的宽度折行。"""
    from pam_deploy_graph.report.text_table import width_of

    pieces = [""]
    for each in text:
        if width_of(pieces[-1] + each) > columns:
            pieces.append("")
        pieces[-1] += each
    return pieces


def _idle(found: dict[str, Any]) -> str:
    """没有进度可说时的一句。"""
    return tr("已结束") if found["exit_code"] is not None else tr(_NOBODY) if not found["holder"] else tr("还没有开工")


class _Changes:
    """不是终端的：变了才写，许久没有变的写一行进度。"""

    def __init__(self, *, as_json: bool) -> None:
        """还什么都没有写。"""
        self._as_json, self._known, self._told_at = as_json, None, 0.0

    def __call__(self, found: dict[str, Any], line: str) -> None:
        """看了一眼。"""
        key: Any = {name: found[name] for name in _KEYS}
        changed, late = key != self._known, time.monotonic() - self._told_at >= _HEARTBEAT
        if not changed and not late:
            return
        self._known, self._told_at = key, time.monotonic()
        if self._as_json:
            emit(found | {"progress": line})
        elif found["exit_code"] is not None:
            put(render_standing(found))
        else:
            brief = render_standing(found, brief=True).replace("\n", "；")
            put(f"{zoned_moment(now_ms())} {line or tr('{idle}；{brief}', idle=_idle(found), brief=brief)}")
