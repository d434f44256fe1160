"""文字：外来文字变得可以放心显示，时间与时长写给人看（纯函数）。"""

import re
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_PICTURES: Final = 0x2400
_SECOND: Final = 1_000
_MINUTE, _HOUR = 60, 3600


def clean(value: Any) -> str:
    """把外来文字里看不见而会捣乱的字符换成看得见的写法。

    终端颜色只是装饰，去掉；其余控制字符、改变书写方向的字符、落单的代理项一律现形。
    换行与制表保留。``Markup`` 是本包自己的文字，原样返回；转义由模板引擎随后完成。
    """
    if isinstance(value, Markup):
        return value
    text = _COLOURS.sub("", str(value).replace("\r\n", "\n"))
    return _INVISIBLE.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    """一个看不见的字符的可见写法。"""
    code = ord(found[0])
    if code < ord(" "):
        return chr(_PICTURES + code)
    return f"\\u{code:04x}"


def shorten(text: str, most: int) -> str:
    """截到至多 ``most`` 个字符，截过的以省略号结尾。"""
    return text if len(text) <= most else text[: most - 1] + "…"


def moment(at: int | None) -> str:
    """把 Unix 毫秒写成当地的日期与时刻；没有则为空串。"""
    return f"{_local(at):%Y-%m-%d %H:%M:%S}" if at else ""


def clock(at: int | None) -> str:
    """把 Unix 毫秒写成当地的时刻；没有则为空串。"""
    return f"{_local(at):%H:%M:%S}" if at else ""


def zone(at: int | None) -> str:
    """返回当地时区的写法，如 ``UTC+08:00``。"""
    offset = f"{_local(at):%z}" if at else ""
    return f"UTC{offset[:3]}:{offset[3:]}" if offset else ""


def span(milliseconds: float) -> str:
    """把毫秒写成人读的时长。"""
    if milliseconds < _SECOND:
        return f"{milliseconds:.0f} 毫秒"
    seconds = milliseconds / _SECOND
    if seconds < _MINUTE:
        return f"{seconds:.1f} 秒"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} 分 {whole % _MINUTE:02d} 秒"
    return f"{whole // _HOUR} 小时 {whole % _HOUR // _MINUTE:02d} 分"


def _local(at: int) -> datetime:
    """当地时间。"""
    return datetime.fromtimestamp(at / 1000).astimezone()
