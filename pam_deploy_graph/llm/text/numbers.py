"""数目的说法：阿拉伯数字、中文数字、英文数词。"""

import re
from typing import Final

from pam_deploy_graph.llm.text.traced import Traced

_ENGLISH: Final = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100,
    "a hundred": 100, "a couple of": 2, "a couple": 2, "half a dozen": 6,
    "a single": 1, "single": 1, "third": 3, "fourth": 4, "fifth": 5,
}  # fmt: skip
_DIGITS: Final = {char: value for value, char in enumerate("零一二三四五六七八九")} | {
    "两": 2,
    "俩": 2,
    "仨": 3,
    "〇": 0,
}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000}

NUMBER: Final = (
    r"(?P<n>(?<![\d.])(?<!\d:)\d{1,6}(?![\d.]*\d|:[0-5]\d)|[零〇一二两俩三仨四五六七八九十百千]{1,7}|\b(?:"
    + "|".join(sorted(_ENGLISH, key=len, reverse=True))
    + r")\b)"
)
"""匹配一个数目的正则表达式，组名 ``n``。"""


_NEXT = r"(?:(?:[一二两三四五六七八九]|十[一二三四五六七八九]?)[台个部]|[一每][起次回批轮波组共并齐同块趟])"
"""版本念完之后接着说的数目：「三点一点五一起来」里的「一起」、「点二两台」里的「两台」。"""
_PART = rf"(?:\d{{1,4}}|(?:(?!{_NEXT})[零〇一二两三四五六七八九十百]){{1,4}})"
_SPOKEN: Final = re.compile(
    rf"(?<![\d.点]){_PART}(?:点{_PART}){{2,3}}(?![点分])"
    rf"|(?<=[到成至为版本装上]){_PART}点{_PART}(?![\d点分刻半整钟.零〇一二两三四五六七八九十百])"
)


_HUNDRED: Final = 100
_RADIO: Final = re.compile(
    r"(?=[零〇一二三四五六七八九十百幺洞拐])(?=[^点]{0,40}[幺洞拐]|[零一二三四五六七八九十百点\d]*[幺洞拐])[零〇一二两三四五六七八九十百幺洞拐]+(?:点[零〇一二两三四五六七八九十百幺洞拐]+)+"
)
_RADIO_DIGITS: Final = str.maketrans("幺洞拐", "一零七")
_ENGLISH_DIGIT: Final = (
    r"\b(?:zero|oh|"
    + "|".join(
        word
        for word, value in _ENGLISH.items()
        if value < _HUNDRED and " " not in word and not word.endswith("th") and word not in {"single", "third"}
    )
    + r"|\d{1,3})\b"
)
_POINTS: Final = re.compile(rf"{_ENGLISH_DIGIT}(?:\s+(?:point|dot)\s+{_ENGLISH_DIGIT})+", re.IGNORECASE)
_POINT: Final = re.compile(r"\s+(?:point|dot)\s+", re.IGNORECASE)
"""电台的念法，与英文念出来的版本。"""


def write_dots(text: Traced) -> Traced:
    """把念出来的版本和 IP 写成数字：「二点三点四」「2点3点4」「two point three」「幺零点洞」。"""
    text = text.sub(_RADIO, lambda match: match.group().translate(_RADIO_DIGITS))
    text = text.sub(_POINTS, lambda match: ".".join(str(to_int(part)) for part in _POINT.split(match.group())))
    return text.sub(_SPOKEN, lambda match: ".".join(str(to_int(part)) for part in match.group().split("点")))


def to_int(text: str) -> int:
    """把数目的说法变成整数。

    Args:
        text: ``NUMBER`` 匹配到的文字。

    Returns:
        整数，例如 ``"十二"`` 得 12，``"两百五"`` 得 250。

    """
    if text.isdecimal():
        return int(text)
    lowered = text.lower()
    if lowered in {"zero", "oh"}:
        return 0
    return _ENGLISH[lowered] if lowered in _ENGLISH else _chinese(text)


def _chinese(text: str) -> int:
    """读中文数字；末尾省略的单位按上一个单位的十分之一补（两百五是 250）。"""
    total, digit, unit = 0, 0, 10
    for char in text:
        if char in _UNITS:
            unit = _UNITS[char]
            total += (digit or 1) * unit
            digit = 0
        else:
            digit = digit * 10 + _DIGITS[char] if digit else _DIGITS[char]
    omitted = unit > 10 and digit and not text.endswith("零") and "零" not in text  # noqa: PLR2004 —— 十位之上才有省略
    return total + digit * (unit // 10 if omitted else 1)
