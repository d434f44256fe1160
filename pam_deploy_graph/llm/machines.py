"""从一句话里读 IP：哪些要做，哪些不要动（依据 contract 第 2 节）。

地址的真假与展开一律交给 ``addresses.expand_ips``，这里只认写法和前后的话。
"""

import re
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import Final

from pam_deploy_graph.addresses import expand_ips
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.llm.draft import Draft, lead
from pam_deploy_graph.llm.lexicon import FLAGS, compile_all, table

_V4 = r"(?<![\w.])\d{1,5}(?:\.\d{1,5}){3}(?!\.?\d)"
_V6 = r"(?<![\w.])(?<![0-9a-f:]:)(?=[0-9a-f]|::)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:.])"
_TO = r"\s*(?:-|~|到|至|\bto\b|\bthrough\b)\s*"
_ITEM: Final = re.compile(
    rf"(?P<wild>(?<![\w.])(?:\d{{1,3}}\.){{3}}[*x](?!\w))"
    rf"|(?P<net>(?:{_V4}|{_V6})\s?/\s?\d{{1,3}}(?![\d.]))"
    rf"|(?P<start>{_V4})(?:{_TO}(?P<end>{_V4}|\d{{1,3}}(?![\d.]|\s*[台个批%])))?"
    rf"|(?P<start6>{_V6})(?:{_TO}(?P<end6>{_V6}))?",
    FLAGS,
)
_MORE: Final = re.compile(
    r"\s*(?:、|和|及|跟|与|,|&|,?\s*\band\b)\s*\.?(\d{1,3})(?![\d.]|\s*[台个批次点%秒分个组]|\w)", FLAGS
)
_JOIN: Final = re.compile(r"[\s、,;和及与跟&|]*(?:\band\b)?\s*", FLAGS)
_INSTEAD: Final = re.compile(r"[\s,]*(?:but|而是|是|改成|改为|应该?是)\s*(?:on|at)?\s*", FLAGS)
_VERSION_BEFORE: Final = re.compile(r"(?:版本号?|version|ver\.?|v)\s*(?:是|为|到|:|=)?\s*$", FLAGS)


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
    groups: list[Group] = []
    position = 0
    while match := _ITEM.search(draft.text, position):
        if _VERSION_BEFORE.search(lead(draft.text, match.start())) or _is_clock(match):
            position = match.end()
            continue
        group = _group(draft.text, match)
        if groups and groups[-1].role == "refused" and _INSTEAD.fullmatch(draft.text[groups[-1].end : match.start()]):
            group = Group(group.items, "target_ips", match.start(), group.end)
        groups.append(group)
        position = group.end
    for index, group in enumerate(groups):
        if not _is_replaced(group, groups[index + 1 :]):
            _record(draft, "target_ips" if group.role == "target_ips" else "exclude_ips", group.items)
        draft.mask(group.start, group.end)


def _is_replaced(group: Group, later: list[Group]) -> bool:
    """「别给 A 装，给 B 装」里的 A；B 若是包含 A 的范围，A 仍然不要动。"""
    targets = [item for other in later if other.role == "target_ips" for item in other.items]
    plain = all("/" not in item and "-" not in item for item in [*group.items, *targets])
    return group.role == "refused" and bool(targets) and plain and not set(group.items) & set(targets)


def _group(text: str, match: re.Match[str]) -> Group:
    """从第一项起收成一组，看前后的话定它的用处。"""
    items, end = _listed(text, match)
    before = lead(text, match.start())
    if only := _forms("only_before").search(before) or _forms("only_after").match(text, end):
        return Group(items, "target_ips", match.start(), max(end, only.end()))
    for name, role in (("refuse_before", "refused"), ("exclude_before", "exclude_ips")):
        if found := _forms(name).search(before):
            return Group(items, role, match.start() - len(found.group()), end)
    if after := _forms("exclude_after").match(text, end) or _forms("exclude_after_reason").match(text, end):
        return Group(items, "exclude_ips", match.start(), after.end())
    return Group(items, "target_ips", match.start(), end)


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
    for item in items:
        try:
            draft.control[name] = expand_ips([*draft.control.get(name, []), item])
        except InvalidInputError as error:
            draft.note(f"{error}；请重新给出 {name}")
            draft.ask_for(name)
