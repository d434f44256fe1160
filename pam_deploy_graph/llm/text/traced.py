"""记得住来处的文字：怎样替换，都说得出每个字原来在哪里（账目要用原文的位置，依据 contract 第 4 节）。"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

Replacement = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Traced:
    """一段文字，以及每个字原来的起止。"""

    text: str
    starts: list[int]
    ends: list[int]

    @classmethod
    def of(cls, text: str, change: Callable[[str], str]) -> Self:
        """逐个字（连同附在它上面的记号）换写法。"""
        edges = [place for place, char in enumerate(text) if not unicodedata.combining(char)] or [0] * bool(text)
        written: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for start, end in pairwise([0, *edges[1:], len(text)]) if text else ():
            new = change(text[start:end])
            written.append(new)
            starts += [start] * len(new)
            ends += [end] * len(new)
        return cls("".join(written), starts, ends)

    def sub(self, pattern: re.Pattern[str], replacement: Replacement) -> Self:
        """同 ``re.sub``；换得一样长的一字对一字，不一样长的整段对整段。"""
        if not pattern.search(self.text):
            return self
        written: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        position = 0
        for match in pattern.finditer(self.text):
            new = replacement(match) if callable(replacement) else match.expand(replacement)
            start, end = match.span()
            written += [self.text[position:start], new]
            starts += self.starts[position:start]
            ends += self.ends[position:start]
            begun, ended = self._origin(start, end)
            same = len(new) == end - start
            starts += self.starts[start:end] if same else [begun] * len(new)
            ends += self.ends[start:end] if same else [ended] * len(new)
            position = end
        written.append(self.text[position:])
        starts += self.starts[position:]
        ends += self.ends[position:]
        return type(self)("".join(written), starts, ends)

    def _origin(self, start: int, end: int) -> tuple[int, int]:
        """一段文字原来的起止；空的一段在它该在的地方。"""
        if start < end:
            return self.starts[start], self.ends[end - 1]
        place = self.starts[start] if start < len(self.starts) else (self.ends[-1] if self.ends else 0)
        return place, place
