"""从一句话里读 IP：哪些要做，哪些不要动（依据 contract 第 2 节）。

地址的真假与展开一律交给 ``addresses.expand_ips``，这里只认写法和前后的话。
"""

import re
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import ip_address
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.llm.rules.corrections import is_withdrawn
from pam_deploy_graph.llm.rules.draft import Draft, lead
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table

_V4_END = r"\d{1,5}(?:\.\d{1,5}){3}(?!\.?\d)"
_V4 = rf"(?<![\w.]){_V4_END}"
_V6 = r"(?<![\w.])(?<![0-9a-f:]:)(?=[0-9a-f]|::)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:.])"
_TO = r"(?:[^\S\n]*(?:-|~|\.\.+|…)|\s*(?:到|至|\bto\b|\bthrough\b|\bthru\b|\btill\b|\buntil\b|\bup to\b))\s*"
"""行首的 ``-`` 是另起一项，不是「到」。"""
_ITEM: Final = re.compile(
    rf"(?P<wild>(?<![\w.])(?:\d{{1,3}}\.){{3}}[*x](?!\w))"
    rf"|(?P<net>(?:{_V4}|{_V6})\s?/\s?\d{{1,3}}(?!\.?\d))"
    rf"|(?P<start>{_V4})(?:{_TO}(?P<end>{_V4_END}|\d{{1,3}}(?!\.?\d|\s*[台个批%])))?"
    rf"|(?P<start6>{_V6})(?:{_TO}(?P<end6>{_V6}))?",
    FLAGS,
)
_MORE: Final = re.compile(
    r"\s*(?:、|和|及|跟|与|,|&|,?\s*\band\b)\s*\.?(\d{1,3})(?!\.?\d|\s*[台个批次点%秒分个组]|\w)", FLAGS
)
_LESS: Final = re.compile(
    r"\s*,?\s*(?:跳过|除了?|排除|不含|不要|去掉|减去|except|skip(?:ping)?|without|but not|minus|not)\s*\.?(\d{1,3})"
    r"(?!\.?\d|\s*[台个批次点%秒分组]|\w)",
    FLAGS,
)
_JOIN: Final = re.compile(r"(?:\n\s*[-*•]\s*|[\s、,;和及与跟&|])*(?:\band\b)?\s*", FLAGS)
_LABEL: Final = r"[^\s,;。:\d]{0,10}\d[^\s,;。:.]{0,4}\s?[:\s]\s*"
"""写在 IP 前面的柜台、登机口，如 ``A1:``、``柜台2``。"""
_AND: Final = r"(?:和|及|与|、|&|,?\s*\band\b)\s*"
_REMARK: Final = re.compile(
    rf"[^\S\n]*(?:\([^()\n]{{0,30}}\)(?:\s*{_AND})?|,\s*(?:which|that)\s[^,.;!?\n\d]{{0,30}}{_AND}"
    r"|(?:(?!\d+\.\d)[^\n,;。!?]){0,30}(?=\n\s*[-*•]))?"
    rf"(?:\n\s*(?:[-*•]\s*(?:{_LABEL})?|{_LABEL}|(?=[\d.:/-]+\s*(?:\([^()\n]*\))?\s*(?:\n|$))))?",
    FLAGS,
)
"""不要动的清单里，这一项的说明，以及到下一项为止的换行与名目。"""
_INSTEAD: Final = re.compile(r"[\s,]*(?:but|而是|是|改成|改为|应该?是)\s*(?:on|at)?\s*", FLAGS)
_VERSION_BEFORE: Final = re.compile(r"(?:版本号?|version|ver\.?|v)\s*(?:是|为|到|:|=)?\s*$", FLAGS)
_VERSION_AFTER: Final = re.compile(r"\s*(?:这个|那个)?(?:版本?|\bversion\b|\brelease\b)", FLAGS)
_TO_BEFORE: Final = re.compile(r"(?:升级?|更新|改|换|刷|提|发布)(?:到|成|为|至)?\s*$|\b(?:to|->|=)\s*v?$", FLAGS)
_THAT_ONE: Final = re.compile(r"[\s\])]*,?\s*(?:后面|最后)?[这那]一?[个台]")
_PAREN: Final = re.compile(r"(?:[^\S\n]*\([^()\n]{0,30}\))?")
_ALL: Final = re.compile(r"都|全|[两几]台|\b(?:are|all|both)\b", FLAGS)
_HEADING: Final = re.compile(r"\s*:?[^\S\n]*\n\s*(?:[-*•]\s*)?\d{1,3}\.\d")
_FURTHER: Final = 100
"""往后最多看几台，看它们后面有没有说「不要动」；再多就读得慢了。"""
_SMALL: Final = 10


@cache
def _forms(name: str) -> re.Pattern[str]:
    """``machines.toml`` 里的一组说法；名字的末尾说明它写在 IP 之前、之后，还是隔着一个原因。"""
    data = table("machines")
    said = "|".join(data[name])
    return compile_all([data["forms"][name.rpartition("_")[2]]], SAID=said, **data["placeholders"])[0]


@dataclass(frozen=True)
class Group:
    """紧挨着列出的一组 IP：怎么写的，说的是要做、不要动，还是「别给它装」，以及连同前后的话占的位置。"""

    items: list[str]
    role: str
    start: int
    end: int


def read_machines(draft: Draft) -> None:
    """取走全部 IP，连同「除了」「别动」之类的话；定不下来的范围去问，不得当成没有说。"""
    groups = _set_apart(draft)
    position = 0
    while match := _ITEM.search(draft.text, position):
        if _is_version(draft.text, match) or _is_clock(match):
            position = match.end()
            continue
        found = _groups(draft.text, match, position)
        if groups and groups[-1].role == "refused" and _INSTEAD.fullmatch(draft.text[groups[-1].end : match.start()]):
            found[0] = replace(found[0], role="target_ips", start=match.start())
        groups += found
        position = found[-1].end
    said: dict[str, list[str]] = {}
    for index, group in enumerate(groups):
        if not _is_replaced(draft.text, group, groups[index + 1 :]):
            said.setdefault("target_ips" if group.role == "target_ips" else "exclude_ips", []).extend(group.items)
        draft.mask(group.start, group.end)
    for name, items in said.items():
        _record(draft, name, items)


def _set_apart(draft: Draft) -> list[Group]:
    """清单里单独注明「（不要动）」的，先取出来。"""
    found = [
        Group(_spell(match), "exclude_ips", match.start(), noted.end())
        for match in _ITEM.finditer(draft.text)
        if (noted := _forms("exclude_after_noted").match(draft.text, match.end()))
    ]
    for group in found:
        draft.mask(group.start, group.end)
    return found


def _is_replaced(text: str, group: Group, later: list[Group]) -> bool:
    """说错了又更正的 A，「别给 A 装，给 B 装」里的 A；B 若是包含 A 的范围，A 仍然不要动。"""
    targets = [item for other in later if other.role == "target_ips" for item in other.items]
    if group.role == "target_ips":
        return bool(targets) and is_withdrawn(text, group.start, group.end)
    plain = all("/" not in item and "-" not in item for item in [*group.items, *targets])
    return group.role == "refused" and bool(targets) and plain and not set(group.items) & set(targets)


def _groups(text: str, match: re.Match[str], floor: int) -> list[Group]:
    """从第一项起收成一组，看前后的话定它的用处；后面另减去几台的是两组，``floor`` 之前的话是前一组的。"""
    items, end = _listed(text, match)
    start = match.start()
    before = lead(text[floor:start], start - floor)
    if only := _forms("only_before").search(before) or _forms("only_after").match(text, end):
        return [Group(items, "target_ips", start, max(end, only.end()))]
    for name, role in (("refuse_before", "refused"), ("exclude_before", "exclude_ips")):
        if found := _forms(name).search(before):
            items, end = _remarked(text, items, end)
            if role == "exclude_ips" and (rest := _forms("spared_after").match(text, end)):
                return [Group(items, "target_ips", start - len(found.group()), rest.end())]
            return [Group(items, role, start - len(found.group()), end)]
    if less := _LESS.match(text, end):
        left_out = _neighbour(items[-1].partition("-")[0], less.group(1))
        return [Group(items, "target_ips", start, end), Group([left_out], "exclude_ips", end, less.end())]
    return _told_after(text, items, start, end) or [Group(items, "target_ips", start, end)]


def _told_after(text: str, items: list[str], start: int, end: int) -> list[Group]:
    """后面说了「不要动」的一组，各项可以带说明；没有说的为空。"""
    further, far = _remarked(text, items, end, _FURTHER)
    noted = _PAREN.match(text, far)
    for listed, stop in ((items, end), (further, noted.end() if noted else far)):
        for name in ("exclude_after", "exclude_after_reason", "exclude_after_others"):
            if (after := _forms(name).match(text, stop)) and not _heads(text, after):
                own_line = "\n" in text[start:stop] and "\n" not in after.group() and not _ALL.search(after.group())
                last = own_line or bool(_THAT_ONE.match(text, stop))
                return _left_out(listed, start, after.end(), last=last)
    return []


def _remarked(text: str, items: list[str], end: int, most: int = 10_000) -> tuple[list[str], int]:
    """不要动的清单接着往下列：各项可以带说明，「10.0.0.5（A1 口）」「- 柜台2 10.0.0.7」。"""
    for _ in range(most):
        remark = _REMARK.match(text, end)
        if not (remark and (match := _ITEM.match(text, remark.end()))):
            break
        more, end = _listed(text, match)
        items = [*items, *more]
    return items, end


def _heads(text: str, said: re.Match[str]) -> bool:
    """另起一行、或带冒号的「不要动」，下一行又是 IP：说的是下面的。"""
    heading = _HEADING.match(text, said.end())
    return heading is not None and (":" in heading.group() or "\n" in said.group())


def _left_out(items: list[str], start: int, end: int, *, last: bool) -> list[Group]:
    """列在后面说了「不要动」：说的是「那台」，或最后一项在前面的范围之内的，只是它不要动。"""
    try:
        inside = bool(items[:-1]) and set(expand_ips(items[-1:])) <= set(expand_ips(items[:-1]))
    except InvalidInputError:
        inside = False
    if not (inside or (last and items[:-1])):
        return [Group(items, "exclude_ips", start, end)]
    return [Group(items[:-1], "target_ips", start, start), Group(items[-1:], "exclude_ips", start, end)]


def _is_version(text: str, match: re.Match[str]) -> bool:
    """四段的版本：前后说了「版本」，或者「升到 2.0.0.1」这样首段很小的数。"""
    before = lead(text, match.start())
    small = bool(match["start"]) and not match["end"] and int(match["start"].partition(".")[0]) < _SMALL
    told = _TO_BEFORE.search(before) or _VERSION_AFTER.match(text, match.end())
    return bool(_VERSION_BEFORE.search(before) or (small and told))


def _is_clock(match: re.Match[str]) -> bool:
    """形如 ``12:30:45`` 的时间不是 IPv6。"""
    text = match["start6"]
    if not text:
        return False
    try:
        ip_address(text)
    except ValueError:
        return True
    return False


def _listed(text: str, first: re.Match[str]) -> tuple[list[str], int]:
    """从第一项起，收齐紧挨着列出的各项；返回各项与这一组的终点。"""
    items: list[str] = []
    match: re.Match[str] | None = first
    end = first.end()
    while match:
        items += _spell(match)
        end = match.end()
        while match["start"] and (more := _MORE.match(text, end)):
            items.append(_neighbour(match["start"], more.group(1)))
            end = more.end()
        joined = _JOIN.match(text, end)
        match = _ITEM.match(text, joined.end()) if joined else None
    return items, end


def _spell(match: re.Match[str]) -> list[str]:
    """把一项写成 ``expand_ips`` 认得的样子。"""
    if match["wild"]:
        return [match["wild"][:-1] + "0/24"]
    if match["net"]:
        return [re.sub(r"\s", "", match["net"])]
    start, end = match["start"] or match["start6"], match["end"] or match["end6"]
    return [f"{start}-{end}" if end else start]


def _neighbour(address: str, last: str) -> str:
    """``10.0.0.5、6`` 里的 6 指 ``10.0.0.6``。"""
    return address.rpartition(".")[0] + "." + last


def _record(draft: Draft, name: str, items: list[str]) -> None:
    """展开并记下；不对的项说清楚，整个范围再问一遍，免得少了一台没人知道。"""
    found = dict.fromkeys(draft.control.get(name, []))
    taken = len(found)
    for item in dict.fromkeys(items):
        try:
            added = expand_ips([item], taken=taken)
        except InvalidInputError as error:
            draft.leave_open(name, f"{error}；请重新给出 {name}")
        else:
            taken += len(added)
            found |= dict.fromkeys(added)
    if found:
        draft.control[name] = list(found)
