"""把操作员打的字归一化：全角变半角、繁体变简体、去掉看不见的字符。

只在语言层做；参数的入口检查仍然只认半角字符（contract 第 2 节）。
"""

import re
import unicodedata
from typing import Final

MAX_LENGTH: Final = 20_000
"""一次请求最多读多少个字；更长的不读，免得把范围截断成别的意思。"""

_TRADITIONAL: Final = str.maketrans(
    "機場應請將級裝個臺檯續繼進復滾還動執預覽試驗證敗過會給與這麼樣問腳檔載測開關東橋橫慶漢廣廈門寧濟連長陽臨雲貴蘭蕪龍烏魯齊"
    "爾濱瀋蘇錫無錦圳號莊鄭綿張瀘達樂麗嶺兩單幾啟發佈狀態監視間時後從寫傳當勵請櫃塊組裡對沒點並發錯誤滿夠別",
    "机场应请将级装个台台续继进复滚还动执预览试验证败过会给与这么样问脚档载测开关东桥横庆汉广厦门宁济连长阳临云贵兰芜龙乌鲁齐"
    "尔滨沈苏锡无锦圳号庄郑绵张泸达乐丽岭两单几启发布状态监视间时后从写传当励请柜块组里对没点并发错误满够别",
)
_LOOK_ALIKES: Final = str.maketrans(
    "аеорсухіјѕһԁքвкмнтАВЕКМНОРСТУХІЈЅοανερτικυ", "aeopcyxijshdqbkmhtABEKMHOPCTYXIJSoavepticu"
)
"""看起来像拉丁字母的西里尔与希腊字母；一对一，位置不变。"""
_DASHES = re.compile(r"[‐‑‒–−﹘]|(?<=\d)[—―]+(?=\d)")
_EM_DASHES = re.compile(r"[—―]+")
_WIDE_DOT = re.compile(r"(?<=\d)[。．·](?=\d)")
_QUOTES = re.compile(r"[\"“”‘’「」『』【】《》〈〉`]")
_SPACES = re.compile(r"\s+")
_ARROWS = re.compile(r"\s*(?:→|⇒|➔|=>|⟶)\s*")


def normalise(text: str) -> str:
    """归一化一句话。

    Args:
        text: 操作员的原话，任何长度。

    Returns:
        同样意思的文字：NFKC、简体、半角标点（句号除外），控制字符变成空格，零宽字符去掉，连续的空白合一；大小写不变。

    """
    text = unicodedata.normalize("NFKC", text).translate(_TRADITIONAL)
    text = "".join(_visible(char) for char in text)
    text = _WIDE_DOT.sub(".", _EM_DASHES.sub(" - ", _DASHES.sub("-", text)))
    text = _ARROWS.sub(" -> ", _QUOTES.sub(" ", text))
    return _SPACES.sub(lambda run: "\n" if "\n" in run.group() else " ", text).strip()


def fold_look_alikes(text: str) -> str:
    """把形近的西里尔与希腊字母换成拉丁字母；只用来识别想改变规矩的话，不用来读参数。"""
    return text.translate(_LOOK_ALIKES)


def _visible(char: str) -> str:
    """零宽与方向控制字符去掉，其余控制字符与私用字符变成空格。"""
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    return " " if category in {"Cc", "Co", "Cs", "Zl", "Zp", "Zs"} and char != "\n" else char
