"""模型说的每一个值都要有着落，否则不要；规则读出来的、说定不下来的，都压过模型（依据 contract 第 4 节）。

有着落是指：写在规则没有读的那部分原话里，或能由那里算出来（机场名、台数）。读过的、否定的、引作反例的，
规则都已遮去，模型因此不能把它们变回来；路径、网址、策略、时限、更快的节奏与 IP 只认规则的读法。
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pam_deploy_graph.constants import CONTROLS, DEFAULT_PARAMS, REQUIRED_PARAMS, Kind
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import compress_ips, expand_ips
from pam_deploy_graph.inputs.parameters import validate_params
from pam_deploy_graph.llm.model.answer_schema import Understanding
from pam_deploy_graph.llm.rules.draft import MASK, Draft
from pam_deploy_graph.llm.rules.extraction import Reading
from pam_deploy_graph.llm.rules.gazetteer import names_of, worldwide
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table, word_set
from pam_deploy_graph.llm.text.normalise import normalise
from pam_deploy_graph.llm.text.numbers import to_int
from pam_deploy_graph.llm.validation import Intent

_CONTROL: Final = tuple(row.name for row in CONTROLS.values() if row.for_model and row.kind is not Kind.SCOPE)

_Spans = list[tuple[int, int]]


def ground(answer: Understanding, rules: Reading, base: Mapping[str, object]) -> Reading:
    """在规则读出来的之外，补上模型读出来而又有着落的值；其余的各记一句话。

    Args:
        answer: 模型的回答。
        rules: 规则读同一句话的结果。
        base: 此前已知的部署参数；要改它们得由规则读出来。

    Returns:
        规则的结果，补上了 ``params``、``control``、``notes`` 与 ``undecided``。听不懂的话什么也不补。

    """
    if not rules.rest:
        return rules
    draft = Draft(rules.rest, dict(rules.params), dict(rules.control), list(rules.notes), dict(rules.undecided))
    settled = {**{name: value for name, value in base.items() if value}, **rules.params, **rules.control}
    for name in _wanted(rules, base):
        value = _canonical(name, getattr(answer, name.lower()))
        if value not in (None, "", settled.get(name)):
            _weigh(draft, rules, settled, name, value)
    _compare_addresses(draft, answer, rules)
    known = draft.params, draft.control, draft.notes, draft.undecided
    return Reading(rules.verdict, *known, rules.guessed, draft.text)


def _wanted(rules: Reading, base: Mapping[str, object]) -> tuple[str, ...]:
    """看模型的哪些项：问进度、叫停、退回的话里没有要部署的东西；补充、改动里的和点了名的台数不当作节奏。"""
    if rules.verdict.intent not in {Intent.DEPLOY, Intent.PREVIEW, Intent.UNKNOWN}:
        return ()
    told = any(base.get(name) for name in REQUIRED_PARAMS) or "target_ips" in rules.control
    return (*REQUIRED_PARAMS, *DEFAULT_PARAMS, *(name for name in _CONTROL if not (told and name in _FINDERS)))


def _weigh(draft: Draft, rules: Reading, settled: Mapping[str, object], name: str, value: Any) -> None:
    """一个与已知不同的值：还没有说法、写在没有读的文字里才补；与规则猜的不同就去问。"""
    if name in rules.guessed and _could_be(draft, rules, value):
        draft.params.pop(name, None)
        draft.leave_open(
            name,
            tr(
                "{name} 规则读成 {get}，模型读成 {value}，请说明是哪一个",
                name=name,
                get=settled.get(name, tr("（不止一个）")),
                value=value,
            ),
        )
    elif name in settled or name in rules.undecided:
        _refuse(
            draft,
            name,
            value,
            tr("说过的是 {settled}", settled=settled[name]) if name in settled else tr("原话里定不下来"),
        )
    elif spans := _FINDERS[name](draft.text, value) if name in _FINDERS else []:
        draft.leave_open(
            name, tr("模型认为 {name} 是 {value}，规则没有读到：请说明是不是（照说一遍即可）", name=name, value=value)
        )
        draft.mask(*spans[0], name)
    else:
        _refuse(draft, name, value, tr("在原话里没有着落") if name in _FINDERS else tr("这一项只认明说的"))


def _refuse(draft: Draft, name: str, value: object, why: str) -> None:
    """没有采用的，告诉人。"""
    draft.note(tr("模型给出的 {name}={value!r} 没有采用：{why}", name=name, value=str(value)[:40], why=why))


def _canonical(name: str, given: Any) -> Any:
    """部署参数的规范写法；版本前面的 v 不算版本的一部分，不合规则的原样留给后面去拒绝。"""
    if name in _CONTROL:
        return None if given is False or given == [] else given
    if given is None:
        return None
    value = str(given).strip()
    value = re.sub(r"^[vV](?=\d)", "", value) if name == "VERSION_NUMBER" else value
    try:
        return validate_params({name: value})[name] if value else ""
    except InvalidInputError:
        return value


def _could_be(draft: Draft, rules: Reading, value: str) -> bool:
    """值得为它问人：写在没有读的文字里，或者是规则猜给别的参数的。"""
    return bool(_written(draft.text, value)) or value in {rules.params.get(name) for name in rules.guessed}


def _written(text: str, value: str) -> _Spans:
    """照字面写着，且不是更长一串里的一截，也不是虚词；版本前面可以有 v。"""
    escaped = re.escape(normalise(value))
    if not escaped or value.lower().strip("._-") in word_set("stop") or MASK in value:
        return []
    form = re.compile(rf"(?<![a-z0-9_.-])v?{escaped}(?![a-z0-9_-]|\.[a-z0-9])", FLAGS)
    return [match.span() for match in form.finditer(text)]


def _airport(text: str, code: str) -> _Spans:
    """机场代码：写着真的代码，或写着只此一座的城市、机场的英文名。"""
    if code not in worldwide().codes:
        return []
    spoken = [*([code] if code.lower() not in word_set("not_airports") else []), *names_of(code)]
    return [span for name in spoken for span in _written(text, name)]


def _version(text: str, value: str) -> _Spans:
    """版本里总有数字。"""
    return _written(text, value) if any(char.isdigit() for char in value) else []


def _counted(text: str, value: int) -> _Spans:
    """写着这个数目的台数；「一下」「一个」里的不算。"""
    (form,) = compile_all([r"{N}\s*(?!个){U}"], U=table("pace")["placeholders"]["U"])
    return [match.span() for match in form.finditer(text) if to_int(match["n"]) == value]


_FINDERS: Final[dict[str, Callable[[str, Any], _Spans]]] = {
    "AIRPORT_CODE": _airport,
    "APP_NAME": _written,
    "MODULE_NAME": _written,
    "VERSION_NUMBER": _version,
    **{row.name: _counted for row in CONTROLS.values() if row.guessable},
}
"""模型补得了的，各在文字里怎样找。

此外的只认规则的读法：网址之后会带上令牌去连，安装包会发布出去，策略、时限与更快的节奏会变得更冒险。
"""


def _compare_addresses(draft: Draft, answer: Understanding, rules: Reading) -> None:
    """IP 照规则的分法，范围因此不会变大；模型分得不同，就请人再说一遍。"""
    targets, excluded = _expanded(answer.target_ips), _expanded(answer.exclude_ips)
    said = rules.control.get("target_ips", []), rules.control.get("exclude_ips", [])
    if strange := [ip for ip in dict.fromkeys([*targets, *excluded]) if ip not in {*said[0], *said[1]}]:
        _refuse(draft, "IP", compress_ips(strange), tr("规则没有听到"))
    if {*targets, *excluded} == {*said[0], *said[1]} and (set(targets), set(excluded)) != (set(said[0]), set(said[1])):
        why = tr("哪些 IP 要做、哪些不要动，模型与规则理解得不一样：请分开再说一遍，例如「只装 …」「不要动 …」")
        draft.leave_open("target_ips", why)


def _expanded(items: Iterable[str] | None) -> list[str]:
    """展开模型给出的范围；展不开的当作没有给。"""
    try:
        return expand_ips(list(items or []))
    except InvalidInputError:
        return []
