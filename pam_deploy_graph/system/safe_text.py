"""外来的文字怎样放进消息、屏幕与表格：控制字符、终端转义与令牌都不放出去（依据 faults「hostile」）。"""

import re
import unicodedata
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.system.masking import mask

_SHOWN_LENGTH: Final = 60
_MARKUP: Final = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)|<(?=[A-Za-z/!?])|\](?=[(\[:])|(?<=[A-Za-z]):(?=//)|(?<=www)\.", re.IGNORECASE
)
"""会开始一个标签、链接、图片或自动链接的字符，以及会吃掉下一个转义的反斜线。"""
_SHORTEST_SECRET: Final = 6
"""短于这个长度的令牌守不住什么，抹掉它却会毁了别的字；参考脚本也照这个长度。"""


def show_value(value: object) -> str:
    """把一个外来的值变成可以放进消息的样子：秘密遮去，控制字符转义，过长截断。

    Args:
        value: 任意输入值。

    Returns:
        单行、可打印的文字。

    """
    text = mask(value if isinstance(value, str) else repr(value))
    shown = repr(text[:_SHOWN_LENGTH])
    return shown if len(text) <= _SHOWN_LENGTH else tr("{shown}…（共 {n} 个字符）", shown=shown, n=len(text))


def printable(text: str) -> str:
    """把控制字符、换行与终端转义换成空格；长度不变。"""
    return "".join(char if char.isprintable() else " " for char in text)


def markdown_safe(text: str) -> str:
    """让外来的文字在 Markdown 里只是文字：成不了 HTML、图片与链接；在终端里照样读得懂。

    单行，控制字符换成空格；只在会生效的地方加反斜线。
    """
    return _MARKUP.sub(r"\\\g<0>", printable(text))


def neutralise(text: str) -> str:
    """把终端转义、换行、双向控制符等不可见字符写成看得见的转义；空格类字符保留。"""
    if text.isprintable():
        return text
    return "".join(char if is_plain(char) else char.encode("unicode_escape").decode() for char in text)


def is_plain(char: str) -> bool:
    """一个字看得见，或是空格类的。"""
    return char.isprintable() or unicodedata.category(char) == "Zs"


def masked(text: str, secret: str) -> str:
    """把文字里的秘密换成 ``***``；太短的不换：``t`` 这样的令牌会把 ``true`` 也改掉。"""
    return text.replace(secret, "***") if len(secret) >= _SHORTEST_SECRET else text


def hidden(value: object, secret: str) -> object:
    """同 ``masked``，值也可以是文字的列表；别的类型原样返回。"""
    if isinstance(value, list):
        return [hidden(each, secret) for each in value]
    return masked(value, secret) if isinstance(value, str) else value
