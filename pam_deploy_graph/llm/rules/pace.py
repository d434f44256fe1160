"""节奏与策略：灰度、并发、失败上限、攒够再问、时限、执行策略（依据 contract 第 2 节）。"""

import re
from collections import defaultdict
from functools import cache
from typing import Final

from pam_deploy_graph.llm.rules.corrections import kept
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table, words
from pam_deploy_graph.llm.text.numbers import to_int

_SECONDS: Final = {"m": 60, "分": 60, "h": 3600, "小": 3600, "钟": 3600}
_ZERO: Final = {"max_failures": None}
_PERCENT: Final = re.compile(
    r"\d{1,3}(?:\.\d+)?\s*%(?:\s*(?:的)?(?:机器|工作站)?(?:做)?(?:灰度|试点|canary))?|[一二三四五六七八九]成(?=\s|灰度|机器|,|$)|一半一半|先[^,。;]{0,4}一半",
    FLAGS,
)

Mention = tuple[re.Match[str], int | None]
Rules = tuple[tuple[str, int | None, tuple[re.Pattern[str], ...]], ...]


@cache
def _rules() -> Rules:
    """把规则表展开成（参数、固定值、模式）。"""
    data = dict(table("pace"))
    placeholders = data.pop("placeholders")
    return tuple(
        (name, group.get("value"), compile_all(group["patterns"], **placeholders))
        for name, groups in data.items()
        for group in groups
    )


def read_pace(draft: Draft) -> None:
    """取走说节奏的话；同一项说了两个不同的数，就去问。"""
    if draft.take([_PERCENT]):
        draft.note("按比例分批还不支持：请说台数，例如「先灰度 2 台」「每批 8 台」")
    heard = draft.text
    said: defaultdict[str, list[Mention]] = defaultdict(list)
    for name, value, patterns in _rules():
        for match in draft.take(patterns):
            if value is None:
                amount: int | None = _amended(draft, match.end(), to_int(match["n"]))
            else:
                amount = value or _ZERO.get(name, 0)
            said[name].append((match, amount))
    for name, mentions in said.items():
        _settle(draft, name, _uncorrected(heard, mentions))


def _amended(draft: Draft, position: int, amount: int) -> int:
    """说完之后紧接着更正的数目（「四台，哦不，两台」）；没有更正的还是原来的。"""
    ends = [wrong.end() for form in words("wrong_after") if (wrong := form.match(draft.text, position))]
    rights = [right for end in ends for form in words("bare_amount") if (right := form.match(draft.text, end))]
    if not rights:
        return amount
    draft.mask(position, rights[0].end())
    return to_int(rights[0]["n"])


def _uncorrected(text: str, mentions: list[Mention]) -> list[Mention]:
    """说错了又更正过的不算，嫌多嫌少的数目也不算。"""
    unfit = {to_int(match["n"]) for form in words("unfit_amount") for match in form.finditer(text)}
    mentions = [mention for mention in mentions if mention[1] not in unfit] or mentions
    flags = kept(text, [match.span() for match, _ in mentions])
    return [mention for mention, flag in zip(mentions, flags, strict=True) if flag]


def _settle(draft: Draft, name: str, mentions: list[Mention]) -> None:
    """定下一项；说了两个不同的数就去问。"""
    for match, amount in mentions:
        if draft.control.get(name, amount) != amount:
            draft.note(f"{name} 说了两个不同的数（{draft.control[name]} 与 {amount}），请确认")
            continue
        draft.set_control(name, amount)
        if "超过" in match.group():
            draft.note(f"「{match.group()}」理解为达到 {amount} 台就停")


def read_timeouts(draft: Draft) -> None:
    """取走时限；没有说是哪一种的，当作请求时限。"""
    for match in draft.take(words("timeout")):
        verify = (match["which"] or "").lower() in {"验证", "校验", "核验", "验收", "verify", "verification"}
        seconds = to_int(match["n"]) * _SECONDS.get((match["unit"] or "s")[0].lower(), 1)
        draft.set_param("VERIFY_TIMEOUT" if verify else "REQUEST_TIMEOUT", str(seconds))


@cache
def _strategies() -> dict[str, tuple[re.Pattern[str], ...]]:
    """各策略的说法。"""
    return {name: compile_all(patterns) for name, patterns in table("words")["strategy"].items()}


def read_strategy(draft: Draft) -> None:
    """取走说策略的话；点名了两种不同的策略就去问。"""
    patterns = dict(_strategies())
    draft.take(patterns.pop("not_meant"))
    named = [name for name, forms in patterns.items() if draft.take(forms)]
    if len(named) == 1:
        draft.set_control("execution_strategy", named[0])
    elif named:
        draft.leave_open("execution_strategy", f"点名了不止一种执行策略（{'、'.join(named)}），请只说一种")
