"""话用哪种语言说：源文是中文，英文在 gettext 的目录里（contract 第 7、8 节）。

给人看的话写 ``tr("做完 {n} 台", n=n)``；模块里的常量写 ``msgid("…")``、``Worded({…})``，显示时才换。
只有命令行换语言（``use``），库说中文。英文里的单复数写在洞里：``{n} {n:workstation|workstations}``，
一句话可以有几个数，gettext 的 ``ngettext`` 只认一个。
"""

import contextlib
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

ZH: Final = "zh"
EN: Final = "en"
LANGUAGES: Final = (ZH, EN)
DOMAIN: Final = "pam_deploy_graph"
FOLDER: Final = Path(__file__).parent / "locales"
"""目录在这里：``en/LC_MESSAGES/pam_deploy_graph.po`` 与编好的 ``.mo``。"""
_LOCALE_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
_ENGLISH_LOCALE: Final = re.compile(r"en(?![a-z])", re.IGNORECASE)
_SPOKEN: ContextVar[str] = ContextVar("spoken", default="")
_process = {"language": ZH}
K = TypeVar("K")


def use(language: str) -> None:
    """这个进程从此用这种语言说。

    Args:
        language: ``zh`` 或 ``en``。

    """
    _process["language"] = language


def language() -> str:
    """此刻用哪种语言说。"""
    return _SPOKEN.get() or _process["language"]


@contextlib.contextmanager
def speaking(spoken: str) -> Iterator[None]:
    """里面的话用这种语言说，例如用问话的语言答一句。"""
    token = _SPOKEN.set(spoken)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def locale_language() -> str:
    """区域设置说的语言：``en`` 开头的是英文，别的（没有设、``C``、``POSIX``）是中文。"""
    said = next(filter(None, map(os.environ.get, _LOCALE_VARIABLES)), "")
    return EN if _ENGLISH_LOCALE.match(said) else ZH


def asked_for(argv: Sequence[str]) -> str:
    """命令行要的语言：``--lang`` 写在命令名之前或之后都算，最后一个说了算；没有给的照区域设置。

    Args:
        argv: 程序名之后的参数；``--`` 之后的不看。

    """
    options = [*argv, "--"][: [*argv, "--"].index("--")]
    given = [value for name, value in pairwise(options) if name == "--lang"]
    given += [name.removeprefix("--lang=") for name in options if name.startswith("--lang=")]
    known = [value for value in given if value in LANGUAGES]
    return known[-1] if known else locale_language()


def without_language(argv: Sequence[str]) -> list[str]:
    """去掉 ``--lang`` 与它的值，给不认得它的程序。"""
    taken = {place for place, name in enumerate(argv) if name == "--lang"}
    return [arg for place, arg in enumerate(argv) if not {place, place - 1} & taken]


def msgid(message: str) -> str:
    """登记一句常量，原样返回；显示的地方用 ``tr``。"""
    return message


def tr(message: str, /, **holes: object) -> str:
    """返回此刻的语言里的一句话；没有译文的照中文说。

    Args:
        message: 中文的原文，洞写作 ``{名字}``，可以带格式。
        **holes: 各个洞里的值。

    """
    if language() == EN:
        return _in_english(message, holes)
    return message.format(**holes) if holes else message


_RECORDED: Final = (
    ("（没有）", "(none)"),
    ("整条命令的", "whole command, "),
    ("读不了", "unreadable"),
    ("（", " ("),
    ("）", ")"),
    ("；", "; "),
)


def recorded(text: str) -> str:
    """记进账本、摘要管着的一项写给人看；它总以中文的写法记下，说英文时只换标点与这几个词。"""
    for chinese, english in _RECORDED if language() == EN else ():
        text = text.replace(chinese, english)
    return text


def _in_english(message: str, holes: Mapping[str, Any]) -> str:
    """英文的一句话。"""
    text = _catalogue().gettext(message) if message else ""
    return _formatter().vformat(text, (), holes) if holes else text


@functools.cache
def _catalogue() -> Any:
    """英文的目录；用到时才读。"""
    import gettext

    return gettext.translation(DOMAIN, FOLDER, [EN], fallback=True)


@functools.cache
def _formatter() -> Any:
    """认得 ``{n:one|many}`` 的格式。"""
    from pam_deploy_graph.i18n.plural_formatter import PluralFormatter

    return PluralFormatter()


class Worded(Mapping[K, str], Generic[K]):
    """代号到说法的表；取出来的是此刻的语言。"""

    def __init__(self, table: Mapping[K, str]) -> None:
        """收下中文的表。"""
        self._table: Final = dict(table)

    def __getitem__(self, key: K) -> str:
        """返回一个代号的说法。"""
        return tr(self._table[key])

    def __iter__(self) -> Iterator[K]:
        """依次给出代号。"""
        return iter(self._table)

    def __len__(self) -> int:
        """有几个代号。"""
        return len(self._table)
