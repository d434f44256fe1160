"""账目：一句话里每个字算作什么；没有人认领的不会悄悄不见（依据 contract 第 4 节）。"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Any, Final

from pam_deploy_graph.i18n import Worded
from pam_deploy_graph.llm.text.traced import Traced


class As(StrEnum):
    """一段话算作什么。"""

    SLOT = "slot"
    FILLER = "filler"
    NOT_DONE = "not_done"
    NEGATED = "negated"
    PAST = "past"
    QUESTION = "question"
    CONDITION = "condition"
    QUOTED = "quoted"
    UNREAD = "unread"


HEARD_AS: Final = Worded(
    {
        "slot": "读作",
        "not_done": "不照做:",
        "negated": "说的是不要",
        "past": "说的是过去",
        "question": "是在问",
        "condition": "是有条件的",
        "quoted": "是引用、转述",
        "unread": "没有听懂",
    }
)
"""一段话算作什么，怎样念给人听（contract 第 4 节）。"""
Label = tuple[As, str]
_FILLER: Label = (As.FILLER, "")
_UNREAD: Label = (As.UNREAD, "")


@dataclass(frozen=True, slots=True)
class Span:
    """原文里的一段：起止（码点，不含终点）、原文、算作什么、是哪一项。"""

    start: int
    end: int
    text: str
    kind: As
    name: str = ""

    def as_dict(self) -> dict[str, Any]:
        """写成 ``analyze --json`` 里的样子。"""
        return {"start": self.start, "end": self.end, "text": self.text, "as": str(self.kind), "name": self.name}


@dataclass
class Account:
    """归一化的一句话，逐字记着是谁认领的。"""

    labels: list[Label | None] = field(default_factory=list)

    def claim(self, start: int, end: int, kind: As, name: str = "") -> None:
        """认领一段；先认领的算数。"""
        self.labels[start:end] = [label or (kind, name) for label in self.labels[start:end]]

    def spans(self, name: str) -> Iterator[tuple[int, int]]:
        """一项参数写在哪几处。"""
        labels = [label is not None and label[0] is As.SLOT and label[1] == name for label in self.labels]
        edges = [place for place, (was, now) in enumerate(pairwise([False, *labels, False])) if was is not now]
        return zip(edges[::2], edges[1::2], strict=True)

    def left(self) -> list[tuple[int, int]]:
        """还没有人认领的各段。"""
        spans: list[tuple[int, int]] = []
        for free, run in groupby(range(len(self.labels)), lambda place: self.labels[place] is None):
            places = list(run)
            if free:
                spans.append((places[0], places[-1] + 1))
        return spans


def whole_account(original: str, heard: Traced, account: Account) -> list[Span]:
    """把账目写成原文的各段，一个字也不少；归一化时去掉的（空白、看不见的字）是虚词。"""
    painted: list[Label] = [_FILLER] * len(original)
    for label, start, end in zip(account.labels, heard.starts, heard.ends, strict=True):
        painted[start:end] = [label or _UNREAD] * (end - start)
    spans: list[Span] = []
    for (kind, name), run in groupby(range(len(painted)), lambda place: painted[place]):
        places = list(run)
        start, end = places[0], places[-1] + 1
        spans.append(Span(start, end, original[start:end], kind, name))
    return spans
