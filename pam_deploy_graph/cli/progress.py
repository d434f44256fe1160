"""进度：把账本事件显示给人看（标准错误），或逐行写成 JSON（标准输出）。"""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from rich.console import Console

from pam_deploy_graph.cli.streams import json_text
from pam_deploy_graph.constants import ACTIONS, DECISIONS
from pam_deploy_graph.inputs.addresses import with_name
from pam_deploy_graph.models import AgentState, Event
from pam_deploy_graph.protocol.outcome import Outcome
from pam_deploy_graph.report.summary import counts
from pam_deploy_graph.system.safe_text import printable

Listener = Callable[[Event], None]
QUIET: Final = frozenset({"INTENT", "LOG_SAVED", "PLAN_PROPOSED", "PLAN_WITHDRAWN"})


class JsonProgress:
    """一行一个 JSON 事件；说到一台的，知道名称就带上。"""

    def __init__(self, state: AgentState | None, names: Mapping[str, str]) -> None:
        """``state`` 是接着做的运行，``names`` 是此刻的名称清单。"""
        self._names = (state.names if state else {}) or names

    def __call__(self, event: Event) -> None:
        """写出一个事件。"""
        self._names = event.get("names") or self._names
        if event["type"] not in QUIET:
            name = self._names.get(event.get("ip", ""))
            emit(event | {"name": name} if name else event)


def emit(event: dict[str, Any]) -> None:
    """写一行 JSON 到标准输出并立即送出。"""
    sys.stdout.write(json_text(event) + "\n")
    sys.stdout.flush()


def unless_deaf(listener: Listener, stop: threading.Event) -> Listener:
    """包住一个听众：进度写不出去时照 ``deaf_stops`` 停。"""

    def listen(event: Event) -> None:
        """告诉它。"""
        with deaf_stops(stop):
            listener(event)

    return listen


@contextlib.contextmanager
def deaf_stops(stop: threading.Event) -> Iterator[None]:
    """写不出去（管道断了、磁盘满了）时像 Ctrl-C 那样停：在途的做完，不再开新的。"""
    try:
        yield
    except (OSError, SystemExit):  # rich 遇到断了的管道抛的是 SystemExit
        stop.set()
        let_go()


def let_go() -> None:
    """写不出去的标准流换成空的，免得解释器退出时再写一次，改了退出码。"""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)


class TextProgress:
    """逐行的进度；终端里带颜色，不在终端里是不折行的纯文字。"""

    def __init__(self, state: AgentState | None, names: Mapping[str, str]) -> None:
        """进度写到标准错误；``state`` 是接着做的运行，从它的台数数起；``names`` 是此刻的名称清单。"""
        self._names = (state.names if state else {}) or names
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        count = counts(state) if state else {"succeeded": 0, "targets": 0}
        self._done = count["succeeded"]
        self._targets = count["targets"]

    def __call__(self, event: Event) -> None:
        """显示一个事件。"""
        if line := self._line(event):
            self._console.print(line, markup=False, style=_STYLES.get(event["type"]))

    def _line(self, event: Event) -> str:
        """一个事件写成一行；不值得说的为空串。"""
        self._names = event.get("names") or self._names
        kind, ip = event["type"], with_name(event.get("ip", ""), self._names)
        missing = [with_name(each, self._names) for each in event.get("missing_ips", [])[:20]]
        if kind in ("PLAN_PROPOSED", "TARGET_SCOPE_CHANGED"):
            self._targets = len(event["target_ips"])
        if kind in ("IP_DONE", "IP_SKIPPED"):
            self._done += 1
        total = f"{self._done}/{self._targets or '?'}"
        lines = {
            "IP_DONE": f"[{total}] {ip} 完成",
            "IP_SKIPPED": f"[{total}] {ip} 已在目标版本，跳过",
            "IP_START": f"{ip} 开始",
            "CANARY_HOLD": f"灰度做完了，观察 {event.get('seconds')} 秒再验证一遍",
            "WAVE_PAUSE": f"做到第 {event.get('done')} 台了，停 {event.get('seconds')} 秒再做下一批",
            "SAME_FAILURES": f"接连几台同样的失败（{event.get('cause')}），不再开新的，先问",
            "CANARY_RELEASED": "灰度正常，推其余的",
            "RESEND_WAIT": _resend_line(event, ip),
            "TARGET_SCOPE_CHANGED": f"不在线，不部署: {'、'.join(missing)}",
            "CONFIRMATION_REQUIRED": f"{ip} 停在 {event.get('failed_stage')}，等人决定: {event.get('failure_reason')}",
            **{
                row.event: f"{ip} {row.progress}（{event.get('operator')}）"
                for row in DECISIONS.values()
                if row.progress
            },
            "ROLLBACK_DONE": f"{ip} 已回滚：{event.get('message')}",
            "ROLLBACK_FAILED": f"{ip} 回滚失败: {event.get('message')}",
        }
        if kind in ("ACTION_DONE", "ACTION_FAIL") and "ip" not in event:
            return f"{event['stage']} {'完成' if kind == 'ACTION_DONE' else '失败: ' + event['message']}"
        return printable(lines.get(kind, ""))


def _resend_line(event: Event, ip: str) -> str:
    """再送之前在等什么：没有收下的，还是不知道做没做的。"""
    if event["type"] != "RESEND_WAIT":
        return ""
    why = "没有收下" if event["outcome"] == Outcome.NOT_TAKEN else "没有答清楚"
    how = "用同一个键再发" if ACTIONS[event["stage"]].changes else "再问"
    what = f"{ip} {event['stage']}".strip()
    return f"{what} {why}，{event['seconds']:g} 秒后{how}：{event['message']}"


_STYLES: Final = {
    "IP_DONE": "green",
    "ACTION_FAIL": "red",
    "CONFIRMATION_REQUIRED": "yellow",
    "ROLLBACK_DONE": "cyan",
    "ROLLBACK_FAILED": "red",
}
