"""进度：把账本事件显示给人看（标准错误），或逐行写成 JSON（标准输出）。"""

import threading
from collections.abc import Callable
from typing import Any, Final

from pam_deploy_graph.cli.desk import Desk
from pam_deploy_graph.cli.screen import deaf_stops
from pam_deploy_graph.cli.streams import json_text
from pam_deploy_graph.constants import ACTIONS, DECISIONS
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import with_name
from pam_deploy_graph.models import Event
from pam_deploy_graph.protocol.outcome import Outcome
from pam_deploy_graph.report.code_words import bare_reason
from pam_deploy_graph.report.progress_line import Progress
from pam_deploy_graph.system.safe_text import printable
from pam_deploy_graph.system.terminal import put_json

Listener = Callable[[Event], None]
QUIET: Final = frozenset({"INTENT", "LOG_SAVED", "PLAN_PROPOSED", "PLAN_WITHDRAWN"})


def json_events(progress: Progress) -> Listener:
    """返回一行一个 JSON 事件的听众；说到一台的，知道名称就带上。"""

    def listen(event: Event) -> None:
        """写出一个事件。"""
        if event["type"] not in QUIET:
            name = progress.names.get(event.get("ip", ""))
            emit(event | {"name": name} if name else event)

    return listen


def emit(event: dict[str, Any]) -> None:
    """写一行 JSON 到标准输出并立即送出。"""
    put_json(json_text(event))


def unless_deaf(listener: Listener, stop: threading.Event) -> Listener:
    """包住一个听众：进度写不出去时照 ``deaf_stops`` 停。"""

    def listen(event: Event) -> None:
        """告诉它。"""
        with deaf_stops(stop):
            listener(event)

    return listen


class EventLines:
    """一个值得说的事件一行；``progress`` 已经听过同一个事件。"""

    def __init__(self, desk: Desk, progress: Progress) -> None:
        """写到 ``desk``。"""
        self._desk, self._progress = desk, progress

    def __call__(self, event: Event) -> None:
        """显示一个事件。"""
        self._desk.face.heard()
        if line := self._line(event):
            self._desk.say(line, _COLOURS.get(event["type"]))

    def _line(self, event: Event) -> str:
        """一个事件写成一行；不值得说的为空串。"""
        names = self._progress.names
        kind, ip = event["type"], with_name(event.get("ip", ""), names)
        missing = [with_name(each, names) for each in event.get("missing_ips", [])[:20]]
        total = self._progress.done_text()
        lines = {
            "IP_DONE": tr("[{total}] {ip} 完成", total=total, ip=ip),
            "IP_SKIPPED": tr("[{total}] {ip} 已在目标版本，跳过", total=total, ip=ip),
            "IP_START": tr("{ip} 开始", ip=ip),
            "CANARY_HOLD": tr("灰度做完了，观察 {seconds} 秒再验证一遍", seconds=event.get("seconds")),
            "WAVE_PAUSE": tr(
                "做到第 {done} 台了，停 {seconds} 秒再做下一批", done=event.get("done"), seconds=event.get("seconds")
            ),
            "SAME_FAILURES": tr("接连几台同样的失败（{cause}），不再开新的，先问", cause=event.get("cause")),
            "CANARY_RELEASED": tr("灰度正常，推其余的"),
            "RESEND_WAIT": _resend_line(event, ip),
            "TARGET_SCOPE_CHANGED": tr("不在线，不部署: {missing}", missing=tr("、").join(missing)),
            "CONFIRMATION_REQUIRED": tr(
                "{ip} 停在 {failed_stage}，等人决定", ip=ip, failed_stage=event.get("failed_stage")
            ),
            **{
                row.event: tr(
                    "{ip} {progress}（{operator}）", ip=ip, progress=tr(row.progress), operator=event.get("operator")
                )
                for row in DECISIONS.values()
                if row.progress
            },
            "ROLLBACK_DONE": tr("{ip} 已回滚：{message}", ip=ip, message=event.get("message")),
            "ROLLBACK_FAILED": tr("{ip} 回滚失败: {message}", ip=ip, message=event.get("message")),
        }
        if kind in ("ACTION_DONE", "ACTION_FAIL") and "ip" not in event:
            return f"{event['stage']} {(tr('完成') if kind == 'ACTION_DONE' else tr('失败: ') + event['message'])}"
        return printable(lines.get(kind, ""))


def _resend_line(event: Event, ip: str) -> str:
    """再送之前在等什么：没有收下的，还是不知道做没做的。"""
    if event["type"] != "RESEND_WAIT":
        return ""
    why = tr("没有收下") if event["outcome"] == Outcome.NOT_TAKEN else tr("没有答清楚")
    how = tr("用同一个键重发") if ACTIONS[event["stage"]].changes else tr("再问")
    what = f"{ip} {event['stage']}".strip()
    said = bare_reason(event["message"], event["stage"], event.get("ip"))
    return tr(
        "{what} {why}，{seconds:g} 秒后{how}：{said}", what=what, why=why, seconds=event["seconds"], how=how, said=said
    )


_COLOURS: Final = {
    "IP_DONE": "green",
    "ACTION_FAIL": "red",
    "CONFIRMATION_REQUIRED": "yellow",
    "ROLLBACK_DONE": "cyan",
    "ROLLBACK_FAILED": "red",
}
