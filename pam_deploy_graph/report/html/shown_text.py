"""文字：外来文字变得可以放心显示（纯函数）。"""

import re
from typing import Any, Final

from markupsafe import Markup

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_PICTURES: Final = 0x2400


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
