"""一句话的草稿：各个提取器依次取走自己认得的部分，剩下的留给后面的。"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.parameters import validate_control, validate_params
from pam_deploy_graph.llm.span_account import Account, As
from pam_deploy_graph.llm.text.clauses import Clause
from pam_deploy_graph.llm.text.normalise import short_marks
from pam_deploy_graph.system.safe_text import printable

MASK: Final = "\ue000"
"""取走的文字换成这个私用字符，长度不变；归一化保证原文里没有它。"""
NAMED: Final = "\ue001"
"""断定了的名字换成这个私用字符，长度不变；名字本身记在 ``Draft.names``。"""
HIDDEN: Final = "\x1f"
"""不算数的分句换成这个控制字符，两头是换行，长度不变。"""
_LEAD: Final = 40
_RUNS = re.compile(f"[{MASK}{NAMED}]+")


def squeeze(text: str) -> str:
    """连着取走的部分与断定的名字只留一个记号，一长串的标点与记号截短；位置因此会变，只用来判断有没有某种说法。"""
    return short_marks(_RUNS.sub(MASK, text))


def lead(text: str, position: int) -> str:
    """某处之前的一小段文字；只看这么远，长文字因此也读得快。"""
    return text[max(0, position - _LEAD) : position]


@dataclass
class Draft:
    """正在读的一句话。

    ``undecided`` 是「提到了却定不下来的参数 -> 为什么」，``guessed`` 是没有明说、按先后猜出来的参数，
    ``versions`` 是各个版本写在哪里，
    ``names`` 是断定了的名字从哪里起、是什么、是应用还是模块，
    ``fields`` 是表单里写着参数的各项，``former`` 是表单里写着的原来的版本，
    ``listening`` 为真时不算数的分句里的参数也读，``named`` 为真时名字都已知，
    ``not_now`` 是看不出是不是现在要做的那句话，没有为空，
    ``marked`` 是照旁边的记号先取走的各台。
    """

    text: str
    params: dict[str, str] = field(default_factory=dict)
    control: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    undecided: dict[str, str] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)
    versions: list[tuple[int, int]] = field(default_factory=list)
    names: dict[int, tuple[str, str]] = field(default_factory=dict)
    account: Account = field(default_factory=Account)
    listening: bool = False
    named: bool = False
    doubts: list[Clause] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    fields: list[tuple[str, int, int]] = field(default_factory=list)
    former: list[str] = field(default_factory=list)
    original: str = ""
    not_now: str = ""
    marked: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        """开一本空的账。"""
        self.original = self.original or self.text
        self.account.labels = self.account.labels or [None] * len(self.text)

    def mask(self, start: int, end: int, name: str = "", kind: As = As.SLOT) -> None:
        """遮去一段文字，记下它算作什么、是哪一项。"""
        self.account.claim(start, end, kind, name)
        self.text = self.text[:start] + MASK * (end - start) + self.text[end:]

    def hide(self, start: int, end: int, kind: As, name: str = "") -> None:
        """一段不算数的话：遮成空白，别的读法当它没有说，也不会把它两边的连起来。"""
        self.account.claim(start, end, kind, name)
        if start < end:
            blank = "\n" + HIDDEN * (end - start - 2) + "\n" * (end - start > 1)
            self.text = self.text[:start] + blank + self.text[end:]

    def name(self, start: int, end: int, role: str, text: str) -> None:
        """断定一段文字是应用名或模块名，写作 ``text``。"""
        self.names[start] = (text, role)
        self.account.claim(start, end, As.SLOT, role)
        self.text = self.text[:start] + NAMED * (end - start) + self.text[end:]

    def take(self, patterns: Iterable[re.Pattern[str]], name: str = "", kind: As = As.SLOT) -> list[re.Match[str]]:
        """依次匹配各个模式，遮去并返回匹配到的全部（``before`` 组是前文，不遮）；``name`` 与 ``kind`` 记在账上。"""
        taken = []
        for pattern in patterns:
            for match in pattern.finditer(self.text):
                start = match.end("before") if match.groupdict().get("before") else match.start()
                self.mask(start, match.end(), name, kind)
                taken.append(match)
        return taken

    def with_negated(self) -> str:
        """遮去了参数的文字，说「除了……」的照原样。"""
        kinds = (label and label[0] for label in self.account.labels)
        pairs = zip(self.text, self.original, kinds, strict=True)
        return "".join(was if kind is As.NEGATED else now for now, was, kind in pairs)

    def note(self, message: str) -> None:
        """记下一句要告诉操作员的话，不重复。"""
        message = printable(message)
        if message not in self.notes:
            self.notes.append(message)

    def leave_open(self, name: str, why: str) -> None:
        """记下一个提到了却定不下来的参数，并告诉人为什么；以头一个缘由为准。"""
        self.note(why)
        self.undecided.setdefault(name, why)

    def agree(self, name: str, values: set[str]) -> None:
        """键值对写的与话里说的不一样时，哪个都不算，告诉人并留给补问。"""
        if len(values) > 1:
            del self.params[name]
            self.leave_open(
                name,
                tr(
                    "{name} 前后说的不一样（{values}），请说明是哪一个", name=name, values=tr("、").join(sorted(values))
                ),
            )

    def set_param(self, name: str, value: str) -> None:
        """记下一个部署参数；不合规则的不要，告诉人为什么。"""
        try:
            self.params.update(validate_params({name: value}))
            self.undecided.pop(name, None)
        except InvalidInputError as error:
            self.leave_open(name, str(error))

    def set_control(self, name: str, value: object) -> None:
        """记下一个控制参数；不合规则的不要，告诉人为什么。"""
        try:
            self.control.update(validate_control({name: value}))
        except InvalidInputError as error:
            self.leave_open(name, str(error))
