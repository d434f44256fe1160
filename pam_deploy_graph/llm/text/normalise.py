"""把操作员打的字归一化：全角变半角、繁体变简体、去掉看不见的字符。

只在语言层做；参数的入口检查仍然只认半角字符（contract 第 2 节）。
"""

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from pam_deploy_graph.llm.text.traced import Replacement, Traced

if TYPE_CHECKING:
    from opencc import OpenCC

MAX_LENGTH: Final = 20_000
"""一次请求最多读多少个字；更长的不读，免得把范围截断成别的意思。"""

_BLANK: Final = frozenset({"Cc", "Co", "Cs", "So", "Zl", "Zp", "Zs"})
_MOST_GLUED: Final = 500
_GLUED: Final = re.compile(rf"[\w.+/:-]{{{_MOST_GLUED + 1}}}", re.ASCII)
"""连写不断的字母数字；名字、版本、路径、地址都没有这么长。"""
_LOOK_ALIKES: Final = str.maketrans(
    "аеорсухіјѕһԁքвкмнтАВЕКМНОРСТУХІЈЅοανερτικυ", "aeopcyxijshdqbkmhtABEKMHOPCTYXIJSoavepticu"
)
"""看起来像拉丁字母的西里尔与希腊字母；一对一，位置不变。"""
_CANTONESE: Final = dict(zip("係冇咗唔喺嘅嚟妳峇甦甯畀著逕鱲", "是没了不在的来你巴苏宁给着迳鱲", strict=True))
"""粤语字、异体字，以及 OpenCC 逐字换时看不出用法的字。"""
_HAN = re.compile(r"[\u3400-\u9fff]")
_DASHES = re.compile(r"[‐‑‒–−﹘]|(?<=\d)[—―]+(?=\d)")
_EM_DASHES = re.compile(r"[—―]+")
_WIDE_DOT = re.compile(r"(?<=\d)[。．·](?=\d)")
_QUOTES = re.compile(r"[\"“”‘’「」『』【】《》〈〉`]")
_TICKS = str.maketrans(dict.fromkeys("✓✔☑✅○◯⭕", "√") | dict.fromkeys("✗✘☒✖❌❎╳", "×"))
"""打的勾与叉各用一个字：别的记号当作空白。"""
_STRUCK = re.compile(r"~~([^~\n]{1,80})~~")
_BOXED = re.compile(r"(?<=\d)\s?【([^】\n]{1,20})】")
"""划掉的是打叉的；写在地址后面的方括号是它的说明。"""
_QUOTED_PATH = re.compile(
    r"([\"“‘「『《'`]\s?)((?:[A-Za-z]:[\\/]|\\\\|~?/|\.{1,2}/))([^\"“”‘’「」『』《》'`\n,。;:!?*<>|]{1,200})(?=[\"”’」』》'`])"
)
_BARE_PATH = re.compile(
    r"(?<![\w/.])(?:[A-Za-z]:[\\/]|\\\\|~?/|\.{1,2}/)[^\s\"“”,。;:!?*<>|()]{1,200}?\.[A-Za-z0-9]{2,4}(?![\w./\\])",
    re.ASCII,
)
_ASIDE: Final = 0x100000
_BASIC: Final = 0x10000
"""引号里的路径逐字挪到最后一个私用平面去：空格、括号、汉字都原样留着，别的规则也不会看成别的。"""
_SPACES = re.compile(r"\s+")
_TAB = re.compile(r"\t")
_ELLIPSIS = re.compile(r"\s*(?:(?<!\d)\.{3,}(?![/\\])|\.{3,}(?![\d/\\])|。{2,}|~{2,}(?!\d))\s*")
_ENDS = re.compile(r"^[\s,]+|[\s,]+$")
_SPACED_DOT = re.compile(r"(?<=\d) \. (?=\d)")
_NUMBERED = re.compile(r"(?<=[a-z\u4e00-\u9fff])\s?\(\s?(\d{1,4})\s?\)", re.IGNORECASE)
_ROW = re.compile(r"^[\w./\u4e00-\u9fff-]{1,30}(?:;[\w./\u4e00-\u9fff-]{1,30}){2,}$", re.MULTILINE)
_TABLE: Final = 2
"""至少几行分号隔开的才是表格。"""
_ARROWS = re.compile(r"\s?(?:→|⇒|➔|=>|⟶)\s?")
_SIGN = r"(?:[^\w\U00100000-\U0010fffd]|_)"
_LONG_MARKS = re.compile(f"({_SIGN}{{8}}){_SIGN}+({_SIGN}{{8}})")


def too_long(text: str) -> str:
    """太长、读不完的话返回该告诉人的话；读得完的为空串。"""
    if len(text) <= MAX_LENGTH:
        text = unicodedata.normalize("NFKC", text)
    if len(text) > MAX_LENGTH:
        return f"请求有 {len(text)} 个字，超过 {MAX_LENGTH}：请写短些，长的清单用 --params 文件或 --targets"
    if _GLUED.search(normalise(text)):
        return f"请求里有超过 {_MOST_GLUED} 个字母数字连写不断，认不出是什么：请用空格或逗号隔开"
    return ""


def normalise(text: str) -> str:
    """归一化一句话。

    Args:
        text: 操作员的原话，任何长度。

    Returns:
        同样意思的文字：NFKC、简体、半角标点（句号除外），控制字符变成空格，零宽字符去掉，连续的空白合一，
        一长串的标点截短；大小写不变；引号里的路径要经 ``as_written`` 还原。

    """
    return trace(text).text


def trace(text: str) -> Traced:
    """归一化一句话，记得每个字原来在哪里；文字同 ``normalise``。"""
    found = Traced.of(text, lambda part: "".join(map(_visible, unicodedata.normalize("NFKC", part.translate(_TICKS)))))
    found = found.sub(_STRUCK, r"\1 ×").sub(_BOXED, r"(\1)")
    found = found.sub(_QUOTED_PATH, lambda path: path[1] + path[2] + _aside(path[3]))
    if not found.text.isascii():
        found = found.sub(
            _BARE_PATH, lambda path: "".join(char if char.isascii() else _aside(char) for char in path[0])
        )
        found = found.sub(_HAN, lambda char: _simplified(char.group()))
    found = found.sub(_TAB, _cells(found.text)).sub(_DASHES, "-").sub(_EM_DASHES, " - ").sub(_WIDE_DOT, ".")
    found = found.sub(_QUOTES, " ").sub(_SPACES, _one_space).sub(_ARROWS, " -> ").sub(_SPACES, _one_space)
    found = found.sub(_LONG_MARKS, r"\1\2").sub(_ELLIPSIS, ", ").sub(_NUMBERED, r":\1 ").sub(_SPACED_DOT, ".")
    return found.sub(_ROW, _tabulated(found.text)).sub(_ENDS, "")


def _aside(text: str) -> str:
    """逐字挪开，位置不变。"""
    return "".join(chr(ord(char) + _ASIDE) if ord(char) < _BASIC else char for char in text.rstrip())


def as_written(text: str) -> str:
    """挪开的字还原。"""
    return "".join(chr(ord(char) - _ASIDE) if ord(char) >= _ASIDE else char for char in text)


def short_marks(text: str) -> str:
    """连成一长串的标点、空白与记号只留两头各八个：再长也没有别的意思，逐处试各种说法却要平方的时间。"""
    return _LONG_MARKS.sub(r"\1\2", text)


def fold_look_alikes(text: str) -> str:
    """把形近的西里尔与希腊字母换成拉丁字母，挪开的字还原；只用来识别想改变规矩的话，不用来读参数。"""
    return as_written(text).translate(_LOOK_ALIKES)


def _one_space(run: re.Match[str]) -> str:
    """连着的空白合成一个，其中有换行的留换行。"""
    return "\n" if "\n" in run.group() else " "


def _cells(text: str) -> str:
    """制表符：几行都有的是表格的格，否则是空白。"""
    return " | " if sum("\t" in line for line in text.split("\n")) >= _TABLE else " "


def _simplified(char: str) -> str:
    """繁体字到简体字，逐字换，位置因此不变；几个粤语字写成普通话。"""
    return _CANTONESE.get(char) or _converter().convert(char)


@cache
def _converter() -> "OpenCC":
    """用到时才载入 OpenCC。"""
    from opencc import OpenCC

    return OpenCC("t2s")


def _tabulated(text: str) -> Replacement:
    """用分号隔开的表格换成竖线隔开的：分号在别处是句读。"""
    few = len(_ROW.findall(text)) < _TABLE
    return lambda row: row.group() if few else row.group().replace(";", "|")


def _visible(char: str) -> str:
    """零宽与方向控制字符去掉，其余控制字符、私用字符与表情变成空格。"""
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    return " " if category in _BLANK and char not in "\n\t➔" else char
