"""一句话里对几台工作站分别作的决定：「10.0.0.3 回滚，其余保留」「把失败的几台重试一下」。

整句每个字都要听得懂（``decision_lexicon.read_clauses``）；前后说的不一致、对象与决定对不上的，整句不算，绝不猜。
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.llm.rules.decision_lexicon import (
    AMENDS,
    LONGEST,
    SAID,
    SUBJECTS,
    Token,
    UnclearError,
    named,
    read_clauses,
    refuse,
    remarks_only,
    require,
    scoped,
    settled,
    whole,
)
from pam_deploy_graph.llm.text.lexicon import FLAGS, table
from pam_deploy_graph.llm.text.normalise import normalise

_ADDRESSES: Final = frozenset({"ip", "short"})
_MARKS: Final = frozenset({"filler", "yes", "single"})


@dataclass(frozen=True, slots=True)
class _Order:
    """一个决定和它说的是谁；``scope`` 是 ``all`` 或 ``rest``，空串为没有说；``amends`` 是改了前面的。"""

    decision: str
    named: list[str] = field(default_factory=list)
    excepted: list[str] = field(default_factory=list)
    scope: str = ""
    amends: bool = False

    @property
    def bare(self) -> bool:
        """没有说是谁。"""
        return not (self.named or self.scope or self.excepted)


def read_spoken_decisions(
    text: str, ips: Sequence[str], stages: Mapping[str, str] | None = None
) -> dict[str, Decision]:
    """读一句话里对各台工作站的决定。

    Args:
        text: 操作员的原话。
        ips: 正等着决定的工作站，次序与问题里的相同（「第一台」）。
        stages: 各台失败在哪一步（「启动失败的那台」）。

    Returns:
        「工作站 -> 决定」；没有说到的、说了还没有定的不在其中。

    Raises:
        InvalidInputError: 有听不懂的字、自相矛盾、在问或在犹豫，或说到了不在等的工作站。

    """
    try:
        said = named(whole(text), ips, stages or {})
        found, loose = read_clauses(said, "words")
        clauses = [settled(tokens) for tokens in found]
        if not loose and _only_yes(clauses):
            return dict.fromkeys(ips, Decision.APPROVE)
        single = len(ips) > 1 and any("single" in dict(tokens) and not scoped(tokens) for tokens in clauses)
        held = {ip for tokens in clauses if _is_held(tokens) for ip in _held(tokens, ips)}
        orders = list(_orders([tokens for tokens in clauses if not _is_held(tokens)]))
        require(clear=not (single and any(order.bare for order in orders)))
        require(clear=AMENDS not in said or any(order.amends for order in orders))
        require(clear=bool(orders) or not loose)
        decided = {order.decision for order in orders}
        if decided == {Decision.REJECT}:
            remarks_only(loose, (Decision.REJECT, "refuse"), "flips")
        else:
            remarks_only(loose, (), "doubtful")
        return _decided(orders, ips, held)
    except UnclearError as error:
        raise refuse(text, error, tr("可以说 approve、reject、retry，或「10.0.0.3 回滚，其余保留」")) from None


def asks_again_for_failed(text: str) -> bool:
    """是不是要把没有成功的再做一遍，如「把失败的几台重试一下」。"""
    said = normalise(text)[:LONGEST]
    if not any(re.search(form, said, FLAGS) for form in table("decisions")["clause"]["failed"]):
        return False
    try:
        return read_spoken_decisions(text, ["*"]) == {"*": Decision.RETRY}
    except InvalidInputError:
        return False


def _is_held(tokens: Sequence[Token]) -> bool:
    """这个分句说的是还没有定。"""
    return any(kind == "later" for kind, _ in tokens)


def _held(tokens: Sequence[Token], ips: Sequence[str]) -> list[str]:
    """说了先不定的几台；没有说是谁、又说了决定的，整句不算。"""
    kinds = {kind for kind, _ in tokens} - _MARKS
    require(clear=kinds <= {"later", *_ADDRESSES, "rest"} and bool(kinds & {*_ADDRESSES, "rest"}))
    return _waiting([_address(*token) for token in tokens if token[0] in _ADDRESSES], ips)


def _only_yes(clauses: Sequence[Sequence[Token]]) -> bool:
    """除了答应没有别的：每个字都是答应或虚词。"""
    kinds = {kind for kind, _ in chain.from_iterable(clauses)}
    return "yes" in kinds and kinds <= {"yes", "all", "filler"}


def _orders(clauses: Sequence[Sequence[Token]]) -> Iterator[_Order]:
    """逐个分句给出决定；只说了对象的接在旁边没有对象的决定上，接不上的整句不算。"""
    pending: list[Token] = []
    amends = False
    last: _Order | None = None
    listing = False
    for clause in clauses:
        amends = amends or any(AMENDS in text for _, text in clause)
        tokens = [token for token in clause if token[0] not in {*_MARKS, "not_retry"}]
        if not any(kind in SAID for kind, _ in tokens):
            if listing and last and tokens and not pending and {kind for kind, _ in tokens} <= _ADDRESSES:
                yield replace(last, named=[_address(*one) for one in tokens])
            else:
                pending += tokens
            continue
        require(clear=not (pending and scoped(tokens)) or {kind for kind, _ in pending} <= {*_ADDRESSES, "except"})
        orders = [replace(one, amends=amends) for one in _within([*pending, *tokens])]
        require(clear=len({one.decision for one in orders if one.bare}) <= 1)
        yield from orders[:-1]
        last = orders[-1]
        listing = not pending and tokens[0][0] in SAID and bool(last.named)
        pending = []
        if not last.bare or clause is clauses[-1]:
            yield last
            continue
        pending_after = _trailing(clauses, clause)
        yield last if not pending_after else _order([(last.decision, ""), *pending_after])
        if pending_after:
            return
    require(clear=not pending)


def _trailing(clauses: Sequence[Sequence[Token]], clause: Sequence[Token]) -> list[Token]:
    """「重试，两台」：最后只说了对象的，是前面那个决定的。"""
    place = next(index for index, one in enumerate(clauses) if one is clause)
    rest = [token for token in chain.from_iterable(clauses[place + 1 :]) if token[0] not in _MARKS]
    return rest if {kind for kind, _ in rest} <= SUBJECTS else []


def _within(tokens: Sequence[Token]) -> Iterator[_Order]:
    """一个分句里的各个决定：对象在前（「甲 回滚 乙 保留」）或在后（「回滚 甲 保留 乙」），看第一个是什么。"""
    turn = _turn(tokens)
    if turn:
        yield from (order for part in (tokens[:turn], tokens[turn:]) for order in _within(part))
        return
    after = tokens[0][0] in SAID
    held: list[Token] = []
    for kind, text in [*tokens, ("end", "")]:
        if kind not in {*SAID, "end"}:
            held.append((kind, text))
            continue
        if after:
            yield from [_order(held)] if held else []
            held = [(kind, text)]
        elif kind == "end":
            require(clear=not any(one in {*_ADDRESSES, "rest"} for one, _ in held))
        else:
            yield _order([(kind, text), *held])
            held = []


def _turn(tokens: Sequence[Token]) -> int:
    """「甲 重试 退 乙」：前一半对象在前，后一半对象在后，从哪里起是后一半；不是这样的为 0。"""
    said = [place for place, (kind, _) in enumerate(tokens) if kind in SAID]
    beside = len(said) == 2 and said[1] == said[0] + 1  # noqa: PLR2004 —— 正好两个决定
    return said[1] if beside and said[0] > 0 and said[1] < len(tokens) - 1 else 0


def _order(tokens: Sequence[Token]) -> _Order:
    """第一个记号是决定，其余是对象。"""
    told: list[str] = []
    excepted: list[str] = []
    scope, excepting = "", False
    for kind, text in tokens[1:]:
        if kind in _ADDRESSES:
            (excepted if excepting else told).append(_address(kind, text))
        elif kind == "except":
            excepting = True
        elif kind == "outside":
            require(clear=excepting)
        elif scope != "rest":
            scope = kind
    require(clear=bool(scope) or not excepted)
    return _Order(tokens[0][0], told, excepted, scope)


def _address(kind: str, text: str) -> str:
    """地址或范围；只说尾号的写成 ``.3``。"""
    return "." + re.sub(r"\D", "", text) if kind == "short" else text.replace(" ", "")


def _decided(orders: Sequence[_Order], ips: Sequence[str], held: set[str]) -> dict[str, Decision]:
    """把各个决定落到每一台上；后面明说改了的照后面，先总说、后点名的照点名的，别的矛盾不算。"""
    orders = _without_bare(orders)
    require(clear=bool(orders))
    spoken = {ip for order in orders for ip in _waiting(order.named, ips)}
    decided: dict[str, str] = {}
    general: set[str] = set()
    for order in orders:
        meant = [ip for ip in _meant(order, ips, spoken | held) if order.named or ip not in held]
        for ip in meant:
            later = order.amends or (order.named and ip in general)
            require(clear=bool(later) or decided.setdefault(ip, order.decision) == order.decision)
            decided[ip] = order.decision
        general = {*general, *meant} if order.scope == "all" and not order.named else general
    idle = [one for one in orders if not any(decided.get(ip) == one.decision for ip in _meant(one, ips, spoken | held))]
    require(clear=not held & decided.keys() and bool(decided) and not (idle and not any(one.amends for one in orders)))
    return {ip: Decision(decided[ip]) for ip in ips if ip in decided}


def _without_bare(orders: Sequence[_Order]) -> list[_Order]:
    """没有说是谁的决定：另有说了的，同一个决定就照说了的那几台，不同的整句不算。

    「退，不对，两台都留」只算后面的；「别退，重试」里的「别退」不另算。
    """
    start = max(
        (at for at, one in enumerate(orders) if one.amends and not one.named and one.scope != "rest"), default=0
    )
    kept = list(orders[start:])
    retried = any(one.decision == Decision.RETRY and not one.named for one in kept)
    kept = [one for one in kept if not (one.bare and retried and one.decision == Decision.REJECT)]
    told = {one.decision for one in kept if not one.bare}
    bare = {one.decision for one in kept if one.bare}
    require(clear=not (told and bare - told) and len(bare) <= 1)
    return [one for one in kept if not (told and one.bare)]


def _meant(order: _Order, ips: Sequence[str], spoken: set[str]) -> list[str]:
    """一个决定说的是哪几台。"""
    excepted = set(_waiting(order.excepted, ips))
    if order.named:
        return [ip for ip in _waiting(order.named, ips) if ip not in excepted]
    if order.scope == "rest":
        excepted |= spoken
        require(clear=bool(excepted))
    return [ip for ip in ips if ip not in excepted]


def _waiting(told: Sequence[str], ips: Sequence[str]) -> list[str]:
    """点名的地址；范围只算其中在等的，单个的必须在等，尾号要只对得上一台。"""
    found: list[str] = []
    for item in told:
        short = item.startswith(".")
        chosen = [ip for ip in ips if ip.endswith(item)] if short else [ip for ip in expand_ips(item) if ip in ips]
        if not chosen or (short and len(chosen) > 1):
            raise InvalidInputError(tr("{item} 不在等决定之列；正等着的是 {ips}", item=item, ips=tr("、").join(ips)))
        found += chosen
    return found
