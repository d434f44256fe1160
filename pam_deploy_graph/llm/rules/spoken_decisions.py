"""一句话里对几台工作站分别作的决定：「10.0.0.3 回滚，其余保留」「把失败的几台重试一下」。

逐个分句听对象与决定，两样都有才算；缘由、署名不碍事，在问、在犹豫、可能说反了的，整句不当作决定，绝不猜。
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.llm.rules.decision_words import (
    AMENDS,
    CLAUSE,
    LONGEST,
    UnclearError,
    compiled,
    named,
    says,
    whole,
)
from pam_deploy_graph.llm.text.clauses import speaks
from pam_deploy_graph.llm.text.lexicon import FLAGS, table
from pam_deploy_graph.llm.text.normalise import normalise

_IP: Final = r"\d{1,3}(?:\.\d{1,3}){3}(?:\s*-\s*\d{1,3}(?:\.\d{1,3}){0,3}|/\d{1,2})?|[0-9a-f]{0,4}:[0-9a-f:]+"
_LAST: Final = (Decision.RETRY, Decision.APPROVE)
_SAID: Final = tuple(map(str, (*(one for one in Decision if one not in _LAST), *_LAST)))
"""先认「不」：「不同意」里有「同意」。"""
_KINDS: Final = ("short", "not_retry", *_SAID, "consent", "except", "rest", "all", "outside", "yes", "filler")
_SCOPES: Final = frozenset({"ip", "short", "rest", "all"})
_CAPTURES: Final = re.compile(r"(?<!\\)\((?!\?)")
_Token = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Order:
    """一个决定和它说的是谁；``scope`` 是 ``all`` 或 ``rest``，空串为没有说；``amends`` 是改了前面的。"""

    decision: str
    named: list[str] = field(default_factory=list)
    excepted: list[str] = field(default_factory=list)
    scope: str = ""
    amends: bool = False


def read_spoken_decisions(
    text: str, ips: Sequence[str], stages: Mapping[str, str] | None = None
) -> dict[str, Decision]:
    """读一句话里的决定。

    Args:
        text: 操作员的原话。
        ips: 正等着决定的工作站，次序与问题里的相同（「第一台」）。
        stages: 各台失败在哪一步（「启动失败的那台」）。

    Returns:
        「工作站 -> 决定」；没有说到的不在其中。

    Raises:
        InvalidInputError: 有听不懂的决定、自相矛盾、在问或在犹豫，或说到了不在等的工作站。

    """
    try:
        said = named(whole(text), ips, stages or {})
        orders = list(_orders(said))
        if not orders and _only_yes(said):
            return dict.fromkeys(ips, Decision.APPROVE)
        return _decided(orders, ips)
    except UnclearError:
        shape = "可以说 approve、reject、retry，或「10.0.0.3 回滚，其余保留」"
        raise InvalidInputError(f"看不懂的决定 {text[:80]!r}；{shape}") from None


def asks_again_for_failed(text: str) -> bool:
    """是不是要把没有成功的再做一遍，如「把失败的几台重试一下」。"""
    if not re.search(table("decisions")["failed"], normalise(text)[:LONGEST], FLAGS):
        return False
    try:
        return read_spoken_decisions(text, ["*"]) == {"*": Decision.RETRY}
    except InvalidInputError:
        return False


def _only_yes(said: str) -> bool:
    """除了答应没有别的：每个字都是答应或虚词。"""
    kinds = [kind for clause in CLAUSE.findall(said) for kind, _ in _tokens(clause)]
    return bool({"yes", "consent"} & {*kinds}) and {*kinds} <= {"yes", "consent", "all", "filler"}


def _orders(said: str) -> Iterator[_Order]:
    """逐个分句给出决定；只说了对象的，接在后面那个没有对象的决定上。"""
    pending: list[_Token] = []
    amends = False
    last: _Order | None = None
    for clause in CLAUSE.findall(said):
        tokens = [token for token in _tokens(clause) if token[0] not in {"filler", "yes"}]
        amends = amends or AMENDS in clause
        if _set_aside(clause, tokens):
            pending = []
            continue
        decided = any(kind in _SAID for kind, _ in tokens)
        strange = any(kind == "strange" for kind, _ in tokens)
        tokens = [token for token in tokens if token[0] != "strange"]
        if not decided:
            if last and last.named and not strange and tokens and not pending:
                yield replace(last, named=[_address(*one) for one in tokens if one[0] in {"ip", "short"}])
            pending = [*pending, *tokens] if tokens and not strange else tokens or pending
            continue
        held = pending if not strange or not _scoped(tokens) else []
        for last in _within(tokens if _scoped(tokens) and not _bare(held) else [*held, *tokens]):
            yield replace(last, amends=amends)
        pending, last = [], last if tokens[0][0] in _SAID and _scoped(tokens) else None


def _scoped(tokens: Sequence[_Token]) -> bool:
    """说没说是谁。"""
    return any(kind in _SCOPES for kind, _ in tokens)


def _bare(tokens: Sequence[_Token]) -> bool:
    """只列了地址。"""
    return bool(tokens) and all(kind in {"ip", "short", "except"} for kind, _ in tokens)


def _set_aside(clause: str, tokens: Sequence[_Token]) -> bool:
    """这个分句不算：在问的、有条件的、可能说反了的整句不算；转述、过去、还没有定的只是它不算。"""
    said = [kind for kind, _ in tokens if kind in _SAID]
    if says("asks", clause, "hold") or (said and speaks(clause, "condition")):
        raise UnclearError
    if says("any", clause, "hold"):
        if said or not any(kind in {"ip", "short", "rest"} for kind, _ in tokens):
            raise UnclearError
        return True
    if said and (speaks(clause, "reported") or speaks(clause, "past")):
        return True
    strange = " ".join(text for kind, text in tokens if kind == "strange")
    if said and says("risky", strange):
        raise UnclearError
    return False


def _tokens(clause: str) -> list[_Token]:
    """一个分句的记号；没有认出的字合成 ``strange``，另说了决定的「同意」不另算。"""
    found: list[_Token] = []
    place = 0
    while place < len(clause):
        match = _pattern().match(clause, place)
        kind, text = (_kinds()[match.lastindex or 1], match.group()) if match else ("strange", clause[place])
        if kind == "strange" and found and found[-1][0] == "strange":
            found[-1] = kind, found[-1][1] + text
        else:
            found.append((kind, text))
        place += max(1, len(text))
    decided = any(kind in _SAID for kind, _ in found)
    return [
        ("filler" if decided else str(Decision.APPROVE), text) if kind == "consent" else (kind, text)
        for kind, text in found
    ]


def _within(tokens: Sequence[_Token]) -> Iterator[_Order]:
    """一个分句里的各个决定：对象在前（「甲 回滚 乙 保留」）或在后（「回滚 甲 保留 乙」），看第一个是什么。"""
    words = [token for token in tokens if token[0] != "not_retry"]
    after = bool(words) and words[0][0] in _SAID
    held: list[_Token] = []
    for kind, text in [*words, ("end", "")]:
        if kind not in {*_SAID, "end"}:
            held.append((kind, text))
            continue
        if after:
            yield from [_order(held)] if held else []
            held = [(kind, text)]
        elif kind == "end":
            if held and any(one in {"ip", "short", "rest"} for one, _ in held):
                raise UnclearError
        else:
            yield _order([(kind, text), *held])
            held = []


def _order(tokens: Sequence[_Token]) -> _Order:
    """第一个记号是决定，其余是对象。"""
    named: list[str] = []
    excepted: list[str] = []
    scope, excepting = "", False
    for kind, text in tokens[1:]:
        if kind in ("ip", "short"):
            (excepted if excepting else named).append(_address(kind, text))
        elif kind == "except":
            excepting = True
        elif kind == "outside":
            _require(excepting)
        elif scope != "rest":
            scope = kind
    _require(bool(scope) or not excepted)
    return _Order(tokens[0][0], named, excepted, scope)


def _address(kind: str, text: str) -> str:
    """地址或范围；只说尾号的写成 ``.3``。"""
    return "." + re.sub(r"\D", "", text) if kind == "short" else text.replace(" ", "")


def _decided(orders: Sequence[_Order], ips: Sequence[str]) -> dict[str, Decision]:
    """把各个决定落到每一台上；后面明说改了的照后面，光说「不退」又另有决定的照另一个，别的矛盾不算。"""
    orders = [order for place, order in enumerate(orders) if not _repeats(orders[:place], order)]
    orders = [order for order in orders if not _outdone(order, orders)]
    _require(bool(orders))
    spoken = {ip for order in orders for ip in _waiting(order.named, ips)}
    decided: dict[str, str] = {}
    for order in orders:
        for ip in _meant(order, ips, spoken):
            _require(order.amends or decided.setdefault(ip, order.decision) == order.decision)
            decided[ip] = order.decision
    return {ip: Decision(decided[ip]) for ip in ips if ip in decided}


def _repeats(before: Sequence[_Order], order: _Order) -> bool:
    """「留着现场，不动」：同一个决定换句话又说一遍。"""
    return bool(before) and before[-1].decision == order.decision and not (order.named or order.scope)


def _outdone(order: _Order, orders: Sequence[_Order]) -> bool:
    """「别退，重试」里的「别退」。"""
    alone = order.decision == Decision.REJECT and not (order.named or order.scope)
    return alone and any(other.decision == Decision.RETRY and not other.named for other in orders)


@cache
def _kinds() -> dict[int, str]:
    """各类说法在合成的模式里是第几组，地址最先；名字里可以有连字符。"""
    return dict(enumerate(["", "ip", *(kind for kind in _KINDS if kind in table("decisions"))]))


@cache
def _pattern() -> re.Pattern[str]:
    """各类说法合成一个模式。"""
    data = table("decisions") | {"ip": [_IP]}
    found = ("|".join(data[kind]) for kind in [*_kinds().values()][1:])
    return compiled("|".join(f"({_CAPTURES.sub('(?:', one)})" for one in found))


def _require(clear: bool) -> None:  # noqa: FBT001  判断的结果本来就是真假
    """不清楚就不当作决定。"""
    if not clear:
        raise UnclearError


def _meant(order: _Order, ips: Sequence[str], spoken: set[str]) -> list[str]:
    """一个决定说的是哪几台。"""
    excepted = set(_waiting(order.excepted, ips))
    if order.named:
        return [ip for ip in _waiting(order.named, ips) if ip not in excepted]
    if order.scope == "rest":
        excepted |= spoken
        _require(bool(excepted))
    return [ip for ip in ips if ip not in excepted]


def _waiting(named: Sequence[str], ips: Sequence[str]) -> list[str]:
    """点名的地址；范围只算其中在等的，单个的必须在等，尾号要只对得上一台。"""
    found: list[str] = []
    for item in named:
        short = item.startswith(".")
        chosen = [ip for ip in ips if ip.endswith(item)] if short else [ip for ip in expand_ips(item) if ip in ips]
        if not chosen or (short and len(chosen) > 1):
            raise InvalidInputError(f"{item} 不在等决定之列；正等着的是 {'、'.join(ips)}")
        found += chosen
    return found
