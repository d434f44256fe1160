"""从一句话里读 IP：哪些要做，哪些不要动（依据 contract 第 2 节）。

地址的真假与展开一律交给 ``addresses.expand_ips``，这里只认写法和前后的话。
"""

import re
from functools import cache
from ipaddress import ip_address
from typing import Final

from pam_deploy_graph.addresses import expand_ips
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.llm.draft import Draft, lead
from pam_deploy_graph.llm.lexicon import FLAGS, compile_all, table

_V4 = r"(?<![\w.])\d{1,5}(?:\.\d{1,5}){3}(?!\.?\d)"
_V6 = r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:.])"
_TO = r"\s*(?:-|~|到|至|\bto\b|\bthrough\b)\s*"
_ITEM: Final = re.compile(
    rf"(?P<wild>(?<![\w.])(?:\d{{1,3}}\.){{3}}[*x](?!\w))"
    rf"|(?P<net>(?:{_V4}|{_V6})\s?/\s?\d{{1,3}}(?![\d.]))"
    rf"|(?P<start>{_V4})(?:{_TO}(?P<end>{_V4}|\d{{1,3}}(?![\d.]|\s*[台个批%])))?"
    rf"|(?P<start6>{_V6})(?:{_TO}(?P<end6>{_V6}))?",
    FLAGS,
)
_MORE: Final = re.compile(r"\s*(?:、|和|及|,|\band\b)\s*(\d{1,3})(?![\d.]|\s*[台个批次点%秒分]|\w)", FLAGS)
_JOIN: Final = re.compile(r"[\s、,;和及与跟&]*(?:\band\b)?\s*", FLAGS)
_GAP_BEFORE = r"(?:了|掉|开|的|on|for|the|\s|:)*(?:这|那)?(?:[几两]|\d)?台?{KIND}\s*:?\s*$"
_GAP_AFTER = r"\s*,?\s*(?:这|那)?(?:[几两三]|\d)?台?{KIND}\s*(?:先|就|暂时|都|的)*"
_NEXT_IS_IP = r"[^,。;]{0,6}\d{1,3}\.\d"
_VERSION_BEFORE: Final = re.compile(r"(?:版本号?|version|ver\.?|v)\s*(?:是|为|到|:|=)?\s*$", FLAGS)


@cache
def _exclusions() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """「不要动」之类的话：写在 IP 之前的、写在 IP 之后的。"""
    data = table("machines")
    before, after = "|".join(data["exclude_before"]), "|".join(data["exclude_after"])
    forms = [f"(?:{before}){_GAP_BEFORE}", f"{_GAP_AFTER}(?:{after})(?!{_NEXT_IS_IP})"]
    not_before, not_after = compile_all(forms, KIND=data["kind"])
    return not_before, not_after


def read_machines(draft: Draft) -> None:
    """取走全部 IP，连同「除了」「别动」之类的话；定不下来的范围去问，不得当成没有说。"""
    not_before, not_after = _exclusions()
    position = 0
    while match := _ITEM.search(draft.text, position):
        if _VERSION_BEFORE.search(lead(draft.text, match.start())) or _is_clock(match):
            position = match.end()
            continue
        items, end = _group(draft.text, match)
        before = not_before.search(lead(draft.text, match.start()))
        after = not_after.match(draft.text, end)
        _record(draft, "exclude_ips" if before or after else "target_ips", items)
        start = match.start() - len(before.group()) if before else match.start()
        position = after.end() if after else end
        draft.mask(start, position)


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


def _group(text: str, first: re.Match[str]) -> tuple[list[str], int]:
    """从第一项起，把紧挨着列出的各项收成一组；返回各项与这一组的终点。"""
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
    """展开并记下；有一项不对，整个范围都去问。"""
    try:
        expanded = expand_ips([*draft.control.get(name, []), *items])
    except InvalidInputError as error:
        draft.note(f"{error}；请重新给出 {name}")
        draft.ask_for(name)
        return
    draft.control[name] = expanded
