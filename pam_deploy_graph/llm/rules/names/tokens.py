"""一句话里可能是名字的字母串，以及它们之间隔着什么（依据 contract 第 2 节）。"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.draft import MASK, NAMED, Draft
from pam_deploy_graph.llm.text.lexicon import FLAGS, table, word_set

MOST: Final = 300
"""一句话里最多看多少个字母串。"""
_TOKEN: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]*|{NAMED}+")
_TICKET: Final = re.compile(r"[A-Z]{2,6}-?\d{3,}(?:-\d+)*|[TtGg]\d{1,2}|\d+[a-z]{1,2}")
_SHAPED: Final = re.compile(r"[-_\d]|[a-z][A-Z]|^[A-Z]{2,}$")
_AND: Final = re.compile(r"\s*(?:和|与|及|以及|、|跟|\band\b|&)\s*(?:the\s*)?", FLAGS)
_OF: Final = re.compile(
    r"\s*\(?\s*(?:(?:a\s*)?(?:part|piece)\s*)?(?:of|in|from|inside|within|under|属于|属|归)\s*(?:the\s*|our\s*)?", FLAGS
)
_OWNS: Final = re.compile(r"\s*(?:'s|的|之|里面?的?|下面?的?|中的?|这边的?|那边的?|上的)\s*(?:那个|这个)?\s*", FLAGS)
_BESIDE: Final = re.compile(r"\s*(?:那个|这个)?\s*|\s*[(,、|:]\s*|\s*(?:->|→|-)\s*", FLAGS)
_IS = (
    r"(?:应该?是|(?:改|换)(?:成|为|到)|是|为|叫做?|写|填|=|:|-(?=\s)"
    r"|(?:\bis\s+)?\b(?:named|called)\b|\b(?:should be|is)\b)"
)
LEFT_GAP: Final = re.compile(r" ?\(?(?:这个|那个|这套|那套|的|之|里的|里面的|下面的|下的)? ?(?:那个|这个)?")
"""名字与它右边的标记之间。"""
RIGHT_GAP: Final = re.compile(rf"\)?\s*{_IS}?\s*", FLAGS)
"""标记与它右边的名字之间。"""
EXPLICIT: Final = re.compile(rf"\s*{_IS}\s*", FLAGS)
"""明写「应用: x」。"""
_ITEM_AFTER: Final = re.compile(rf"\s*、\s*(?:版本)?\s*{MASK}")
_SHORTEST: Final = 2
_KEY: Final = re.compile(r"=(?=\S)")
"""``apt=CGN`` 里的 apt 是键，不是名字。"""


@dataclass(frozen=True)
class Token:
    """一个可能的名字；``role`` 是照说法就能断定的参数名，断定不了的为空串。"""

    text: str
    start: int
    end: int
    role: str = ""

    @property
    def shaped(self) -> bool:
        """有连字符、下划线、数字或大小写混写，不像普通的词。"""
        return bool(self.role) or bool(_SHAPED.search(self.text))

    @property
    def common(self) -> bool:
        """是虚词、动词、单个字母或工单号：不明写就不当名字。"""
        if self.role:
            return False
        lowered = self.text.lower()
        return lowered in word_set("stop") or len(self.text) < _SHORTEST or bool(_TICKET.fullmatch(self.text))

    @property
    def soft(self) -> bool:
        """平常多半是普通的词，要有旁证才当名字。"""
        return not self.role and self.text.lower() in word_set("soft")


def spelled(text: str) -> Iterator[Token]:
    """还没有断定的，含字母的字母串；与别种字母连写的不算。"""
    for match in islice(_TOKEN.finditer(text), MOST):
        word = match.group().rstrip(".-_")
        if word and word[0] != NAMED and not _glued(text, match) and not word.isdigit():
            yield Token(word, match.start(), match.start() + len(word))


def markers(text: str) -> Iterator[tuple[str, int, int]]:
    """「应用」「模块」字样：是哪一种，起止位置。"""
    for match in islice(_marker_form().finditer(text), MOST):
        yield str(match.lastgroup), match.start(), match.end()


@cache
def _marker_form() -> re.Pattern[str]:
    """应用与模块的标记。"""
    return re.compile(
        rf"(?P<APP_NAME>{''.join(table('names')['app'])})|(?P<MODULE_NAME>{''.join(table('names')['module'])})",
        FLAGS,
    )


def find_tokens(draft: Draft) -> tuple[list[Token], str]:
    """含字母的字母串；有与别种字母连写的，另返回该告诉人的话，那时不按先后猜。"""
    tokens, strange = [], ""
    for match in islice(_TOKEN.finditer(draft.text), MOST):
        text = match.group().rstrip(".-_")
        if text[0] == NAMED:
            if named := draft.names.get(match.start()):
                tokens.append(Token(named[0], match.start(), match.end(), named[1]))
        elif (beside := _glued(draft.text, match)) and "LATIN" in unicodedata.name(beside, ""):
            continue  # Grüezi、désolé：外国话，不是名字
        elif beside:
            strange = tr("「{text}」旁边夹着形近的别种字母，已略过：名字只能用英文字母、数字、_、.、-", text=text)
            draft.note(strange)
        elif any(char.isalpha() for char in text) and not _KEY.match(draft.text, match.end()):
            tokens.append(Token(text, match.start(), match.start() + len(text)))
    return tokens, strange


def _glued(text: str, match: re.Match[str]) -> str:
    """左右紧接着的西里尔、希腊之类的字母（汉字不算）；没有为空串。"""
    around = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
    return next((char for char in around if char.isalpha() and not char.isascii() and char < "\u2e80"), "")


def joined(text: str, one: Token, other: Token) -> bool:
    """两个名字之间是不是只有「和」「、」之类；``checkin、gate、2.3.4`` 是逐项列出，不是并列。"""
    if one == other:
        return False
    left, right = sorted((one, other), key=lambda token: token.start)
    listed = text[left.end : right.start].strip() == "、" and bool(_ITEM_AFTER.match(text, right.end))
    return not listed and bool(_AND.fullmatch(text[left.end : right.start]))


def owner_first(text: str, left: Token, right: Token) -> bool | None:
    """紧挨着的两个名字谁是应用：左边（「x 的 y」「x y」）为真，右边（y of x）为假，不挨着为空。"""
    gap = text[left.end : right.start]
    if _OF.fullmatch(gap.replace(MASK, "")):
        return False
    return True if _OWNS.fullmatch(gap) or _BESIDE.fullmatch(gap) else None


def owned(text: str, left: Token, right: Token) -> bool:
    """两个名字之间明说了从属：「x 的 y」「x's y」「y of x」。"""
    gap = text[left.end : right.start]
    return bool(_OF.fullmatch(gap.replace(MASK, "")) or _OWNS.fullmatch(gap))
