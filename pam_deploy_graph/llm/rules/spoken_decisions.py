"""一句话里对几台工作站分别作的决定：「10.0.0.3 回滚，其余保留」「把失败的几台重试一下」。

只认整句都听得懂的：有一个字没有着落，就不当作决定，绝不猜。
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.llm.rules.hostile import hostile_from
from pam_deploy_graph.llm.text.colloquial import plain
from pam_deploy_graph.llm.text.lexicon import FLAGS, table
from pam_deploy_graph.llm.text.normalise import normalise, trace
from pam_deploy_graph.llm.text.numbers import write_dots

_IP: Final = r"\d{1,3}(?:\.\d{1,3}){3}(?:\s*-\s*\d{1,3}(?:\.\d{1,3}){0,3}|/\d{1,2})?|[0-9a-f]{0,4}:[0-9a-f:]+"
_SAID: Final = (Decision.REJECT, Decision.RETRY, Decision.APPROVE)
"""先认「不」：「不同意」里有「同意」。"""
_KINDS: Final = ("short", *map(str, _SAID), "except", "rest", "all", "outside", "filler", "yes", "stop")
_ORDINALS: Final = ("first", "second", "third")
_ONE: Final = re.compile(rf"{_IP}|(?<![\d.])\.\d{{1,3}}(?!\d)", FLAGS)
_CLAUSE: Final = re.compile(r"[^,;。!\n]+|[,;。!\n]")
_LONGEST: Final = 2_000
_BARE: Final = re.compile(
    r"(?<![\d.a-z-])(\d{1,3})(?=\s*(?:那台|这台)?\s*(?:也|都|就|先)*(?:退|回滚|回退|重|再|别|不|保|留|放|roll|retry|back|leave|keep|stay))",
    FLAGS,
)

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
        said = _named(_whole(text), ips, stages or {})
        tokens = _heard(said)
        orders = list(_orders([token for token in tokens if token[0] != "yes"]))
        if not orders and any(kind == "yes" for kind, _ in tokens):
            return dict.fromkeys(ips, Decision.APPROVE)
        return _decided(orders, ips)
    except _UnclearError:
        shape = "可以说 approve、reject、retry，或「10.0.0.3 回滚，其余保留」"
        raise InvalidInputError(f"看不懂的决定 {text[:80]!r}；{shape}") from None


def read_plan_decision(text: str) -> Decision:
    """读计划的问题上的一句话：「好，批准」「这份计划我不同意，先打回」。

    Args:
        text: 操作员的原话。

    Returns:
        同意或不同意。同意要每个字都听得懂；不同意只要有一句说清了，别的句子是理由。

    Raises:
        InvalidInputError: 不是决定：在问、在犹豫、另有改动，或听不懂。

    """
    said = _whole(text)
    hold = any(form.search(said) for form in _forms("hold", "any")) or hostile_from(said) is not None
    clauses = [clause.strip() for clause in _CLAUSE.findall(said) if clause.strip(" ,;。!\n")]
    agreed, refused = ([clause for clause in clauses if _says(kind, clause)] for kind in ("yes", "no"))
    idle = [clause for clause in clauses if _plan("filler").fullmatch(clause)]
    if agreed and not hold and len({*agreed, *idle}) == len({*clauses}):
        return Decision.APPROVE
    change = any(
        form.search(clause) for form in _forms("plan", "change") for clause in clauses if clause not in refused
    )
    if refused and not hold and not change:
        return Decision.REJECT
    raise InvalidInputError(f"看不懂的决定 {text[:80]!r}；请回答 approve 或 reject，要改就说改什么")


def _says(kind: str, clause: str) -> bool:
    """一个分句说的是不是这一类，除了虚词没有别的。"""
    return any(form.search(clause) for form in _forms("plan", kind)) and bool(_plan(kind).fullmatch(clause))


@cache
def _plan(kind: str) -> re.Pattern[str]:
    """整个分句都是某一类的话，夹着虚词。"""
    data = table("decisions")["plan"]
    return re.compile(f"(?:{'|'.join([*data[kind], *data['filler']])})+", FLAGS)


def _named(said: str, ips: Sequence[str], stages: Mapping[str, str]) -> str:
    """「第一台」「启动失败的那台」「4 退」里的工作站写成地址。"""
    if hostile_from(said) is not None:
        raise _UnclearError
    places = dict(zip(_ORDINALS, ips, strict=False))
    for stage in {*stages.values()}:
        found = [ip for ip in ips if stages.get(ip) == stage]
        places |= {stage: found[0]} if len(found) == 1 else {}
    for name, ip in places.items():
        for form in _forms("subjects", name):
            said = form.sub(f" {ip} ", said)
    return _BARE.sub(lambda found: _octet(found, ips), said)


def _octet(found: re.Match[str], ips: Sequence[str]) -> str:
    """「4 退」里的 4；对不上、对得上不止一台的原样。"""
    chosen = [ip for ip in ips if ip.rpartition(".")[2] == found[1]]
    return f"{chosen[0]} " if len(chosen) == 1 else found.group()


def _heard(said: str) -> list[_Token]:
    """逐句的记号；没有决定又听不懂的一句是闲话，有决定的每个字都要听得懂。"""
    tokens: list[_Token] = []
    for clause in _CLAUSE.findall(said):
        if any(form.search(clause) for form in _forms("hold", "any")):
            _require(bool(_ONE.search(clause)) and not _decisive().search(clause))  # 「.4 我还没问到人」：只有它没有定
            continue
        try:
            tokens += _tokens(clause)
        except _UnclearError:
            if _decisive().search(clause) or re.search(_IP, clause):
                raise
    return tokens


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
    orders = [order for place, order in enumerate(orders) if not _repeats(orders[:place], order)]
    if not orders or (len(orders) > 1 and not all(order.named or order.scope for order in orders)):
        raise _UnclearError
    decided: dict[str, Decision] = {}
    spoken = {ip for order in orders for ip in _waiting(order.named, ips)}
    for order in orders:
        for ip in _meant(order, ips, spoken):
            if decided.setdefault(ip, order.decision) is not order.decision:
                raise _UnclearError
    return decided


def _repeats(before: Sequence[_Order], order: _Order) -> bool:
    """「留着现场，不动」：同一个决定换句话又说一遍。"""
    return bool(before) and before[-1].decision is order.decision and not (order.named or order.scope)


def _whole(text: str) -> str:
    """归一化的整句；太长的不读：只读开头会漏掉后面的「除了」。"""
    said = write_dots(plain(trace(text))).text.lower()
    if len(said) > _LONGEST:
        raise _UnclearError
    return said


@cache
def _pattern() -> re.Pattern[str]:
    """各类说法合成一个模式，地址最先。"""
    data = table("decisions")
    kinds = [("ip", [_IP]), *((kind, data[kind]) for kind in _KINDS)]
    return re.compile("|".join(f"(?P<{kind}_>{'|'.join(forms)})" for kind, forms in kinds), FLAGS)


@cache
def _decisive() -> re.Pattern[str]:
    """说到决定的字。"""
    data = table("decisions")
    return re.compile("|".join(form for kind in _SAID for form in data[str(kind)]), FLAGS)


@cache
def _forms(group: str, name: str) -> tuple[re.Pattern[str], ...]:
    """一组里的一类说法。"""
    return tuple(re.compile(form, FLAGS) for form in table("decisions")[group].get(name, ()))


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
