"""读完之后再核对一遍：没有人认领的数目、名字、记号，与读出来的不合的地方，一律去问（依据 contract 第 4 节）。

不看说法，看账目：一个数目、一个像名字的词没有着落，一台旁边的记号与它的用处相反，就是没有听懂。
说法在 ``doubts.toml``。
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache, partial
from itertools import groupby
from typing import Final

from pam_deploy_graph.constants import CONTROLS, LIMITS
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.address_items import ITEM
from pam_deploy_graph.llm.rules.address_marks import marks_beside
from pam_deploy_graph.llm.rules.aside_doubts import doubt_aside
from pam_deploy_graph.llm.rules.draft import Draft
from pam_deploy_graph.llm.rules.fields import weigh_fields
from pam_deploy_graph.llm.rules.gazetteer import gazetteer, worldwide
from pam_deploy_graph.llm.rules.left_over import in_pace, is_free, limit_forms, speaks_of_pace
from pam_deploy_graph.llm.rules.name_doubts import doubt_names
from pam_deploy_graph.llm.rules.remarks import Role
from pam_deploy_graph.llm.rules.target_doubts import doubt_targets
from pam_deploy_graph.llm.rules.version_doubts import doubt_versions
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, forms_of, table, word_set
from pam_deploy_graph.llm.text.numbers import to_int

_forms: Final = partial(forms_of, "doubts")
"""``doubts.toml`` 里的一组说法。"""
_NAMES: Final = ("APP_NAME", "MODULE_NAME")
_SINGLE: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_SHOWN: Final = 24
_CODE: Final = re.compile(r"(?<![\w./-])(?:[A-Z]{3}|[a-z]{3})(?![\w./-])", re.ASCII)
_VALUE: Final = re.compile(r"[a-z\d][a-z\d.-]*", FLAGS)
_DOTTED: Final = re.compile(r"\d+(?:\.\d+)+")
_DIGIT: Final = re.compile(r"\d|[两三四五六七八九十]|\b(?:two|three|four|five|six|ten)\b", FLAGS)
_SENTENCE: Final = re.compile(r"[。!?\n]|\.\s")
_CORRECTABLE: Final = frozenset({"AIRPORT_CODE", *_NAMES, "VERSION_NUMBER", "target_ips", "exclude_ips"})


def doubt(draft: Draft) -> None:
    """核对要部署的一句话；有疑的那一项去问。"""
    _numbers(draft)
    _fragments(draft)
    _digits(draft)
    doubt_names(draft)
    doubt_versions(draft)
    _marks(draft)
    _moods(draft)
    weigh_fields(draft)
    _corrections(draft)
    _airports(draft)
    _hidden(draft)
    doubt_aside(draft)
    doubt_targets(draft)


def not_meant(text: str) -> str:
    """取消、继续、暂停、回滚的话里，说的可能不是现在要做的（「再崩一次才回滚」）；没有为空串。"""
    found = (form.search(text) for form in _forms("not_now"))
    return next((match.group().strip()[:_SHOWN] for match in found if match), "")


def _numbers(draft: Draft) -> None:
    """没有人认领的数目：带单位的问那一项，别的问是哪几台、几台一批。"""
    scoped = bool(draft.control.keys() & {"target_ips", "exclude_ips"})
    for name, forms in _groups("numbers"):
        for match in (match for form in forms for match in form.finditer(draft.original)):
            named = len(draft.control.get("target_ips") or ())
            said = to_int(match["n"]) == named or in_pace(draft, *match.span("n"))
            if not said and is_free(draft, *match.span("n"), filler=not match["n"].isdigit()):
                paced = scoped or speaks_of_pace(draft, *match.span())
                asked = name if name != "bare" else "max_parallel" if paced else "target_ips"
                if asked not in draft.control:
                    draft.leave_open(
                        asked, tr("「{match}」这个数没有听懂：请说明 {asked}", match=match.group().strip(), asked=asked)
                    )


def _digits(draft: Draft) -> None:
    """没有着落的数：不是编号、时刻、日期，多半是一台的号码；说不要动的话里另有号码的，也没有听懂。"""
    for start, end in draft.account.spans("exclude_ips"):
        said = ITEM.sub(lambda item: " " * len(item.group()), draft.original[start:end])
        if found := next((match for form in _forms("inner") for match in form.finditer(said)), None):
            draft.leave_open(
                "target_ips",
                tr("「{found}」没有听懂：请说明不要动的是哪几台（target_ips）", found=found.group().strip()),
            )
    for match in (match for form in _forms("digits") for match in form.finditer(draft.original)):
        if all(draft.account.labels[place] in (None, (As.UNREAD, "")) for place in range(*match.span("n"))):
            why = tr("「{match}」这个号码没有听懂：请给出要做的 IP（target_ips）", match=match.group().strip())
            draft.leave_open("target_ips", why)


def _fragments(draft: Draft) -> None:
    """紧跟在一项限度后面的「半」「多」没有着落，那一项就不是读出来的那个数。"""
    for form in _forms("fragment"):
        for match in form.finditer(draft.original):
            before = draft.account.labels[match.start() - 1] if match.start() else None
            if before and before[1] in LIMITS and is_free(draft, *match.span(), filler=True):
                draft.leave_open(
                    before[1], tr("「{match}」没有听懂：请说明 {before} 是多少", match=match.group(), before=before[1])
                )


def _marks(draft: Draft) -> None:
    """一台旁边的记号、上一行的名目、挨着的另一台，与它的用处相反的，去问。"""
    targets, spared = (set(draft.control.get(name) or ()) for name in ("target_ips", "exclude_ips"))
    beside = list(marks_beside(draft.original))
    said = Counter(one.ip for one in beside)
    for place, one in enumerate(beside):
        wrong = (one.role is Role.EXCLUDE and one.ip in targets - spared) or (
            one.role is Role.TARGET and one.ip in spared - targets
        )
        before = beside[place - 1].ip
        split = one.listed and not one.role and (before in spared) is not (one.ip in spared)
        split = split and said[before] == 1 == said[one.ip] and beside[place - 1].role is not Role.EXCLUDE
        if _SINGLE.fullmatch(one.ip) and (wrong or split):
            draft.leave_open("target_ips", tr("{ip} 旁边写的与读出来的不合：请说明要不要做它（target_ips）", ip=one.ip))


def _moods(draft: Draft) -> None:
    """没有着落的否定、条件、转述、过去：不知道是不是现在要做，记下。"""
    groups = ("mood", "told") if "exclude_ips" in draft.control else ("mood", "told", "not_done")
    found = ((name, match) for name in groups for form in _forms(name) for match in form.finditer(draft.original))
    for name, match in found:
        if is_free(draft, *match.span(), filler=True) and (name != "told" or _acts_beside(draft, match)):
            draft.not_now = draft.not_now or match.group().strip()[:_SHOWN]


def _acts_beside(draft: Draft, match: re.Match[str]) -> bool:
    """同一句里说着要做的事，而不是节奏。"""
    low = max((cut.end() for cut in _SENTENCE.finditer(draft.original, 0, match.start())), default=0)
    cut = _SENTENCE.search(draft.original, match.end())
    high = cut.start() if cut else len(draft.original)
    said = {label[1] for label in draft.account.labels[low:high] if label and label[0] is As.SLOT}
    return bool(said & {"intent", "VERSION_NUMBER", *_NAMES}) and not said & LIMITS


def _corrections(draft: Draft) -> None:
    """说了更正而没有听懂改成什么的：后面紧跟着的那一项不是读出来的值，或者只有没着落的字，去问。"""
    for match in (match for form in _forms("corrected") for match in form.finditer(draft.original)):
        if not is_free(draft, *match.span(), filler=True):
            continue
        cut = _SENTENCE.search(draft.original, match.end())
        end = min(cut.start() if cut else len(draft.original), match.end() + _SHOWN)
        said = draft.original[match.end() : end]
        after = next(_mentions(draft, range(match.end(), end)), "")
        left = any(is_free(draft, match.end() + one.start(), match.end() + one.end()) for one in _VALUE.finditer(said))
        value = draft.params.get(after) or " ".join(draft.control.get(after, ()))
        name = after if after and value.lower() not in said.lower() and after in _NAMES else ""
        name = name or (next(_mentions(draft, reversed(range(match.start()))), "") if left else "")
        if name:
            told = draft.original[match.start() : end].strip()
            draft.leave_open(name, tr("「{told}」像在更正，没有听懂：请说明 {name}", told=told, name=name))


def _mentions(draft: Draft, places: Iterable[int]) -> Iterator[str]:
    """各处说的是哪一项，先后照给的。"""
    labels = (draft.account.labels[place] for place in places)
    return (label[1] for label in labels if label and label[0] is As.SLOT and label[1] in _CORRECTABLE)


def _airports(draft: Draft) -> None:
    """没有着落的三字码是另一座机场：问是哪一座；小写的要在随包的名录里，又不是普通的词。"""
    for match in _CODE.finditer(draft.original):
        code = match.group().upper()
        common = code.lower() in word_set("not_airports") | word_set("stop") | word_set("soft")
        known = code in gazetteer().codes or (match.group().isupper() and not common and code in worldwide().codes)
        known = known and not (common and match.group().islower())
        if known and code != draft.params.get("AIRPORT_CODE") and is_free(draft, *match.span()):
            draft.leave_open("AIRPORT_CODE", tr("又提到了 {code}：一次只部署一座机场，请说明是哪一座", code=code))


def _hidden(draft: Draft) -> None:
    """说条件、否定的各段里有数目，像在说限度的：那一项没有读出来，去问。"""
    for kind, run in groupby(enumerate(draft.account.labels), lambda one: one[1][0] if one[1] else None):
        text = _DOTTED.sub("", "".join(draft.original[place] for place, _ in run))
        if kind not in {As.CONDITION, As.NEGATED} or not _DIGIT.search(text):
            continue
        for name, forms in limit_forms():
            wanted = CONTROLS[name].conditional and name not in draft.control
            if wanted and any(form.search(text) for form in forms):
                draft.leave_open(
                    name, tr("「{text}」像在说限度，没有听懂：请说明 {name}", text=text.strip()[:_SHOWN], name=name)
                )


@cache
def _groups(name: str) -> tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]:
    """分项的一组说法。"""
    return tuple((each, compile_all(forms)) for each, forms in table("doubts")[name].items())
