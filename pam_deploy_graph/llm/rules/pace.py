"""节奏与策略：灰度、并发、各波、观察、间隔、失败上限、攒够再问、时限、执行策略（依据 contract 第 2 节）。"""

import re
from collections import defaultdict
from functools import cache
from typing import Any, Final

from pam_deploy_graph.constants import CONTROLS
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.corrections import kept
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table, words
from pam_deploy_graph.llm.text.numbers import to_int

_SECONDS: Final = {"m": 60, "分": 60, "h": 3600, "小": 3600, "钟": 3600}
_ZERO: Final = {"max_failures": None}
_QUARTER: Final = 900
_LONGER: Final = frozenset({"hold", "pause_between"})
"""越长越严的。"""
_SHARES: Final = {
    "half": 50,
    "一半": 50,
    "半数": 50,
    "quarter": 25,
    "third": 33,
    "fifth": 20,
    "tenth": 10,
    "twentieth": 5,
}
_WHOLE: Final = "100%"
_PERCENT: Final = re.compile(r"(?P<n>[a-z]+)\s+per ?cent", FLAGS)
_NUMBER: Final = re.compile(r"\d+|[一二两三四五六七八九十]+|[a-z]+", FLAGS)

Mention = tuple[re.Match[str], Any]


@cache
def _rules() -> tuple[tuple[str, dict[str, Any], tuple[re.Pattern[str], ...]], ...]:
    """把规则表展开成（参数、这一组、模式）。"""
    data = table("pace")
    placeholders = data["placeholders"]
    return tuple(
        (name, group, compile_all(group["patterns"], **placeholders))
        for name, groups in data.items()
        if name in CONTROLS
        for group in groups
    )


def read_pace(draft: Draft) -> None:
    """取走说节奏的话；同一项说了两个不同的数，就去问。"""
    heard = draft.text
    said: defaultdict[str, list[Mention]] = defaultdict(list)
    for name, group, patterns in _rules():
        for match in draft.take(patterns, name):
            said[name].append((match, _amount(draft, name, group, match)))
    for name, mentions in said.items():
        _settle(draft, name, _uncorrected(heard, mentions))
    staged = draft.control.keys() & {"canary", "waves"} or draft.undecided.keys() & {"canary"}
    if draft.control.get("confirm_canary") and not staged:
        del draft.control["confirm_canary"]  # 看的是计划：计划总要先批准
    if draft.control.get("hold") and not staged:
        draft.leave_open(
            "canary", tr("说了观察 {hold} 秒，没有说先做几台：请说明先灰度几台", hold=draft.control["hold"])
        )


def _amount(draft: Draft, name: str, group: dict[str, Any], match: re.Match[str]) -> Any:
    """一处说的是多少。"""
    if "value" in group:
        return group["value"] or _ZERO.get(name, 0)
    match group.get("as", "count"):
        case "flag":
            return True
        case "seconds":
            return seconds(match)
        case "share":
            return share(match["s"])
        case "waves":
            sizes = [_wave(one.group().strip()) for one in _parts()[0].finditer(match["list"])]
            return [size for place, size in enumerate(sizes) if size != _WHOLE or place == len(sizes) - 1]
        case _:
            return _amended(draft, match.end(), to_int(match["n"]))


def seconds(match: re.Match[str]) -> int:
    """一段时间有几秒。"""
    if match["half"]:
        return _SECONDS[match["halfunit"][0]] // 2
    if match["quarter"]:
        return to_int(match["quarter"]) * _QUARTER
    if match["one"]:
        words_ = match["one"].lower().split()
        whole = {"minute": 60, "hour": 3600, "second": 1}[words_[-1]]
        return whole // (4 if "quarter" in words_ else 2 if words_[0] == "half" else 1)
    return to_int(match["n"]) * (unit := _SECONDS.get(match["unit"][0].lower(), 1)) + (
        unit // 2 if match["plus"] else 0
    )


def share(said: str) -> str:
    """百分之几。"""
    if spoken := _PERCENT.fullmatch(said):
        return f"{to_int(spoken['n'])}%"
    text = said.lower().split()[-1] if said.isascii() else said
    if found := _SHARES.get(text):
        return f"{found}%"
    if "分之一" in text:
        return f"{100 // to_int(text[0])}%"
    if text.startswith("百分之"):
        return f"{to_int(text.removeprefix('百分之'))}%"
    return f"{to_int(text[0]) * 10}%" if "成" in text else f"{int(re.sub(r'[^0-9]', '', said))}%"


def _wave(said: str) -> str:
    """一波的大小：台数，或百分之几。"""
    _, portion, rest = _parts()
    if rest.fullmatch(said):
        return _WHOLE
    number = _NUMBER.match(said)
    return share(said) if portion.fullmatch(said) or not number else str(to_int(number.group()))


@cache
def _parts() -> tuple[re.Pattern[str], ...]:
    """一波的说法：哪一种都算的、几成的、其余全部的。"""
    return compile_all(["{ITEM}", "{SH}", "{ALL}"], **table("pace")["placeholders"])


def _amended(draft: Draft, position: int, amount: int) -> int:
    """说完之后紧接着更正的数目（「四台，哦不，两台」）；没有更正的还是原来的。"""
    ends = [wrong.end() for form in words("wrong_after") if (wrong := form.match(draft.text, position))]
    rights = [right for end in ends for form in words("bare_amount") if (right := form.match(draft.text, end))]
    if not rights:
        return amount
    draft.mask(position, rights[0].end(), "correction")
    return to_int(rights[0]["n"])


def _uncorrected(text: str, mentions: list[Mention]) -> list[Mention]:
    """说错了又更正过的不算，嫌多嫌少的数目也不算。"""
    unfit = {to_int(match["n"]) for form in words("unfit_amount") for match in form.finditer(text)}
    mentions = [mention for mention in mentions if isinstance(mention[1], list) or mention[1] not in unfit] or mentions
    flags = kept(text, [match.span() for match, _ in mentions])
    return [mention for mention, flag in zip(mentions, flags, strict=True) if flag]


def _settle(draft: Draft, name: str, mentions: list[Mention]) -> None:
    """定下一项；说了两个不同的数，取严的一个，告诉人；比不出来的去问。"""
    for match, amount in mentions:
        was = draft.control.get(name, amount)
        if was == amount:
            draft.set_control(name, amount)
        elif isinstance(was, int) and isinstance(amount, int):
            strict = (max if name in _LONGER else min)(was, amount)
            draft.control[name] = strict
            draft.note(
                tr("{name} 说了 {was} 与 {amount}：按严的 {strict}", name=name, was=was, amount=amount, strict=strict)
            )
        else:
            draft.leave_open(
                name,
                tr(
                    "{name} 说了两个不同的数（{control} 与 {amount}），请说明是哪一个",
                    name=name,
                    control=was,
                    amount=amount,
                ),
            )
        if "超过" in match.group() and name == "max_failures":
            draft.note(tr("「{match}」理解为达到 {amount} 台就停", match=match.group(), amount=amount))


def read_timeouts(draft: Draft) -> None:
    """取走时限；没有说是哪一种的，当作请求时限。"""
    for match in draft.take(words("timeout"), "timeout"):
        verify = (match["which"] or "").lower() in {"验证", "校验", "核验", "验收", "verify", "verification"}
        amount = to_int(match["n"]) * _SECONDS.get((match["unit"] or "s")[0].lower(), 1)
        draft.set_param("VERIFY_TIMEOUT" if verify else "REQUEST_TIMEOUT", str(amount))


@cache
def _strategies() -> dict[str, tuple[re.Pattern[str], ...]]:
    """各策略的说法。"""
    return {name: compile_all(patterns) for name, patterns in table("words")["strategy"].items()}


def read_strategy(draft: Draft) -> None:
    """取走说策略的话；点名了两种不同的策略就去问。"""
    patterns = dict(_strategies())
    draft.take(patterns.pop("not_meant"), "execution_strategy", As.NEGATED)
    named = [name for name, forms in patterns.items() if draft.take(forms, "execution_strategy")]
    if len(named) == 1:
        draft.set_control("execution_strategy", named[0])
    elif named:
        draft.leave_open(
            "execution_strategy", tr("点名了不止一种执行策略（{named}），请只说一种", named=tr("、").join(named))
        )
