"""答问与改主意的一句话：读出来的怎样并入先前的（工作站清单怎样合，见 ``rescoping.toml``）。"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pam_deploy_graph.constants import REQUIRED_PARAMS
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.llm.rules.decision_lexicon import says
from pam_deploy_graph.llm.rules.extraction import Reading, read
from pam_deploy_graph.llm.rules.left_over import left_in
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import forms_of
from pam_deploy_graph.llm.text.normalise import normalise
from pam_deploy_graph.llm.validation import Intent
from pam_deploy_graph.system.safe_text import printable

_forms: Final = partial(forms_of, "rescoping")
"""``rescoping.toml`` 里的一组说法。"""
_BARE_NAME: Final = re.compile(r"\s*[A-Za-z][A-Za-z0-9_.-]*\s*")
_VERSION: Final = re.compile(r"(?<![\d.])\d+(?:\.\d+){1,2}(?!\.?\d)")
_LISTS: Final = ("target_ips", "exclude_ips")
_LONGEST: Final = 2_000


def merge_control(old: Mapping[str, Any], new: Mapping[str, Any], text: str) -> dict[str, Any]:
    """把一句话里的控制参数并入先前的：别的项以新的为准，工作站清单看这句话怎么说。

    说「加上」是并入，说「全部」而没有点名是不再限制；点了先前不要动的，就是又要它了；
    别的点名是换成这几台。不要动的是累加的。

    Args:
        old: 先前的控制参数；清单是列表，或 ``compress_ips`` 的短写法。
        new: 这一句里的控制参数。
        text: 这一句的原话。

    Returns:
        合起来的控制参数。

    """
    merged = {**old, **new}
    targets, excluded = (expand_ips(old[name]) if old.get(name) else None for name in _LISTS)
    named, spared = (new.get(name) for name in _LISTS)
    if named is None and spared is None:
        return _without_scope(merged) if (targets or excluded) and _says(text, "all") else merged
    if named is not None:
        merged["target_ips"] = _targets(targets, excluded or [], named, text)
    left = [ip for ip in excluded or [] if ip not in (named or [])]
    merged["exclude_ips"] = [*dict.fromkeys([*left, *(spared or [])])]
    return {name: value for name, value in merged.items() if name not in _LISTS or value or value == new.get(name)}


def wants_all(text: str) -> bool:
    """这句话是不是要全部的工作站。"""
    return bool(_says(text, "all"))


def _without_scope(control: Mapping[str, Any]) -> dict[str, Any]:
    """去掉工作站清单：不再限制。"""
    return {name: value for name, value in control.items() if name not in _LISTS}


def _targets(targets: list[str] | None, excluded: list[str], named: list[str], text: str) -> list[str] | None:
    """点了名之后要做的；``None`` 是不限制。"""
    wanted_again = bool(named) and set(named) <= set(excluded)
    if _says(text, "only") or not (wanted_again or _says(text, "add")):
        return named
    return None if targets is None and wanted_again else [*dict.fromkeys([*(targets or []), *named])]


def _says(text: str, kind: str) -> bool:
    """这句话里有没有这一种说法。"""
    said = normalise(text)[:_LONGEST]
    return any(form.search(said) for form in _forms(kind))


def read_reply(text: str, base: Mapping[str, object], *, suggested: Intent | None = None) -> Reading:
    """读补问的回答：已知了别的参数时，光秃秃的一个名字也算数，只缺模块时它就是模块。

    Args:
        text: 操作员的原话。
        base: 此前已知的部署参数。
        suggested: 模型认为的意图。

    """
    known = [name for name in REQUIRED_PARAMS if base.get(name)]
    shown = base.get("target_ips")
    found = read(
        text,
        answering=bool(known),
        suggested=suggested,
        shown=shown if isinstance(shown, list) else (),
        named={"AIRPORT_CODE", "APP_NAME", "MODULE_NAME"} <= set(known),
    )
    amends = found.verdict.intent is not Intent.ROLLBACK and (found.params or found.control)
    if amends and set(REQUIRED_PARAMS) <= set(known):
        found = _unless_left_over(found)
    only_module_unknown = bool(base.get("APP_NAME")) and not base.get("MODULE_NAME")
    if only_module_unknown and _BARE_NAME.fullmatch(text) and set(found.params) == {"APP_NAME"}:
        return replace(found, params={"MODULE_NAME": found.params["APP_NAME"]}, notes=[], guessed=frozenset())
    return found


def _unless_left_over(found: Reading) -> Reading:
    """什么都已知时说的一句是要改：还有没听懂的字就什么也不改，念出来再问。"""
    left = [text for text in left_in(found.spans) if text] + _other_versions(found)
    narrows = not found.params and "target_ips" not in found.control
    if not left or (narrows and all(_only_tells_why(text) for text in left)):
        return found
    said = tr("、").join(tr("「{text}」", text=text[:40]) for text in left[:6])
    note = tr("没有听懂：{said}，什么也没有改变；请换句话说改什么", said=printable(said))
    return replace(found, params={}, control={}, undecided={}, guessed=frozenset(), notes=[*found.notes, note])


def _only_tells_why(text: str) -> bool:
    """没听懂的一段是不是只是缘由：没有说反、另提限度的可能。"""
    return says("reasons", text) and not any(says(kind, text) for kind in ("doubtful", "limits", "changes"))


def _other_versions(found: Reading) -> list[str]:
    """说了几个版本、读出来的不是最后一个：改了口而没有听懂。"""
    said = [one for span in found.spans if span.kind is not As.FILLER for one in _VERSION.findall(span.text)]
    wanted = found.params.get("VERSION_NUMBER")
    return said[-1:] if wanted and said and said[-1] != wanted else []
