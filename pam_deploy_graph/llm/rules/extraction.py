"""读一句话：归一化，依次取走各种参数，最后判断意图（依据 contract 第 2、4 节）。"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from pam_deploy_graph.constants import CONTROLS, REQUIRED_PARAMS
from pam_deploy_graph.inputs.parameters import missing_params
from pam_deploy_graph.llm.rules.airports import read_airport
from pam_deploy_graph.llm.rules.draft import MASK, NAMED, Draft, lead, squeeze
from pam_deploy_graph.llm.rules.hostile import hostile_from, left_out, requests_after
from pam_deploy_graph.llm.rules.intents import Verdict, judge
from pam_deploy_graph.llm.rules.key_values import read_places
from pam_deploy_graph.llm.rules.machines import read_machines
from pam_deploy_graph.llm.rules.names.in_any_sentence import read_names
from pam_deploy_graph.llm.rules.names.marked import read_sure_names
from pam_deploy_graph.llm.rules.pace import read_pace, read_strategy, read_timeouts
from pam_deploy_graph.llm.rules.versions import read_version
from pam_deploy_graph.llm.text.colloquial import plain
from pam_deploy_graph.llm.text.lexicon import FLAGS, word_set, words
from pam_deploy_graph.llm.text.normalise import normalise, too_long
from pam_deploy_graph.llm.text.numbers import write_dots
from pam_deploy_graph.llm.validation import Intent
from pam_deploy_graph.models import LlmParamResult

_FILLER: Final = re.compile(
    rf"[\s{MASK}\W_]+|应用|模块|版本号?|机场|代码|名称?|目标|机器|工作站|台|[的是为在到把给用那和与及个我]|就|吧|呢|啊|哦|嗯|请|谢谢|麻烦",
)

_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_CODE_LIKE: Final = re.compile(r"[$<>{}|;&?=]|\s-\w|\b(?:what|who|where|how|why|when)\b", FLAGS)
_WORD: Final = re.compile(r"[A-Za-z0-9][\w.-]*", FLAGS)
_OTHERS: Final = re.compile(r"(?:其余|其他|其它|剩|余下|别的|另外)[^,。;!?\n]{0,8}$")
_PAIR: Final = 2
_BARE_NAME: Final = re.compile(r"\s*[A-Za-z][A-Za-z0-9_.-]*\s*")


@dataclass(frozen=True)
class Reading:
    """读出来的全部。

    ``undecided`` 是「提到了却定不下来的参数 -> 为什么」，``guessed`` 是没有明说、猜出来的参数，
    ``rest`` 是规则没有读的文字：读过的、否定的、不听的都遮去了，模型只能从这里补规则没有读到的参数；
    听不懂的话没有参数，也没有 ``rest``。
    """

    verdict: Verdict
    params: dict[str, str] = field(default_factory=dict)
    control: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    undecided: dict[str, str] = field(default_factory=dict)
    guessed: frozenset[str] = frozenset()
    rest: str = ""

    def result(self, base: Mapping[str, object]) -> LlmParamResult:
        """写成语言客户端的回答；``base`` 是此前已知的部署参数，只用来判断还缺什么。"""
        known = {**base, **self.params}
        open_ = [name for name in self.undecided if name in CONTROLS]
        return LlmParamResult(
            extracted_params=self.params,
            control_params=self.control,
            missing_params=missing_params(known) + open_,
            notes=self.notes,
        )


def read(text: str, *, answering: bool = False, suggested: Intent | None = None) -> Reading:
    """读一句话；什么输入都有结果，从不抛出异常。

    Args:
        text: 操作员的原话。
        answering: 是否在回答补问或修改计划，这时光秃秃的名字也算数。
        suggested: 模型认为的意图；规则说得准时不听它的。

    Returns:
        读出来的全部。听不懂的话没有参数，除非它只由参数组成。

    """
    if message := too_long(text):
        return Reading(Verdict(Intent.UNKNOWN, 0.0, message), notes=[message])
    heard = write_dots(plain(normalise(text)))
    start = hostile_from(heard)
    if start is None:
        return _reading(heard, answering=answering, suggested=suggested)
    return _read_around(heard, start, answering=answering)


def _read_around(text: str, start: int, *, answering: bool) -> Reading:
    """有想改变规矩的话：只读它前面的；前面什么也没说，才从后面整句的话里找自己站得住的请求。"""
    heard = text[:start]
    found = _reading(heard, answering=answering, trusted=False)
    if found.verdict.intent is Intent.UNKNOWN and not (found.params or found.control or found.undecided):
        for sentence, whole in requests_after(text, start):
            if _stands_alone(_reading(sentence, answering=False, trusted=False)):
                heard, found = whole, _reading(whole, answering=False, trusted=False)
                break
    return replace(found, notes=[*found.notes, left_out(text, heard)])


def _stands_alone(found: Reading) -> bool:
    """不靠别的话也成立的请求：问进度，说全了应用和版本的部署，点名了工作站的回滚。"""
    match found.verdict.intent:
        case Intent.STATUS:
            return True
        case Intent.DEPLOY | Intent.PREVIEW:
            return {"APP_NAME", "VERSION_NUMBER"} <= found.params.keys()
        case Intent.ROLLBACK:
            return "target_ips" in found.control
        case _:
            return False


def _reading(text: str, *, answering: bool, trusted: bool = True, suggested: Intent | None = None) -> Reading:
    """读归一化了的一句话；``trusted`` 为假时只按规则判断意图，不看整句像什么。"""
    draft = Draft(text)
    verdict = _read_all(draft, answering=answering, trusted=trusted, suggested=suggested)
    if verdict.intent is Intent.UNKNOWN and not _is_answer(draft, answering=answering):
        return Reading(verdict, notes=draft.notes)
    if verdict.intent in {Intent.STATUS, Intent.CANCEL, Intent.RESUME}:
        draft.undecided.clear()
    known = draft.params, draft.control, draft.notes, draft.undecided
    return Reading(verdict, *known, frozenset(draft.guessed), draft.text.replace(NAMED, MASK))


def read_reply(text: str, base: Mapping[str, object], *, suggested: Intent | None = None) -> Reading:
    """读补问的回答：已知了别的参数时，光秃秃的一个名字也算数，只缺模块时它就是模块。

    Args:
        text: 操作员的原话。
        base: 此前已知的部署参数。
        suggested: 模型认为的意图。

    """
    found = read(text, answering=any(base.get(name) for name in REQUIRED_PARAMS), suggested=suggested)
    only_module_unknown = bool(base.get("APP_NAME")) and not base.get("MODULE_NAME")
    if only_module_unknown and _BARE_NAME.fullmatch(text) and set(found.params) == {"APP_NAME"}:
        return replace(found, params={"MODULE_NAME": found.params["APP_NAME"]}, notes=[], guessed=frozenset())
    return found


def overhear(text: str) -> str:
    """一句话遮去参数之后的样子，用来训练用字的权重；说全了参数的、要求别动的返回空串。"""
    heard = write_dots(plain(normalise(text)))
    draft = Draft(heard[: hostile_from(heard)])
    held, heard, _ = _listen(draft)
    read_version(draft)
    return "" if held or "VERSION_NUMBER" in draft.params else heard


def _read_all(draft: Draft, *, answering: bool, trusted: bool, suggested: Intent | None) -> Verdict:
    """依次取走各种参数，判断意图；有想改变规矩的话时只按规则判断，说不准时听模型的。"""
    held, heard, meant = _listen(draft)
    read_version(draft, answering=answering)
    if draft.take(words("every_airport")):
        draft.leave_open("AIRPORT_CODE", "一次只部署一座机场：请说明是哪一座")
    times = draft.take(words("schedule"))
    places = draft.take(words("narrower"))
    noted = len(draft.notes)
    read_airport(draft)
    placed = len(draft.notes) > noted
    verdict_on = partial(judge, held=held, trusted=trusted, suggested=suggested)
    first = verdict_on(heard, meant, complete=_complete(draft, placed=placed))
    guess = _may_guess(draft, first.intent, answering=answering)
    before = draft.text
    read_names(draft, guess=guess, answering=guess and (answering or first.intent is Intent.UNKNOWN))
    if draft.versions:
        heard, meant = (_without_names(text, before, draft.text) for text in (heard, meant))
    verdict = verdict_on(heard, meant, complete=_complete(draft, placed=placed))
    _warn(draft, verdict.intent, _said(times), _said(places), answering=answering)
    return verdict


def _listen(draft: Draft) -> tuple[bool, str, str]:
    """取走照字面就认得的部分；返回是否要求别动、留着否定的文字、去掉否定的文字。"""
    _read_literals(draft)
    draft.take(words("set_aside"))
    before = draft.text
    held = any(not _spares_others(draft, before, match.start()) for match in draft.take(words("hold")))
    heard = draft.text
    draft.take(words("negated"))
    return held, heard, draft.text


def _spares_others(draft: Draft, text: str, position: int) -> bool:
    """点名了几台，「其余的先不升」说的是范围，不是这一次先别动。"""
    return "target_ips" in draft.control and bool(_OTHERS.search(lead(text, position)))


def _without_names(text: str, before: str, after: str) -> str:
    """遮去刚认出来的名字：``status-board`` 里的 status 不是在问进度。"""
    return "".join(old if was == now else MASK for old, was, now in zip(text, before, after, strict=True))


def _read_literals(draft: Draft) -> None:
    """取走照字面就认得的部分：键值、路径、节奏、时限、IP、策略。"""
    read_places(draft)
    read_sure_names(draft)
    _read_rules_of_play(draft)
    read_pace(draft)
    read_timeouts(draft)
    read_machines(draft)
    read_strategy(draft)
    if "target_ips" in draft.control and any(form.search(squeeze(draft.text)) for form in words("these_first")):
        draft.note("只部署点名的这几台；其余的请等它们做完再另外说")


def _may_guess(draft: Draft, intent: Intent, *, answering: bool) -> bool:
    """没有标记的字母串能不能当作名字：要部署、说了版本时能，回答补问时能，中文句子里夹着的能。"""
    if intent is Intent.UNKNOWN:
        return not _CODE_LIKE.search(draft.text) and (answering or _looks_paired(draft.text))
    return intent in {Intent.DEPLOY, Intent.PREVIEW, Intent.ROLLBACK} or bool(
        draft.versions or _CHINESE.search(draft.text)
    )


def _looks_paired(text: str) -> bool:
    """只有两个词，又都不是虚词：多半是应用和模块。"""
    found = _WORD.findall(text)
    return len(found) == _PAIR and not word_set("stop") & {word.lower() for word in found}


def _said(matches: list[re.Match[str]]) -> str:
    """把几处原话连起来。"""
    return "、".join(match.group().strip() for match in matches)


def _read_rules_of_play(draft: Draft) -> None:
    """跳过验证、自动回滚之类的要求做不到，告诉人。"""
    if draft.take(words("skip_verify")):
        draft.note("验证不能省：每台工作站都要经过 verify-ip 才算成功")
    if draft.take(words("auto_rollback")):
        draft.note("不会自动回滚：有工作站失败时会停下来，每次回滚之前都单独问人")


def _complete(draft: Draft, *, placed: bool) -> bool:
    """是否说了版本，并且至少说了应用或机场（两可的版本、机场也算说了）。"""
    told = "VERSION_NUMBER" in draft.params or bool(draft.versions)
    return told and (placed or bool(draft.params.keys() & {"APP_NAME", "AIRPORT_CODE"}))


def _warn(draft: Draft, intent: Intent, times: str, places: str, *, answering: bool) -> None:
    """时间与小于机场的地方不能悄悄丢掉。"""
    if intent not in {Intent.DEPLOY, Intent.PREVIEW, Intent.ROLLBACK}:
        return
    if intent is Intent.ROLLBACK and "VERSION_NUMBER" in draft.params and not answering:
        draft.note("回滚只退回上一个版本；要装指定的版本，请说部署到哪一版")
    if times:
        draft.note(f"提到了时间「{times}」：没有定时器，批准之后立即开始")
    if places and "target_ips" not in draft.control:
        why = f"「{places}」比一座机场小，不能据此选出工作站：请给出它们的 IP（target_ips）"
        draft.leave_open("target_ips", why)


def _is_answer(draft: Draft, *, answering: bool) -> bool:
    """正在回答补问，或者除了参数和虚词之外什么也没有。"""
    if answering or _CODE_LIKE.search(draft.text):
        return not _CODE_LIKE.search(draft.text)
    rest = _FILLER.sub(" ", draft.text).split()
    return all(word.lower() in word_set("stop") | word_set("soft") for word in rest)
