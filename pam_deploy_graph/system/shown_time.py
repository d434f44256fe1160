"""时刻与时长写给人看，时刻带着时区（纯函数）。"""

from datetime import datetime
from typing import Final

from pam_deploy_graph.i18n import tr

_SECOND: Final = 1_000
_MINUTE, _HOUR = 60, 3600


def moment(at: int | None) -> str:
    """把 Unix 毫秒写成当地的日期与时刻；没有则为空串。"""
    return f"{_local(at):%Y-%m-%d %H:%M:%S}" if at else ""


def clock(at: int | None) -> str:
    """把 Unix 毫秒写成当地的时刻；没有则为空串。"""
    return f"{_local(at):%H:%M:%S}" if at else ""


def zoned_clock(at: int | None) -> str:
    """把 Unix 毫秒写成当地的时刻，带着时区；没有则为空串。"""
    return zoned_moment(at).partition(" ")[2] if at else ""


def zoned_moment(at: int) -> str:
    """把 Unix 毫秒写成当地的日期与时刻，带着时区。"""
    return _local(at).isoformat(sep=" ", timespec="seconds")


def zone(*moments: int | None) -> str:
    """返回这些时刻当地时区的写法，如 ``UTC+08:00``；跨过夏令时的有两个，都说出来。"""
    return tr("、").join(dict.fromkeys(f"UTC{zoned_moment(at)[-6:]}" for at in moments if at))


def span(milliseconds: float) -> str:
    """把毫秒写成人读的时长；小于零的是钟拨回过，多久不知道。"""
    if milliseconds < 0:
        return tr("未知（钟拨回过）")
    if milliseconds < _SECOND:
        return tr("{milliseconds:.0f} 毫秒", milliseconds=milliseconds)
    seconds = milliseconds / _SECOND
    if seconds < _MINUTE:
        return tr("{seconds:.1f} 秒", seconds=seconds)
    whole = round(seconds)
    if whole < _HOUR:
        return tr("{whole} 分 {whole2:02d} 秒", whole=whole // _MINUTE, whole2=whole % _MINUTE)
    return tr("{whole} 小时 {whole2:02d} 分", whole=whole // _HOUR, whole2=whole % _HOUR // _MINUTE)


def _local(at: int) -> datetime:
    """当地时间。"""
    return datetime.fromtimestamp(at / 1000).astimezone()
