"""模型说的每一个值都要在原话里有着落，否则不要（依据 contract 第 4 节）。

有着落是指：照字面出现；或者能由原话算出来（机场名、IP 范围、数目的说法、时限的单位）。
"""

import re
from collections.abc import Iterable
from typing import Final

from pam_deploy_graph.addresses import expand_ips
from pam_deploy_graph.constants import DEFAULT_PARAMS, REQUIRED_PARAMS, ExecutionStrategy
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.llm.draft import Draft
from pam_deploy_graph.llm.extraction import Reading
from pam_deploy_graph.llm.lexicon import FLAGS, compile_all, table
from pam_deploy_graph.llm.normalise import normalise
from pam_deploy_graph.llm.numbers import NUMBER, to_int
from pam_deploy_graph.llm.wire import Understanding

_COUNTS: Final = ("canary", "max_parallel", "ask_after", "max_failures")
_NUMBERS: Final = re.compile(NUMBER, FLAGS)
_UNITS: Final = (1, 60, 3600)


def ground(answer: Understanding, text: str, rules: Reading) -> Draft:
    """留下有着落的值，其余的记一句话；模型漏掉的由规则补上。

    Args:
        answer: 模型的回答。
        text: 原话。
        rules: 规则读同一句话的结果。

    Returns:
        ``params``、``control``、``notes`` 与 ``unresolved`` 都已填好的草稿。

    """
    draft = Draft(normalise(text))
    for name in (*REQUIRED_PARAMS, *DEFAULT_PARAMS):
        value = _tidy(name, getattr(answer, name.lower()))
        if value is not None and _accepted(draft, name, str(value), _has_param(draft.text, name, value, rules)):
            draft.set_param(name, str(value))
    for name in _COUNTS:
        value = getattr(answer, name)
        if value is not None and _accepted(draft, name, str(value), _has_count(draft.text, name, value, rules)):
            draft.set_control(name, value)
    _ground_strategy(draft, answer.execution_strategy)
    _compare_addresses(draft, answer, rules)
    draft.params = {**rules.params, **draft.params}
    draft.control = {**rules.control, **draft.control}
    draft.notes = [*rules.notes, *draft.notes]
    draft.unresolved = [*dict.fromkeys([*rules.unresolved, *draft.unresolved])]
    return draft


def _tidy(name: str, value: str | int | None) -> str | int | None:
    """版本前面的 v 不算版本的一部分。"""
    return re.sub(r"^[vV](?=\d)", "", value) if name == "VERSION_NUMBER" and isinstance(value, str) else value


def _accepted(draft: Draft, name: str, value: str, found: bool) -> bool:  # noqa: FBT001  判断的结果本来就是真假
    """没有着落的值不要，并告诉人。"""
    if not found:
        draft.note(f"模型给出的 {name}={value[:40]!r} 在原话里找不到，没有采用")
    return found


def _has_param(text: str, name: str, value: object, rules: Reading) -> bool:
    """一个部署参数在原话里有没有着落。"""
    if rules.params.get(name) == str(value):
        return True
    if name == "PAM_HOME_URL":  # 原话里有这个网址还不够，要明说它是 HOME：令牌会送到那里去
        return False
    if name.endswith("_TIMEOUT"):
        return any(number * unit == value for number in _numbers(text) for unit in _UNITS)
    return _occurs(text, str(value))


def _occurs(text: str, value: str) -> bool:
    """照字面出现，且不是更长一串里的一截；版本前面可以有 v。"""
    escaped = re.escape(normalise(value))
    return bool(value) and bool(re.search(rf"(?<![a-z0-9])v?{escaped}(?![a-z0-9]|\.\d)", text, FLAGS))


def _has_count(text: str, name: str, value: int, rules: Reading) -> bool:
    """一个数目在原话里有没有着落。"""
    return rules.control.get(name) == value or value in _numbers(text)


def _numbers(text: str) -> set[int]:
    """原话里的全部数目。"""
    return {to_int(match["n"]) for match in _NUMBERS.finditer(text)}


def _ground_strategy(draft: Draft, strategy: ExecutionStrategy | None) -> None:
    """策略要有相应的说法。"""
    if strategy is None:
        return
    forms = compile_all(table("words")["strategy"][strategy])
    if _accepted(draft, "execution_strategy", strategy, any(form.search(draft.text) for form in forms)):
        draft.set_control("execution_strategy", strategy)


def _compare_addresses(draft: Draft, answer: Understanding, rules: Reading) -> None:
    """IP 照规则的分法，范围因此不会变大；模型分得不同，就请人再说一遍。"""
    targets, excluded = _expanded(answer.target_ips), _expanded(answer.exclude_ips)
    said = rules.control.get("target_ips", []), rules.control.get("exclude_ips", [])
    if {*targets, *excluded} == {*said[0], *said[1]} and (set(targets), set(excluded)) != (set(said[0]), set(said[1])):
        draft.note("哪些 IP 要做、哪些不要动，模型与规则理解得不一样：请分开再说一遍，例如「只装 …」「不要动 …」")
        draft.ask_for("target_ips")


def _expanded(items: Iterable[str] | None) -> list[str]:
    """展开模型给出的范围；展不开的当作没有给。"""
    try:
        return expand_ips(list(items or []))
    except InvalidInputError:
        return []
