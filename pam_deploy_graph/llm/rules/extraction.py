"""读一句话：归一化，依次取走各种参数，最后判断意图（依据 contract 第 2、4 节）。"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, Final

from pam_deploy_graph.constants import CONTROLS
from pam_deploy_graph.i18n import Worded, language, tr
from pam_deploy_graph.inputs.parameters import missing_params
from pam_deploy_graph.llm.rules.airports import read_airport
from pam_deploy_graph.llm.rules.doubts import doubt, not_meant
from pam_deploy_graph.llm.rules.draft import MASK, NAMED, Draft
from pam_deploy_graph.llm.rules.hostile import hostile_from, left_out, requests_after
from pam_deploy_graph.llm.rules.intents import GUESSED, LOST, Verdict, judge
from pam_deploy_graph.llm.rules.left_over import settle_left
from pam_deploy_graph.llm.rules.listening import listen
from pam_deploy_graph.llm.rules.machines import read_mentioned
from pam_deploy_graph.llm.rules.names.guessed import CODE_LIKE, may_guess
from pam_deploy_graph.llm.rules.names.in_any_sentence import read_names
from pam_deploy_graph.llm.rules.target_doubts import doubt_recalled
from pam_deploy_graph.llm.rules.versions import read_version
from pam_deploy_graph.llm.span_account import Account, As, Span, whole_account
from pam_deploy_graph.llm.text.clauses import Ranges, quotations
from pam_deploy_graph.llm.text.colloquial import plain
from pam_deploy_graph.llm.text.lexicon import word_set, words
from pam_deploy_graph.llm.text.normalise import too_long, trace
from pam_deploy_graph.llm.text.numbers import write_dots
from pam_deploy_graph.llm.text.spelled_addresses import spell_out
from pam_deploy_graph.llm.text.traced import Traced
from pam_deploy_graph.llm.validation import Intent
from pam_deploy_graph.models import LlmParamResult

_FILLER: Final = re.compile(
    rf"[\s{MASK}\W_]+|应用|模块|版本号?|机场|代码|名称?|目标|机器|工作站|台|[的是为在到把给用那和与及个我]|就|吧|呢|啊|哦|嗯|请|谢谢|麻烦",
)

_NAMED_ALL: Final = frozenset({"AIRPORT_CODE", "APP_NAME", "MODULE_NAME"})
_LOOKING: Final = frozenset({Intent.STATUS, Intent.PREVIEW})
"""只是看一看的，问句、否定句里的参数也算数。"""
_WITHOUT_PARAMS: Final = frozenset({Intent.STATUS, Intent.CANCEL, Intent.RESUME, Intent.PAUSE})
_CUT: Final = re.compile(r"[,。;!?\n]")
_AT_ONCE: Final = Worded({Intent.CANCEL: "取消", Intent.RESUME: "继续", Intent.PAUSE: "暂停", Intent.ROLLBACK: "回滚"})
"""听到就动手的。"""
_CHECKS: Final = {Intent.DEPLOY: doubt, Intent.ROLLBACK: doubt_recalled}
"""读完之后怎样核对。"""


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
    account: Account = field(default_factory=Account)
    spans: list[Span] = field(default_factory=list)

    def result(self, base: Mapping[str, object]) -> LlmParamResult:
        """写成语言客户端的回答；``base`` 是此前已知的部署参数，只用来判断还缺什么。"""
        known = {name: value for name, value in {**base, **self.params}.items() if name not in self.undecided}
        open_ = [name for name in self.undecided if name in CONTROLS]
        return LlmParamResult(
            extracted_params={name: value for name, value in self.params.items() if name in known},
            control_params=self.control,
            missing_params=missing_params(known) + open_,
            notes=self.notes,
        )


def read(
    text: str,
    *,
    answering: bool = False,
    suggested: Intent | None = None,
    shown: Sequence[str] = (),
    named: bool = False,
) -> Reading:
    """读一句话；什么输入都有结果，从不抛出异常。

    Args:
        text: 操作员的原话。
        answering: 是否在回答补问或修改计划，这时光秃秃的名字也算数。
        suggested: 模型认为的意图；规则说得准时不听它的。
        shown: 眼前的工作站，「.6」「6 号」说的是它们。
        named: 机场、应用、模块都已知：只有标明了的才算改名字。

    Returns:
        读出来的全部。听不懂的话没有参数，除非它只由参数组成。

    """
    ips = tuple(str(ip) for ip in shown)
    found = _read(text, ips, language(), answering=answering, suggested=suggested, named=named)
    own = replace(found, params={**found.params}, control=deepcopy(found.control), undecided={**found.undecided})
    return replace(own, notes=[*found.notes], spans=[*found.spans])


@lru_cache(maxsize=8)
def _read(text: str, shown: tuple[str, ...], _spoken: str, **how: Any) -> Reading:
    """同 ``read``；一句话判断意图、摘参数、记账各问一遍，只读一遍。要念的话随语言而异，各记各的。"""
    if message := too_long(text):
        whole = [Span(0, len(text), text, As.UNREAD)] if text else []
        return Reading(Verdict(Intent.UNKNOWN, 0.0, message), notes=[message], spans=whole)
    heard = hear(text, shown)
    start = hostile_from(heard.text)
    quoted = quotations(text, heard)
    if start is None:
        found = _reading(heard.text, quoted, **how)
    else:
        found = _read_around(heard.text, quoted, start, answering=how["answering"])
    return replace(found, spans=whole_account(text, heard, found.account))


def account_of(text: str) -> list[Span]:
    """一句话的账目：每个字算作什么，一个也不少。"""
    return read(text).spans


def hear(text: str, shown: Sequence[str] = ()) -> Traced:
    """归一化，口语换成普通的写法，念出来的数与省写的地址写全；每个字都记得来处。"""
    return spell_out(write_dots(plain(trace(text))), shown)


def _read_around(text: str, quoted: Ranges, start: int, *, answering: bool) -> Reading:
    """有想改变规矩的话：只读它前面的；前面什么也没说，才从后面整句的话里找自己站得住的请求。"""
    refused = [*quoted, (start, len(text), As.NOT_DONE)]
    found, heard = _reading(text, refused, answering=answering), text[:start]
    if found.verdict.intent is Intent.UNKNOWN and not (found.params or found.control or found.undecided):
        for sentence, whole in requests_after(text, start):
            if _stands_alone(_reading(sentence, [], answering=False)):
                at = text.index(whole, start)
                around = [(0, at, As.NOT_DONE), (at + len(whole), len(text), As.NOT_DONE)]
                heard, found = whole, _reading(text, [*quoted, *around], answering=False)
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


def _reading(
    text: str, aside: Ranges, *, answering: bool, suggested: Intent | None = None, named: bool = False
) -> Reading:
    """读归一化了的一句话；``aside`` 是不听的各段。"""
    draft = _opened(Draft(text, named=named), aside)
    verdict = _read_all(draft, answering=answering, suggested=suggested)
    if verdict.intent is Intent.ROLLBACK and not draft.control.keys() & {"target_ips", "exclude_ips"}:
        read_mentioned(draft)
    if verdict.intent in _LOOKING and not draft.listening:
        draft = _opened(Draft(text, listening=True, named=named), aside)
        _read_all(draft, answering=answering, suggested=suggested)
    if verdict.intent is Intent.UNKNOWN and not _is_answer(draft, answering=answering):
        settle_left(draft, verdict.intent)
        return Reading(verdict, notes=draft.notes, account=draft.account)
    if verdict.intent in _WITHOUT_PARAMS and not answering:
        verdict = _whole_or_deploy(draft, verdict)
    if verdict.intent in _WITHOUT_PARAMS:
        draft.undecided.clear()
    settle_left(draft, verdict.intent)
    if verdict.intent in _AT_ONCE and (said := not_meant(text)):
        verdict = Verdict(
            Intent.UNKNOWN,
            0.0,
            tr("「{said}」：看不出是不是现在要{at_once}，请换句话说", said=said, at_once=_AT_ONCE[verdict.intent]),
        )
    return _checked(draft, verdict)


def _opened(draft: Draft, aside: Ranges) -> Draft:
    """放下了不听的各段的草稿。"""
    for start, end, kind in aside:
        draft.hide(start, end, kind)
    return draft


def _checked(draft: Draft, verdict: Verdict) -> Reading:
    """核对读出来的；看不出是不是现在要做的，什么也不做。"""
    if check := _CHECKS.get(verdict.intent):
        check(draft)
    if draft.not_now:
        why = tr("「{said}」像在说不做、有条件或是转述：现在就要做的话，请换句话说", said=draft.not_now)
        return Reading(Verdict(Intent.UNKNOWN, 0.0, why), account=draft.account)
    known = draft.params, draft.control, draft.notes, draft.undecided
    return Reading(verdict, *known, frozenset(draft.guessed), draft.text.replace(NAMED, MASK), account=draft.account)


def _whole_or_deploy(draft: Draft, verdict: Verdict) -> Verdict:
    """说全了一次部署的话里有「停」「收工」，不当作取消：按部署理解，什么时候停去问。"""
    alone = not draft.control and not _CUT.search(draft.original.strip(" 。.!\n"))
    alone = alone and not any(form.search(draft.text) for form in words("deploys"))
    if verdict.intent is Intent.STATUS or alone or not _complete(draft, placed=False):
        return verdict
    why = tr(
        "{reason}，又说全了一次部署：按部署理解；什么时候停，请说明 max_failures，要取消请单说取消",
        reason=verdict.reason,
    )
    about = any(form.search(draft.original) for form in words("other_object"))
    if "max_failures" not in draft.control and not about:
        draft.leave_open("max_failures", why)
    return Verdict(Intent.DEPLOY, GUESSED, why)


def _read_all(draft: Draft, *, answering: bool, suggested: Intent | None) -> Verdict:
    """依次取走各种参数，判断意图；说不准时听模型的。"""
    said, held = listen(draft)
    read_version(draft, answering=answering)
    _doubt_version(draft)
    if draft.take(words("every_airport"), "AIRPORT_CODE"):
        draft.leave_open("AIRPORT_CODE", tr("一次只部署一座机场：请说明是哪一座"))
    times = draft.take(words("schedule"), "time", As.NOT_DONE)
    places = draft.take(words("narrower"), "target_ips", As.UNREAD)
    noted = len(draft.notes)
    if not draft.named or any(form.search(draft.text) for form in words("renames")):
        read_airport(draft)
    placed = len(draft.notes) > noted
    verdict_on = partial(judge, held=held, suggested=suggested)
    first = verdict_on(said, complete=_complete(draft, placed=placed))
    guess = not draft.named and may_guess(draft, first.intent, answering=answering)
    before = draft.text
    read_names(draft, guess=guess, answering=guess and (answering or first.intent is Intent.UNKNOWN))
    if draft.versions:
        whole, spoken, meant = (
            _without_names(text, before, draft.text) for text in (said.whole, said.heard, said.meant)
        )
        said = replace(said, whole=whole, heard=spoken, meant=meant)
    verdict = verdict_on(said, complete=_complete(draft, placed=placed))
    if not said.aside and verdict.reason == LOST and draft.params.keys() >= _NAMED_ALL:
        verdict = Verdict(Intent.DEPLOY, GUESSED, tr("说了机场、应用和模块，按部署理解"))
    _warn(draft, verdict.intent, _said(times), _said(places), answering=answering)
    return verdict


def _doubt_version(draft: Draft) -> None:
    """转述里写着另一个版本的去问。"""
    wanted = draft.params.get("VERSION_NUMBER")
    if wanted and (others := [one for one in draft.reported if one.lstrip("v") != wanted]):
        draft.leave_open(
            "VERSION_NUMBER",
            tr("说了要装 {wanted}，又转述了 {others}：请说明是哪一版", wanted=wanted, others=tr("、").join(others)),
        )


def _without_names(text: str, before: str, after: str) -> str:
    """遮去刚认出来的名字：``status-board`` 里的 status 不是在问进度。"""
    return "".join(old if was == now else MASK for old, was, now in zip(text, before, after, strict=True))


def _said(matches: list[re.Match[str]]) -> str:
    """把几处原话连起来。"""
    return tr("、").join(match.group().strip() for match in matches)


def _complete(draft: Draft, *, placed: bool) -> bool:
    """是否说了版本，并且至少说了应用或机场（两可的版本、机场也算说了）。"""
    told = "VERSION_NUMBER" in draft.params or bool(draft.versions)
    return told and (placed or bool(draft.params.keys() & {"APP_NAME", "AIRPORT_CODE"}))


def _warn(draft: Draft, intent: Intent, times: str, places: str, *, answering: bool) -> None:
    """时间与小于机场的地方不能悄悄丢掉。"""
    if intent not in {Intent.DEPLOY, Intent.PREVIEW, Intent.ROLLBACK}:
        return
    if intent is Intent.ROLLBACK and "VERSION_NUMBER" in draft.params and not answering:
        draft.note(tr("回滚只退回上一个版本；要装指定的版本，请说部署到哪一版"))
    if times:
        draft.note(tr("提到了时间「{times}」：没有定时器，批准之后立即开始", times=times))
    if places and "target_ips" not in draft.control:
        why = tr("「{places}」比一座机场小，不能据此选出工作站：请给出它们的 IP（target_ips）", places=places)
        draft.leave_open("target_ips", why)


def _is_answer(draft: Draft, *, answering: bool) -> bool:
    """正在回答补问，或者除了参数和虚词之外什么也没有。"""
    if (code := CODE_LIKE.search(draft.text)) or answering:
        return not code
    rest = _FILLER.sub(" ", draft.text).split()
    return all(word.lower() in word_set("stop") | word_set("soft") for word in rest)
