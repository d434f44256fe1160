"""表格与清单里的地址：旁边的格、同一行、括号里的话说它是什么（依据 contract 第 4 节）。"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pam_deploy_graph.llm.rules.address_items import ITEM, Group, is_clock, spell
from pam_deploy_graph.llm.rules.draft import NAMED, Draft
from pam_deploy_graph.llm.rules.remarks import Remark, Role, cell_remarks, role_of
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import FLAGS

_LINE: Final = re.compile(r"[^\n]+")
_RULE: Final = re.compile(r"[\s|:-]*")
_BELOW: Final = 2
"""表头下面至多隔一行（横线）就是地址；下面没有地址的一行不是表头。"""
_NOTED: Final = re.compile(r"\s?\(([^()\n]{1,40})\)")
_OCTET: Final = re.compile(r"(?<![\w.:])\.?(?:\d{1,3}\.){0,3}\d{1,3}(?![\w.:])")
"""括号里另有号码的，说的是那几台，不是整组。"""
_START = (
    r"\s*(?:[-*•]|\(?[a-z\d]{1,2}\s?[.)、])?\s*"
    r"(?:[\w\u4e00-\u9fff-]{1,12}\s?[:\s]\s*)?\d{1,3}(?:\.\d{1,3}){3}[^\n]{0,40}"
)
_BESIDE: Final = re.compile(rf"(?:^|\n){_START}$", FLAGS)
_NEXT: Final = re.compile(rf"\n{_START}(?:\n|$)", FLAGS)
"""上一行、下一行也是清单里的一行。"""


def read_rows(draft: Draft) -> list[Group]:
    """表格的一行、清单的一行：旁边的格、同一行的话说这一行的地址是什么；看不懂的话留着，后面去问。"""
    found: list[Group] = []
    headings: Sequence[str] = ()
    text = draft.text
    for line in _LINE.finditer(text):
        items = [one for one in ITEM.finditer(text, *line.span()) if not is_clock(one)]
        cells = "|" in line.group()
        if not items:
            headings = _headings(draft, line, headings) if cells else ()
            continue
        spans = [one.span() for one in items]
        if cells:
            told = cell_remarks(line.group(), line.start(), headings, spans)
            remarks = [
                one for one in told if not any(start < one.end and one.start < end for _, start, end in draft.fields)
            ]
        else:
            remarks = list(_line_remarks(text, line, spans))
        if not remarks:
            continue
        roles = {remark.role for remark in remarks} - {Role.TARGET}
        role = next((one for one in (Role.EXCLUDE, Role.OTHER) if one in roles), Role.TARGET)
        if role is Role.TARGET and not cells:
            continue  # 没有特别说明的一行，连同前后的话一起看：「不要动以下几台：」
        found += [Group(spell(one), role, *one.span()) for one in items]
        for start, end in [*spans, *((one.start, one.end) for one in remarks if one.role is not Role.UNKNOWN)]:
            draft.mask(start, end, role)
    return found


def _headings(draft: Draft, line: re.Match[str], before: Sequence[str]) -> Sequence[str]:
    """表头的各格；隔线不是表头，写着参数的一行也不是。"""
    below = ITEM.search(draft.text, line.end())
    near = below and draft.text.count("\n", line.end(), below.start()) <= _BELOW
    if near and not any(line.start() <= start < line.end() for _, start, _ in draft.fields):
        draft.account.claim(*line.span(), As.FILLER)
    return before if _RULE.fullmatch(line.group()) else line.group().split("|")


def _line_remarks(text: str, line: re.Match[str], spans: Sequence[tuple[int, int]]) -> Iterator[Remark]:
    """清单里的一行，地址前后的话；上下都没有别的清单行、或一行里另说了别的，不是清单。"""
    start, end = line.span()
    before, after = text[start : spans[0][0]], text[spans[-1][1] : end]
    beside = _BESIDE.search(text, 0, max(0, start - 1)) or _NEXT.match(text, end)
    if not beside or len(spans) > 1 or NAMED in before + after or re.search(r"\d\.\d", before + after):
        return
    head, tail = role_of(before), role_of(after)
    if head is Role.UNKNOWN:
        return
    if before.strip():
        yield Remark(start, spans[0][0], head)
    yield Remark(spans[-1][1], end, tail)


def read_noted(draft: Draft) -> list[Group]:
    """清单里单独注明「（不要动）」的，先取出来。"""
    found = [
        Group(spell(match), role, match.start(), noted.end())
        for match in ITEM.finditer(draft.text)
        if (noted := _NOTED.match(draft.text, match.end()))
        and (role := role_of(noted[1])) in {Role.EXCLUDE, Role.OTHER}
        and not _OCTET.search(noted[1])
    ]
    for group in found:
        draft.mask(group.start, group.end, group.role)
    return found
