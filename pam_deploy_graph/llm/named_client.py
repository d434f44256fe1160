"""认得名称的语言客户端：名称与组先换成占位的地址再去听，听出来的范围再换回真的（contract 第 8 节 ``PAM_INVENTORY``）。

里面的客户端（规则或模型）因此像听地址一样听名称，也看不到清单里的字。说不清的名称带着「不知道」走完同一条路，
落在要做的还是不要动的里，就问那一项；绝不丢掉，也不猜。
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.inventory import Inventory, Mention, mentions_in
from pam_deploy_graph.llm.client import LlmClient
from pam_deploy_graph.llm.rules.extraction import account_of
from pam_deploy_graph.llm.span_account import Span
from pam_deploy_graph.models import LlmDeployPlan, LlmIntentResult, LlmParamResult
from pam_deploy_graph.system.safe_text import printable

_NETWORKS: Final = ("198.51.100", "203.0.113", "192.0.2")
"""写文档用的网段，不会是真的工作站；取一个这句话里没有的。"""
_FIRST: Final = 250
_STEP: Final = 2
_SCOPES: Final = ("target_ips", "exclude_ips")
_JOINED: Final = re.compile(r"[A-Za-z0-9.]")


@dataclass(frozen=True)
class _Spelled:
    """换过的一句话：占位的地址 -> 那一处说法；``origins`` 是每个字在原文的起止。"""

    text: str
    network: str
    places: Mapping[str, Mention]
    origins: Sequence[tuple[int, int]]

    def unspell(self, text: str) -> str:
        """把占位的地址写回原话。"""
        for address, mention in self.places.items():
            text = mention.said.join(re.split(rf"(?<![\d.]){re.escape(address)}(?!\d)", text))
        return text


class NamedLlmClient:
    """包着别的客户端的客户端；有名称清单时用它。"""

    def __init__(self, inner: LlmClient, inventory: Inventory) -> None:
        """收下里面的客户端与清单。"""
        self._inner, self._inventory = inner, inventory

    def understand_request(self, text: str) -> LlmIntentResult:
        """判断意图。"""
        spelled = _spell(text, self._inventory)
        found = self._inner.understand_request(spelled.text)
        return found.model_copy(update={"reason": spelled.unspell(found.reason)})

    def extract_params(self, text: str, base_params: Mapping[str, object]) -> LlmParamResult:
        """摘出参数；范围里的名称换成地址，说不清的在 ``missing_params`` 里，缘由在 ``notes`` 里。"""
        spelled = _spell(text, self._inventory)
        found = self._inner.extract_params(spelled.text, base_params)
        notes = [spelled.unspell(note) for note in found.notes]
        if not spelled.places:
            return found.model_copy(update={"notes": notes})
        control, missing = _addressed(found.control_params, spelled)
        notes += [printable(m.why) for m in spelled.places.values() if m.why and printable(m.why) not in notes]
        if missing and any(control.get(name) for name in _SCOPES):
            notes.append(tr("范围只听懂了一部分：请把要做的、不做的几台重说一遍"))
        asked = [*found.missing_params, *(name for name in missing if name not in found.missing_params)]
        return found.model_copy(update={"control_params": control, "missing_params": asked, "notes": notes})

    def generate_plan(self, *, params: Mapping[str, object], intent: str, strategy: str) -> LlmDeployPlan:
        """提议计划。"""
        return self._inner.generate_plan(params=params, intent=intent, strategy=strategy)

    def account_of(self, text: str) -> list[Span]:
        """一句话的账目，位置是原文的；名称算在读出来的那一项里。"""
        spelled = _spell(text, self._inventory)
        spans = account_of(spelled.text)
        if not spelled.places:
            return spans
        painted = {}
        for span in spans:
            for start, end in spelled.origins[span.start : span.end]:
                painted.update(dict.fromkeys(range(start, end), (span.kind, span.name)))
        found = []
        for (kind, name), run in groupby(range(len(text)), lambda place: painted[place]):
            places = list(run)
            found.append(Span(places[0], places[-1] + 1, text[places[0] : places[-1] + 1], kind, name))
        return found


def _spell(text: str, inventory: Inventory) -> _Spelled:
    """把各处说法换成占位的地址：由大到小，「甲到乙」因此成不了范围。"""
    found = mentions_in(text, inventory)[: _FIRST // _STEP]
    network = next((each for each in _NETWORKS if each not in text), _NETWORKS[0])
    written, origins, places, place = "", [], {}, 0
    for number, mention in enumerate(found):
        address = f"{network}.{_FIRST - number * _STEP}"
        places[address] = mention
        before = text[place : mention.start]
        written += before
        origins += [(each, each + 1) for each in range(place, mention.start)]
        left, right = written[-1:], text[mention.end : mention.end + 1]
        shown = f"{' ' if _JOINED.match(left) else ''}{address}{' ' if _JOINED.match(right) else ''}"
        written += shown
        origins += [(mention.start, mention.end)] * len(shown)
        place = mention.end
    origins += [(each, each + 1) for each in range(place, len(text))]
    return _Spelled(written + text[place:], network, places, origins)


def _addressed(control: Mapping[str, Any], spelled: _Spelled) -> tuple[dict[str, Any], list[str]]:
    """占位的换成真的地址；返回控制参数，以及要问的几项。"""
    kept, missing, heard = dict(control), [], set()
    for name in _SCOPES:
        ips = list(control.get(name) or [])
        real: list[str] = []
        for ip in ips:
            mention = spelled.places.get(ip)
            heard.add(ip)
            if mention is None and ip.startswith(f"{spelled.network}."):  # 「A12 和 .6」：跟着占位的地址数出来的
                missing.append(name)
            real += [ip] if mention is None else mention.ips
            missing += [name] if mention is not None and mention.why else []
        if name in kept:
            kept[name] = list(dict.fromkeys(ip for ip in real if not ip.startswith(f"{spelled.network}.")))
        if name in missing and not kept.get(name):
            kept.pop(name, None)
    unheard = [m for address, m in spelled.places.items() if m.why and address not in heard]
    return kept, list(dict.fromkeys([*missing, *(["target_ips"] if unheard and not missing else [])]))
