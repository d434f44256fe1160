"""发给浏览器的帧：一次运行此刻的台数、快慢与变了的格子（纯函数）。"""

import json
from typing import Any

from pam_deploy_graph.console.live import KEYS, Live
from pam_deploy_graph.i18n import msgid, tr
from pam_deploy_graph.system.shown_time import clock


def run_frame(live: Live, after: int, grid: str, now: int) -> dict[str, Any]:
    """第 ``after`` 行之后的一帧；网格换了的只说一声，请页面重画。"""
    known = {"run": live.state.run_id, "q": live.seq}
    if grid != live.grid:
        return known | {"reload": 1}
    numbers = [live.counts[key] for key in KEYS]
    return known | {"n": numbers, "x": figures(live, now), "side": live.side, "d": live.delta(after)}


def figures(live: Live, now: int) -> dict[str, str]:
    """页首的几个数，写成字。"""
    rate, left = live.rate(now), len(live.ips) - live.done() - live.counts["offline"]
    rolling = bool(live.holder) and left > 0
    return {
        "done": str(live.done()),
        "total": str(len(live.ips)),
        "dark": str(len(live.dark)),
        "rate": _rate_text(rate) if rolling and rate else "",
        "eta": clock_text(now + round(left * 1000 / rate)) if rolling and rate else "",
        "phase": tr(phase_word(live)),
    }


def phase_word(live: Live) -> str:
    """处境，一两个词；显示时才换成看的人的语言。"""
    state = live.state
    if state.exit_code is not None:
        return msgid("已结束")
    if live.holder:
        return msgid("进行中")
    if state.paused_by:
        return msgid("停着")
    if live.counts["waiting"] or live.counts["stuck"]:
        return msgid("等人决定")
    asked = state.plan_digest and state.plan_digest != state.plan_approved and not state.ip_states
    return msgid("计划等批准") if asked else msgid("没有进程在推")


def clock_text(at: int) -> str:
    """时刻，到分；时区另在页首写明。"""
    return clock(at)[:5]


def _rate_text(rate: float) -> str:
    """快慢。"""
    return tr("{rate:.0f} 台/秒", rate=rate) if rate >= 1 else tr("{rate:.1f} 台/分", rate=rate * 60)


def wire(frame: dict[str, Any]) -> bytes:
    """写成 SSE 的一条；JSON 里没有换行。"""
    return b"data: " + json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
