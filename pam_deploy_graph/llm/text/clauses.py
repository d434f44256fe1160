"""分句与语气：肯定的、否定的、过去的、问的、假设的、转述的、引用的、以后再说的（依据 contract 第 4 节）。"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Final

from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import compile_all, table
from pam_deploy_graph.llm.text.normalise import normalise
from pam_deploy_graph.llm.text.traced import Traced

_SENTENCE: Final = re.compile(r"(?:[^。;!?\n.]|\.(?=\S))+[?!]?")
_HARD: Final = re.compile(r"(?:[^,])+")
_SOFT: Final = re.compile(r"(?<=[\u4e00-\u9fff\d])\s(?=[\u4e00-\u9fff]|\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d))")
_ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)")
_OTHERS: Final = re.compile(r"其余|其他|其它|别的|剩下|剩余|余下|另外|\b(?:others?|rest|remaining)\b")
_NEAR: Final = 24
_ENDS_IN_ADDRESS: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}[^。;!?\n\d]{0,10}[\s,:]*$")
_NOTED: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}\s?\([^()\n]{0,60}$")
"""还在地址后面的括号里。"""
_ALREADY: Final = re.compile(
    r"已经?|早就|过了|(?:刚(?!好|才.{0,2}的)|上周|上个?月|昨|前[天晚]|去年|当时).*(?:了|[升装换推上]过)|\balready\b"
)
_LABEL: Final = re.compile(r"(?:what|who|why|where|when|how|which)\b[^:?\n]{0,16}:", re.IGNORECASE)
"""``What:`` 是表单上的名目，不是在问。"""
_REFERRED: Final = re.compile(
    r"照此|照办|按(?:此|下面|上面|以上|这封|转发|原文)|以上[^\n]{0,4}(?:执行|办理|处理|安排)"
    r"|\b(?:as|see) below\b|\bthe above\b",
    re.IGNORECASE,
)
"""说了照引用的那些话办的，引用的也听。"""
_TELLS: Final = re.compile(r"[提说讲问议][到起过了]?$")
_LONG: Final = 600
"""没有句读的一段再长，语气也只看两头。"""
_REMARK: Final = 12
"""跟在地址后面、说它做过了的话最多几个字。"""
_MOODS: Final = {
    "reported": As.QUOTED,
    "condition": As.CONDITION,
    "later": As.NOT_DONE,
    "past": As.PAST,
    "negated": As.NEGATED,
    "question": As.QUESTION,
}


_QUOTED: Final = re.compile(r"[「『“\"《]([^「」『』“”\"《》\n]{4,400})[」』”\"》]|(?<!\w)'([^'\n]{8,400})'(?!\w)")
_STRUCK: Final = re.compile(r"~~[^~\n]{1,80}~~\s*(?:->|→)?")
"""划掉了的。"""
_REPLY: Final = re.compile(
    r"^[^\S\n]*>[^\n]*|^[^\S\n]*-{3,}[^\n]*(?:原始|转发|original|forwarded|begin)[^\n]*\n[\s\S]*",
    re.MULTILINE | re.IGNORECASE,
)

Ranges = list[tuple[int, int, As]]
"""不听的各段：起、止、算作什么。"""


@dataclass(frozen=True)
class Clause:
    """一个分句：起止、文字、语气（肯定的为空），以及哪一种说法。"""

    start: int
    end: int
    text: str
    kind: As | None = None
    mood: str = ""

    @property
    def ordered(self) -> bool:
        """里面有没有一件要做的事。"""
        return speaks(self.text, "order")

    @property
    def acted(self) -> bool:
        """里面说没说到部署、回滚之类的动作。"""
        return (
            self.mood == "negated" or speaks(self.text, "finished") or any(form.search(self.text) for form in _acts())
        )


def clauses(text: str) -> list[Clause]:
    """把归一化的文字分成分句，判断各自的语气；问号管整句，条件管到句末。"""
    found: list[Clause] = []
    kept = _is_record(text)
    for sentence in _SENTENCE.finditer(text):
        if kept:
            found.append(Clause(sentence.start(), sentence.end(), sentence.group(), As.PAST, "record"))
            continue
        if "|" in sentence.group():  # 表格的一行没有语气
            found.append(Clause(sentence.start(), sentence.end(), sentence.group()))
            continue
        broken = bool(found) and text[found[-1].end : sentence.start()] == "\n" and _unfinished(found[-1])
        found += _within(text, sentence.start(), sentence.end(), found[-1].kind if broken else None)
    return found


def _unfinished(part: Clause) -> bool:
    """条件、转述说到行末还没有说完：下一行接着它。"""
    return part.mood == "condition" or (part.mood == "reported" and bool(_TELLS.search(part.text)))


def _is_record(text: str) -> bool:
    """整篇是记录、验收、复盘、咨询之类，没有一句是要做的。"""
    head = text.partition("\n")[0]
    return head != text and speaks(head, "record") and not speaks(text, "urgent")


def quotations(original: str, heard: Traced) -> Ranges:
    """引用的各段（在归一化文字里的位置）：回信里的旧话，以及引号里另有动作的一整句。"""
    found = [match.span() for match in _REPLY.finditer(original)]
    outside = _QUOTED.sub("", _REPLY.sub("", original))
    if found and _REFERRED.search(outside):
        return []
    for match in _QUOTED.finditer(original):
        alone = not original.replace(match.group(), "").strip(" 。.!?\n")
        if not alone and any(form.search(normalise(match[1] or match[2])) for form in _acts()):
            found.append(match.span())
    found += [match.span() for match in _STRUCK.finditer(original)]
    places = [(bisect_left(heard.starts, start), bisect_left(heard.starts, end)) for start, end in found]
    return [(start, end, As.QUOTED) for start, end in places if start < end]


def speaks(text: str, mood: str) -> bool:
    """一段文字有没有某一种语气的说法。"""
    return any(form.search(text) for form in _forms(mood))


def remarks_on_address(text: str, part: Clause) -> bool:
    """紧跟在一个地址后面的分句说的是那个地址（「10.0.0.5,不装」「10.0.0.5 昨天重装过」），不是整件事。"""
    if part.mood not in {"negated", "later", "past"} or _ADDRESS.search(part.text) or speaks(part.text, "undoes"):
        return False
    if part.mood == "past" and speaks(part.text, "recalled"):
        return False
    before = text[max(0, part.start - _LONG) : part.start]
    return bool(_ENDS_IN_ADDRESS.search(before[-_NEAR:]) or _NOTED.search(before))


def _within(text: str, start: int, end: int, held: As | None) -> Iterator[Clause]:
    """一句里的各个分句；``held`` 是上一行没有说完的语气。"""
    for hard in _HARD.finditer(text, start, end):
        whole = _judged(Clause(hard.start(), hard.end(), hard.group()), text[start:end])
        freed = (
            whole.ordered
            and speaks(whole.text, "urgent")
            and not (held and speaks(text[start : hard.start()], "unmet"))
        )
        if held and not whole.kind and not freed:
            whole = replace(whole, kind=held, mood="after")
        if whole.mood in {"condition", "reported"}:
            held = whole.kind
        parts = _soft(hard.group(), hard.start())
        if whole.kind is None or whole.mood in {"condition", "reported", "question", "after"} or len(parts) == 1:
            yield whole
            continue
        judged = [_judged(part, part.text) for part in parts]
        told = whole.mood == "past" and not any(part.ordered for part in judged if not part.kind)
        yield from [whole] if told else judged


def _soft(text: str, start: int) -> list[Clause]:
    """没有标点的话，按空格再分。"""
    edges = [0, *(match.start() for match in _SOFT.finditer(text)), len(text)]
    return [Clause(start + one, start + other, text[one:other]) for one, other in pairwise(edges)]


def _judged(clause: Clause, sentence: str) -> Clause:
    """定一个分句的语气。"""
    text = clause.text.strip()
    text = text if len(text) <= _LONG else f"{text[: _LONG // 2]} {text[-_LONG // 2 :]}"
    for mood, kind in _MOODS.items():
        if not speaks(text, mood) or (mood == "question" and _LABEL.match(text)):
            continue
        if not _spared(mood, text, sentence):
            return replace(clause, kind=kind, mood=mood)
        if mood == "past" and _ADDRESS.search(text):
            return replace(clause, mood="remark")
    return clause


def _spared(mood: str, text: str, sentence: str) -> bool:
    """看着像、其实不是：点名几台不要动的不是否定这件事，客气的问句是吩咐。"""
    named = _ADDRESS.search(text) or _OTHERS.search(text)
    match mood:
        case "negated":
            return bool(named) and not speaks(text, "undoes")
        case "later":
            return bool(named)
        case "past":
            remark = bool(_ADDRESS.match(text)) and len(_ADDRESS.sub("", text)) <= _REMARK
            return remark or (speaks(text, "ordering") and not (_ALREADY.search(text) and not speaks(text, "recalls")))
        case "question":
            return not speaks(text, "hard") and (speaks(text, "polite") or speaks(sentence, "polite"))
        case _:
            return False


@cache
def _forms(mood: str) -> tuple[re.Pattern[str], ...]:
    """一种语气的各种说法。"""
    data = table("moods")
    return compile_all(data[mood], **data["words"])


@cache
def _acts() -> tuple[re.Pattern[str], ...]:
    """说到动作的词。"""
    data = table("moods")
    return compile_all(["{ACT}", r"\b{ACT_EN}\b"], **data["words"])
