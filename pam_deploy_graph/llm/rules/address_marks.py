"""地址旁边的记号：紧跟着、写在前面、写在上一行的「√」「×」「不装」「跳过名单」（依据 contract 第 4 节）。

说法在 ``doubts.toml`` 的 ``yes``、``no`` 与 ``legend``；先读，读不出的核对时再问。
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.address_items import ITEM, Group, is_clock, spell
from pam_deploy_graph.llm.rules.draft import MASK, Draft
from pam_deploy_graph.llm.rules.remarks import Role, role_of
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.clauses import speaks
from pam_deploy_graph.llm.text.lexicon import FLAGS, forms_of

_forms: Final = partial(forms_of, "doubts")
_JOINED: Final = re.compile(r"\s*(?:[/、,和及与跟同&]|以及|还有|\b(?:and|plus|or)\b)?\s*", FLAGS)
_LEADS: Final = re.compile(r"[(\[]?\s*[√×✗✘✓]\s*[)\]]?\s?$")
_APART: Final = re.compile(r"[,;/|、。]|\.\s|(?<=[\u4e00-\u9fff])\s(?=[\u4e00-\u9fff])")
_COMMA: Final = re.compile(r"[,;/|、]")
_PAREN: Final = re.compile(r"\([^()]*\)")
_BOX: Final = re.compile(r"\[\s*([x√*]?)\s*\]", FLAGS)
_SYMBOL: Final = re.compile(r"\s*[(\[]?\s*[xyn√×✗✘✓*]?\s*[)\]]?\s*", FLAGS)
"""一个记号：「×」「(N)」「[ ]」。"""
_GLUED: Final = re.compile(r"(?!跳过|除|不含|[去拿]掉|剔除|skip|except)[^\s,;、/|\d]+\s$", FLAGS)
"""紧贴着前一个地址、与后一个隔着空白的话，说的是前一个。"""
_SINGLE: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_TICK: Final = re.compile(r"[×✗✘√✓](?:\s|$)")
_HEADING: Final = 10
"""名目最多几个字。"""
_SHOWN: Final = 24


@dataclass(frozen=True)
class Beside:
    """一个地址和它旁边的记号：说要做还是不做，没有明说为空；``clear`` 是说的只是它一台，``listed`` 是与前一个并列。"""

    item: re.Match[str]
    start: int
    role: Role | None
    clear: bool
    listed: bool
    heading: tuple[int, int] = (0, 0)
    """照的是上面一行的名目：它的起止；不是的都为 0。"""

    @property
    def ip(self) -> str:
        """地址。"""
        return self.item.group().strip()


def marks_beside(text: str) -> Iterator[Beside]:
    """逐行看各个地址的记号；自己没有的照上面一行的名目。"""
    heading, named = "", (0, 0)
    ticked = {match[1].strip() != "" for match in _BOX.finditer(text)} == {True, False}
    offset = 0
    for line in text.splitlines(keepends=True):
        items = [match for match in ITEM.finditer(line) if not is_clock(match)]
        first = line[: items[0].start()] if items else line
        above = _mark(heading, ticked=ticked) if items and not first.strip(" -*•") else None
        leads = _mark(first, ticked=ticked) is not None or bool(_LEADS.search(first))
        for place, item in enumerate(items):
            last = place + 1 == len(items)
            before = line[items[place - 1].end() if place else 0 : item.start()]
            after = line[item.end() : len(line) if last else items[place + 1].start()]
            listed = place > 0 and bool(_JOINED.fullmatch(before))
            behind = (
                None
                if leads or after.strip() == "n" or after.rstrip().endswith(":")
                else _mark(_first(after), ticked=ticked)
            )
            sign = _LEADS.search(before) if leads else None
            ahead = None if behind else _ahead(sign.group() if sign else before, 0 if sign else place, ticked=ticked)
            closed = bool(_APART.search(after)) or last or bool(_SYMBOL.fullmatch(after))
            symbol = bool(_SYMBOL.fullmatch(_first(after) if behind else sign.group() if sign else before))
            closed = closed or bool(_GLUED.match(after))
            clear = (bool(behind) and (symbol or (closed and not listed))) or (bool(ahead) and leads and symbol)
            clear = clear or (not behind and not ahead and bool(above) and len(heading.strip()) <= _HEADING)
            single = bool(_SINGLE.fullmatch(item.group().strip()))
            role = behind or ahead or above
            yield Beside(
                item,
                offset + item.start(),
                role,
                clear and single,
                listed,
                (0, 0) if behind or ahead or not above else named,
            )
        if not items:
            heading, named = line, (offset, offset + len(line.rstrip()))
        elif not above:
            heading = ""
        offset += len(line)


def _first(after: str) -> str:
    """地址后面的头一段。"""
    return _APART.split(after.strip().removeprefix("|"))[0]


def _ahead(before: str, place: int, *, ticked: bool) -> Role | None:
    """写在前面的记号；前一个地址后面的括号是它的。"""
    said = _PAREN.sub("", before) if place else before
    return _mark(_COMMA.split(said)[-1], ticked=ticked) if place == 0 or _COMMA.search(said) or ticked else None


def _mark(text: str, *, ticked: bool) -> Role | None:
    """一小段话明说了要做还是不做；没有明说、``[x]`` 两可的为 ``None``。"""
    if box := _BOX.search(text):
        return (Role.TARGET if box[1].strip() else Role.EXCLUDE) if ticked else None
    said = text.strip(" \t\n,.;:=()[]|>-#").lower()
    if _TICK.match(said):
        return Role.EXCLUDE if said[0] in "×✗✘" else Role.TARGET
    if (
        not said
        or len(said) > _SHOWN
        or speaks(text, "question")
        or any(form.search(said) for form in _forms("others"))
    ):
        return None
    if any(form.fullmatch(said) for form in _forms("no")) or role_of(said) is Role.EXCLUDE:
        return Role.EXCLUDE
    return Role.TARGET if any(form.fullmatch(said) for form in _forms("yes")) else None


def read_marks(draft: Draft) -> None:
    """取走明说了不做的各台，连同说明记号是什么意思的话；``[x]`` 两可的去问。"""
    beside = list(marks_beside(draft.text))
    if any(form.search(draft.text) for form in _forms("recalls")):
        return
    spared = [one for one in beside if one.role is Role.EXCLUDE and one.clear]
    draft.marked = [
        Group(spell(one.item), Role.EXCLUDE, one.start, one.start + len(one.item.group())) for one in spared
    ]
    for group in draft.marked:
        sign = _LEADS.search(draft.text, max(0, group.start - _SHOWN), group.start)
        crossed = sign and not set(sign.group()) & set("√✓")
        draft.mask(sign.start() if sign and crossed else group.start, group.end, Role.EXCLUDE)
    beside_boxes = [one for one in beside if _BOX.match(draft.text[one.start + len(one.ip) :].lstrip(" "))]
    boxes = {bool(box[1].strip()) for box in draft.take([_BOX], "", As.FILLER)} if len(beside_boxes) > 1 else set()
    if boxes == {True}:
        draft.leave_open("target_ips", tr("地址旁边的 [x] 看不出是要做还是不做：请给出要做的 IP（target_ips）"))
    if spared:
        draft.take(_forms("legend"), "", As.FILLER)
    for one in spared:
        if draft.original[slice(*one.heading)][-1:] not in {"", ":"}:  # 带冒号的管着下面的一列，别处读
            draft.mask(*one.heading, Role.EXCLUDE)
        _take_remark(draft, one)


def _take_remark(draft: Draft, one: Beside) -> None:
    """不做的那一台旁边的话：到下一个地址、行末为止，逐段都说不做的。"""
    end = one.start + len(one.item.group())
    cut = re.search(rf"[\n{MASK}]|{_SINGLE.pattern}", draft.text[end:])
    stop = end + cut.start() if cut else len(draft.text)
    while end < stop:
        apart = _APART.search(draft.text, end, stop)
        tick = _TICK.match(draft.text[end:stop].lstrip())
        part = end + draft.text[end:stop].index(tick[0]) + 1 if tick else apart.start() if apart else stop
        if draft.text[end:part].strip(" (") and _mark(draft.text[end:part], ticked=False) is not Role.EXCLUDE:
            return
        draft.mask(end, part, Role.EXCLUDE)
        end = apart.end() if apart and not tick else stop
