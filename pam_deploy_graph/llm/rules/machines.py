"""从一句话里读 IP：哪些要做，哪些不要动（依据 contract 第 2 节）。

地址的真假与展开一律交给 ``addresses.expand_ips``，这里只认写法和前后的话。
"""

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.llm.rules.address_items import ITEM, Group, is_clock, listed, neighbour
from pam_deploy_graph.llm.rules.address_rows import read_noted, read_rows
from pam_deploy_graph.llm.rules.corrections import is_withdrawn
from pam_deploy_graph.llm.rules.draft import MASK, NAMED, Draft, lead
from pam_deploy_graph.llm.rules.remarks import Role, other_forms, role_of
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table, words

_LESS: Final = re.compile(
    r"\s*,?\s*(?:跳过|除了?|排除|不含|不要|去掉|减去|except|skip(?:ping)?|without|but not|minus|not)\s*\.?(\d{1,3})"
    r"(?!\.?\d|\s*[台个批次点%秒分组]|\w)",
    FLAGS,
)
_INNER: Final = re.compile(
    r"[^\S\n]?\((?:其中|里面)?\s*((?:\.?\d{1,3}\s*号?\s*[、,和及/&]?\s*)+)[^()\d]{0,6}?"
    r"(?:除外|跳过|停用|[不别勿][^()\d]{0,6}|坏[^()\d]{0,6}|在[用修][^()\d]{0,6}|skip\w*|out|excluded|off|excepted)[^()\d]{0,4}\)",
    FLAGS,
)
"""写在范围后面的括号里：「10.9.9.50-55（53 除外）」。"""
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
_VERSION_BEFORE: Final = re.compile(r"(?:版本号?|(?<![a-z])(?:version|ver\.?|v))\s*(?:是|为|到|:|=)?\s*$", FLAGS)
_VERSION_AFTER: Final = re.compile(r"\s*(?:这个|那个)?(?:版本?|\bversion\b|\brelease\b)", FLAGS)
_TO_BEFORE: Final = re.compile(r"(?:升级?|更新|改|换|刷|提|发布)(?:到|成|为|至)?\s*$|\b(?:to|->|=)\s*v?$", FLAGS)
_THAT_ONE: Final = re.compile(r"[\s\])]*,?\s*(?:后面|最后)?[这那]一?[个台]")
_PAREN: Final = re.compile(r"(?:[^\S\n]*\([^()\n]{0,30}\))?")
_ALL: Final = re.compile(r"都|全|[两几]台|\b(?:are|all|both)\b", FLAGS)
_HEADING: Final = re.compile(r"\s*:?[^\S\n]*\n\s*(?:[-*•]\s*)?\d{1,3}\.\d")
_FURTHER: Final = 100
"""往后最多看几台，看它们后面有没有说「不要动」；再多就读得慢了。"""
_SMALL: Final = 10
_PARTIAL: Final = re.compile(
    r"(?<![\d.])\d{1,3}\.\d{1,3}(?:\.\d{1,3})?(?!\.?\d)\s*(?:这个|那个)?(?:网段|子网|段(?!时)|\bsubnet\b|\bnetwork\b)"
    r"|(?:网段|子网|\bsubnet)\s*(?:是|为|:)?\s*\d{1,3}\.\d{1,3}\.\d{1,3}(?!\.?\d)"
    r"|(?<![\d.v])\d{2,3}\.\d{1,3}\.[x*](?:\.[x*])?(?!\w)",
    FLAGS,
)
"""只写了前几段的网段：不是版本，也不知道是哪几台。"""
_CUT: Final = re.compile(r"[,。;!?\n]")
_ACTED: Final = re.compile(rf"[{MASK}{NAMED}]|装|升|部署|更新|deploy|install|upgrad|put\\b|push", FLAGS)
_INCIDENT: Final = re.compile(r"\b(?:crash|fail|incident|died|hung|froze)|出事|出过|出现过|死锁|掉过", FLAGS)
_SOFT: Final = re.compile(r"[,。;!?\n]|(?<=[\u4e00-\u9fff])\s(?=[\u4e00-\u9fff])")
RECALLS: Final = re.compile(
    r"回滚|回退|退回|退[掉了到]|退 |滚回|换回|还原|恢复|\broll\w*\s*(?:\w+\s*){0,3}back|\brevert|\brestor", FLAGS
)
_OTHERS: Final = re.compile(r"其余|其他|其它|别的|剩|余下|另外|others?\b|the rest", FLAGS)
_FEW: Final = 24
"""跟在地址后面、说它不做的话最多几个字。"""


@cache
def _forms(name: str) -> re.Pattern[str]:
    """``machines.toml`` 里的一组说法；名字的末尾说明它写在 IP 之前、之后，还是隔着一个原因。"""
    data = table("machines")
    said = "|".join(data[name])
    return compile_all([data["forms"][name.rpartition("_")[2]]], SAID=said, **data["placeholders"])[0]


def read_machines(draft: Draft) -> None:
    """取走全部 IP，连同「除了」「别动」之类的话；定不下来的范围去问，不得当成没有说。"""
    for part in _PARTIAL.finditer(draft.text):
        draft.mask(*part.span(), "target_ips", As.UNREAD)
        draft.leave_open(
            "target_ips", tr("「{part}」不是完整的网段：请写成 10.0.0.0/24 这样，或写出地址", part=part.group())
        )
    groups = [*draft.marked, *read_rows(draft), *read_noted(draft)]
    position = 0
    while match := ITEM.search(draft.text, position):
        if _is_version(draft.text, match) or is_clock(match):
            position = match.end()
            continue
        found = _groups(draft.text, match, position)
        if groups and groups[-1].role == "refused" and _INSTEAD.fullmatch(draft.text[groups[-1].end : match.start()]):
            found[0] = replace(found[0], role="target_ips", start=match.start())
        groups += found
        position = found[-1].end
    _note_all(draft, groups)


def read_mentioned(draft: Draft) -> None:
    """要退回的话里没有点名的，说的是前面提到的那一组（「10.0.0.3 新版起不来，退回去」）；不止一组的去问。"""
    groups = [listed(draft.original, match) for match in ITEM.finditer(draft.original) if not is_clock(match)]
    if groups and len({end for _, end in groups}) == 1:
        _record(draft, "target_ips", groups[0][0])
    elif groups:
        draft.leave_open("target_ips", tr("提到了几处地址，看不出要退回哪几台：请给出它们的 IP（target_ips）"))


def _note_all(draft: Draft, groups: list[Group]) -> None:
    """各组合起来：要做的、不要动的；说错了又更正的哪里都不算。"""
    _doubt_corrected(draft, groups)
    said: dict[str, list[str]] = {}
    withdrawn: set[str] = set()
    for index, group in enumerate(groups):
        replaced = _is_replaced(draft.text, group, groups[index + 1 :])
        withdrawn |= {*group.items} if replaced and group.role == "refused" else set()
        if group.role != Role.OTHER and not replaced:
            said.setdefault("target_ips" if group.role == "target_ips" else "exclude_ips", []).extend(group.items)
        draft.mask(group.start, group.end, "exclude_ips" if group.role == "refused" else group.role)
    for name, items in said.items():
        _record(draft, name, [item for item in items if name != "target_ips" or item not in withdrawn])


def _doubt_corrected(draft: Draft, groups: list[Group]) -> None:
    """同样用处的两组之间说了更正，又没有听出是哪一个改成哪一个的，去问。"""
    left = [group for place, group in enumerate(groups) if not _is_replaced(draft.text, group, groups[place + 1 :])]
    for one, other in pairwise(left):
        between = draft.original[one.end : other.start + _FEW]
        same = (one.role == Role.TARGET) is (other.role == Role.TARGET)
        if (
            same
            and Role.OTHER not in {one.role, other.role}
            and any(form.search(between) for form in words("address_corrected"))
        ):
            name = "target_ips" if one.role == Role.TARGET else "exclude_ips"
            draft.leave_open(name, tr("说到更正地址，看不出是哪一个改成哪一个：请给出 IP（{name}）", name=name))


def _is_replaced(text: str, group: Group, later: list[Group]) -> bool:
    """说错了又更正的 A，「别给 A 装，给 B 装」里的 A；B 若是包含 A 的范围，A 仍然不要动。"""
    targets = [item for other in later if other.role == "target_ips" for item in other.items]
    if group.role == "target_ips":
        return bool(targets) and is_withdrawn(text, group.start, group.end)
    if group.role == Role.EXCLUDE and any(other.role == Role.EXCLUDE for other in later):
        return is_withdrawn(text, group.start, group.end)
    plain = all("/" not in item and "-" not in item for item in [*group.items, *targets])
    return group.role == "refused" and bool(targets) and plain and not set(group.items) & set(targets)


def _groups(text: str, match: re.Match[str], floor: int) -> list[Group]:
    """从第一项起收成一组，看前后的话定它的用处；后面另减去几台的是两组，``floor`` 之前的话是前一组的。"""
    items, end = listed(text, match)
    start = match.start()
    before = lead(text[floor:start], start - floor)
    if other := _elsewhere(text, before, end):
        return [Group(items, Role.OTHER, start - other[0], other[1])]
    only = _forms("only_before").search(before) or _forms("only_after").match(text, end)
    if only:
        return [Group(items, "target_ips", start, max(end, only.end()))]
    return _spoken(text, items, (start, end), before)


def _spoken(text: str, items: list[str], place: tuple[int, int], before: str) -> list[Group]:
    """看前后的话：别给它装、除了它、另减去几台、后面说了不要动。"""
    start, end = place
    for name, role in (("refuse_before", "refused"), ("exclude_before", "exclude_ips")):
        if found := _forms(name).search(before):
            items, end = _remarked(text, items, end)
            if role == "exclude_ips" and (rest := _forms("spared_after").match(text, end)):
                return [Group(items, "target_ips", start - len(found.group()), rest.end())]
            return [Group(items, role, start - len(found.group()), end)]
    if inner := _INNER.match(text, end):
        spared = [neighbour(items[-1].partition("-")[0], last) for last in re.findall(r"\d{1,3}(?![\d.])", inner[1])]
        return [Group(items, "target_ips", start, end), Group(spared, "exclude_ips", end, inner.end())]
    if less := _LESS.match(text, end):
        left_out = neighbour(items[-1].partition("-")[0], less.group(1))
        return [Group(items, "target_ips", start, end), Group([left_out], "exclude_ips", end, less.end())]
    if told := _told_after(text, items, start, end):
        return told
    return _noted_after(text, items, start, end) or [Group(items, "target_ips", start, end)]


def _noted_after(text: str, items: list[str], start: int, end: int) -> list[Group]:
    """跟在后面的短短一句话说它们不做（「停用」「在盘点」）；要退回的那台坏了，坏是缘由，不是不做。"""
    cut = _SOFT.search(text, end)
    after = text[end : cut.start() if cut else len(text)]
    apart = ITEM.search(after) or _HEADING.match(text, end + len(after) - 1) or _OTHERS.match(after.strip())
    if apart or len(after) > _FEW or "(" in after or RECALLS.search(text) or role_of(after) is not Role.EXCLUDE:
        return []
    return _left_out(items, start, end + len(after), last=False)


def _elsewhere(text: str, before: str, end: int) -> tuple[int, int] | None:
    """另有用处的地址：前面占几个字、到哪里为止；不是的为空。"""
    clause = _CUT.split(before)[-1]
    cut = _CUT.search(text, end)
    after = text[end : cut.start() if cut else len(text)]
    past = _INCIDENT.search(clause + after)
    if role_of(clause + after) is Role.OTHER and (past or not _ACTED.search(clause + after)):
        return len(clause), end + len(after)
    for form in other_forms("other_before"):
        if said := form.search(clause):
            return len(said.group()), end
    for form in other_forms("other_after"):
        if said := form.match(text, end):
            return 0, said.end()
    return None


def _told_after(text: str, items: list[str], start: int, end: int) -> list[Group]:
    """后面说了「不要动」的一组，各项可以带说明；没有说的为空。"""
    further, far = _remarked(text, items, end, _FURTHER)
    noted = _PAREN.match(text, far)
    for told, stop in ((items, end), (further, noted.end() if noted else far)):
        for name in ("exclude_after", "exclude_after_reason", "exclude_after_others"):
            if (after := _forms(name).match(text, stop)) and not _heads(text, after):
                own_line = "\n" in text[start:stop] and "\n" not in after.group() and not _ALL.search(after.group())
                last = own_line or bool(_THAT_ONE.match(text, stop))
                return _left_out(told, start, after.end(), last=last)
    return []


def _remarked(text: str, items: list[str], end: int, most: int = 10_000) -> tuple[list[str], int]:
    """不要动的清单接着往下列：各项可以带说明，「10.0.0.5（A1 口）」「- 柜台2 10.0.0.7」。"""
    for _ in range(most):
        remark = _REMARK.match(text, end)
        if not (remark and (match := ITEM.match(text, remark.end()))):
            break
        more, end = listed(text, match)
        items = [*items, *more]
    return items, end


def _heads(text: str, said: re.Match[str]) -> bool:
    """另起一行、或带冒号的「不要动」，下一行又是 IP：说的是下面的。"""
    if "\n" in said.group() and text[said.end() : said.end() + 2].lstrip().startswith(":"):
        return True
    heading = _HEADING.match(text, said.end())
    return heading is not None and (":" in heading.group() or "\n" in said.group())


def _left_out(items: list[str], start: int, end: int, *, last: bool) -> list[Group]:
    """列在后面说了「不要动」：说的是「那台」，或最后一项在前面的范围之内的，只是它不要动。"""
    cut = next((place for place in range(1, len(items)) if _within(items[place:], items[:place])), 0)
    cut = cut or (len(items) - 1 if last else 0)
    if not cut:
        return [Group(items, "exclude_ips", start, end)]
    return [Group(items[:cut], "target_ips", start, start), Group(items[cut:], "exclude_ips", start, end)]


def _within(few: list[str], many: list[str]) -> bool:
    """后面的几项都在前面的范围之内。"""
    try:
        return set(expand_ips(few)) <= set(expand_ips(many))
    except InvalidInputError:
        return False


def _is_version(text: str, match: re.Match[str]) -> bool:
    """四段的版本：前后说了「版本」，或者「升到 2.0.0.1」这样首段很小的数。"""
    before = lead(text, match.start())
    small = bool(match["start"]) and not match["end"] and int(match["start"].partition(".")[0]) < _SMALL
    told = _TO_BEFORE.search(before) or _VERSION_AFTER.match(text, match.end())
    return bool(_VERSION_BEFORE.search(before) or (small and told))


def _record(draft: Draft, name: str, items: list[str]) -> None:
    """展开并记下；不对的项说清楚，整个范围再问一遍，免得少了一台没人知道。"""
    found = dict.fromkeys(draft.control.get(name, []))
    taken = len(found)
    for item in dict.fromkeys(items):
        try:
            added = expand_ips([item], taken=taken)
        except InvalidInputError as error:
            draft.leave_open(name, tr("{error}；请重新给出 {name}", error=error, name=name))
        else:
            taken += len(added)
            found |= dict.fromkeys(added)
    if found:
        draft.control[name] = list(found)
