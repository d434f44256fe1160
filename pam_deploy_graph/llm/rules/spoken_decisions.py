"""一句话里对几台工作站分别作的决定：「10.0.0.3 回滚，其余保留」「把失败的几台重试一下」。

只认整句都听得懂的：有一个字没有着落，就不当作决定，绝不猜。
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.llm.text.lexicon import FLAGS, table
from pam_deploy_graph.llm.text.normalise import normalise

_IP: Final = r"\d{1,3}(?:\.\d{1,3}){3}(?:\s*-\s*\d{1,3}(?:\.\d{1,3}){0,3}|/\d{1,2})?|[0-9a-f]{0,4}:[0-9a-f:]+"
_SAID: Final = (Decision.REJECT, Decision.RETRY, Decision.APPROVE)
"""先认「不」：「不同意」里有「同意」。"""
_KINDS: Final = ("short", *map(str, _SAID), "except", "rest", "all", "outside", "filler", "stop")
_LONGEST: Final = 2_000

_Token = tuple[str, str]


class _UnclearError(Exception):
    """听不懂，或自相矛盾。"""


@dataclass(slots=True)
class _Order:
    """一个决定和它说的是谁。"""

    decision: Decision
    named: list[str] = field(default_factory=list)
    excepted: list[str] = field(default_factory=list)
    scope: str = ""
    """``all`` 或 ``rest``；空串为没有说。"""


def read_spoken_decisions(text: str, ips: Sequence[str]) -> dict[str, Decision]:
    """读一句话里的决定。

    Args:
        text: 操作员的原话。
        ips: 正等着决定的工作站。

    Returns:
        「工作站 -> 决定」；没有说到的不在其中。

    Raises:
        InvalidInputError: 有听不懂的字、自相矛盾，或说到了不在等的工作站。

    """
    try:
        orders = list(_orders(list(_tokens(_whole(text)))))
        return _decided(orders, ips)
    except _UnclearError:
        shape = "可以说 approve、reject、retry，或「10.0.0.3 回滚，其余保留」"
        raise InvalidInputError(f"看不懂的决定 {text[:80]!r}；{shape}") from None


def asks_again_for_failed(text: str) -> bool:
    """是不是要把没有成功的再做一遍，如「把失败的几台重试一下」。"""
    if not re.search(table("decisions")["failed"], normalise(text)[:_LONGEST], FLAGS):
        return False
    try:
        return read_spoken_decisions(text, ["*"]) == {"*": Decision.RETRY}
    except InvalidInputError:
        return False


def _decided(orders: Sequence[_Order], ips: Sequence[str]) -> dict[str, Decision]:
    """把各个决定落到每一台上；不止一个决定时，每个都要说清是谁。"""
    if not orders or (len(orders) > 1 and not all(order.named or order.scope for order in orders)):
        raise _UnclearError
    decided: dict[str, Decision] = {}
    spoken = {ip for order in orders for ip in _waiting(order.named, ips)}
    for order in orders:
        for ip in _meant(order, ips, spoken):
            if decided.setdefault(ip, order.decision) is not order.decision:
                raise _UnclearError
    return decided


def _whole(text: str) -> str:
    """归一化的整句；太长的不读：只读开头会漏掉后面的「除了」。"""
    said = normalise(text).lower()
    if len(said) > _LONGEST:
        raise _UnclearError
    return said


@cache
def _pattern() -> re.Pattern[str]:
    """各类说法合成一个模式，地址最先。"""
    data = table("decisions")
    kinds = [("ip", _IP), *((kind, data[kind]) for kind in _KINDS)]
    return re.compile("|".join(f"(?P<{kind}_>{form})" for kind, form in kinds), FLAGS)


def _tokens(text: str) -> Iterator[_Token]:
    """逐个给出 ``(种类, 原文)``，虚词不给；有一处接不上就报错。"""
    place = 0
    while place < len(text):
        found = _pattern().match(text, place)
        if found is None:
            raise _UnclearError
        kind = str(found.lastgroup).removesuffix("_")
        if kind != "filler":
            yield kind, found.group()
        place = found.end()


def _orders(tokens: Sequence[_Token]) -> Iterator[_Order]:
    """把记号分成一个个决定：对象在前（「甲 回滚 乙 保留」）或在后（「回滚 甲，保留 乙」），看第一个是什么。"""
    words = [token for token in tokens if token[0] != "stop"]
    after = bool(words) and words[0][0] in set(Decision)
    held: list[_Token] = []
    for kind, text in [*words, ("end", "")]:
        if kind not in {*Decision, "end"}:
            held.append((kind, text))
            continue
        if after:
            yield from [_order(held)] if held else []
            held = [(kind, text)]
        elif kind == "end":
            if held:
                raise _UnclearError
        else:
            yield _order([(kind, text), *held])
            held = []


def _order(tokens: Sequence[_Token]) -> _Order:
    """第一个记号是决定，其余是对象。"""
    order, excepting = _Order(Decision(tokens[0][0])), False
    for kind, text in tokens[1:]:
        if kind in ("ip", "short"):
            (order.excepted if excepting else order.named).append(_address(kind, text))
        elif kind == "except":
            excepting = True
        elif kind == "outside":
            _require(excepting)
        elif order.scope != "rest":
            order.scope = kind
    _require(bool(order.scope) or not order.excepted)
    return order


def _address(kind: str, text: str) -> str:
    """地址或范围；只说尾号的写成 ``.3``。"""
    return "." + re.sub(r"\D", "", text) if kind == "short" else text.replace(" ", "")


def _require(clear: bool) -> None:  # noqa: FBT001  判断的结果本来就是真假
    """不清楚就不当作决定。"""
    if not clear:
        raise _UnclearError


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
