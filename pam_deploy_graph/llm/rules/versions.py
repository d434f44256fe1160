"""从一句话里读目标版本：认得「从 A 升到 B」，两可的不猜（依据 contract 第 2 节）。"""

import re
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.corrections import kept
from pam_deploy_graph.llm.rules.draft import Draft, lead
from pam_deploy_graph.llm.rules.tables import column_heading
from pam_deploy_graph.llm.span_account import As
from pam_deploy_graph.llm.text.lexicon import FLAGS, words

_SUFFIX = r"(?:[-+_][0-9a-z]+(?:\.[0-9a-z]+)*|\.[a-z][0-9a-z]*|(?:rc|alpha|beta|sp|[abpru])\d+)*"
_MARK = r"(?:版本号?|(?<![a-z0-9_-])(?:version|ver\.?))\s*(?:number|no\.?)?\s*(?:是|为|到|:|=|is)?\s*"
_VERSION: Final = re.compile(
    rf"(?:{_MARK}v?(?P<marked>[0-9a-z._+-]*\d[0-9a-z._+-]*[0-9a-z+]|\d)(?![0-9a-z]))"
    rf"|(?<![a-z0-9_.])v?(?P<dotted>(?:20\d\d|\d+(?!\.\d{{4,}}(?![\d.])))(?:\.\d+){{1,4}}{_SUFFIX})(?![0-9a-z]|\.[0-9a-z]|\s*(?:%|秒|分钟|小时))"
    r"|(?<![a-z0-9_.-])v(?P<short>\d{1,4})(?![\w.]|-[a-z]{2})"
    r"|(?<![a-z0-9_.-])(?P<date>20\d{6}(?:[-.][0-9a-z]+)?)(?![\w.])",
    FLAGS,
)
_GLUED: Final = re.compile(rf"(?<=[a-z])v?(?P<glued>\d+(?:\.\d+){{2,3}}{_SUFFIX})(?![0-9a-z]|\.[0-9a-z])", FLAGS)
_RELEASE: Final = re.compile(r"(?<![a-z0-9_./-])(?P<release>r\d{1,4})(?![\w./-])", FLAGS)
"""没有别的版本时，``r13`` 也是版本。"""
_WILD: Final = re.compile(r"\.[x*]$", FLAGS)
_FROM_BEFORE: Final = re.compile(
    r"(?:(?:修复|解决|从|由|自|当前|目前|现在|现|原来|(?<![太固松])原|(?:升级?|更新|部署|变更)之?前|旧|老|现有|之前|上个|[上前]一?[次回](?:装|升|发|推|用)?(?:的?版本|的)?(?=是|为)|跑|用)(?:版本号?|的|是|为|在|着|\s|v)*"
    r"|\b(?:from|was|current(?:ly)?|now|old|existing|running|fix(?:es|ed|ing)?|replac(?:e|ing))\b(?:version|on|is|at|:|\s)*)+$",
    FLAGS,
)
_FROM_AFTER: Final = re.compile(
    r"\s*(?:版本?)?\s*(?:-?>\s*v?\d|(?:升级?|换|更新|改|降)?\s*(?:到|至|为|成|\bto\b|\bwith\b|\bby\b)\s*(?:版本)?\s*v?\d|有\s*(?:bug|问题|缺陷|毛病)|(?:有点|老|总)?(?:崩|卡死|闪退)|\b(?:(?:has|is|was|keeps?)\s*)?(?:a\s*)?(?:crash\w*|broken|buggy|bugs?\b|faulty|leak\w*))",
    FLAGS,
)
_TO_BEFORE: Final = re.compile(
    r"(?:到|至|为|成|换|升|装|要|请|[这本]一?[次回]|(?<![在还仍])用|(?:升级?|更新|部署|变更)[之以]?后|新版本?|目标(?:版本)?|->|\bto\b|\bonto\b|\bwith\b|\btarget\b|\b(?:have|get|want|need)\b[^,.;]{0,25}\brunning\b)(?:版本号?|version|是|为|部署|装|:|[\s|])*$",
    FLAGS,
)
_EITHER: Final = re.compile(
    r"\s*(?:版本?)?[\s,]*(?:或者?是?|还是|抑或|、|/|\bor\b)\s*(?:升?到|版本|version|v|\s)*", FLAGS
)
_ON_PURPOSE: Final = re.compile(
    r"降(?!落)|回[退滚到]|退[回到成]|[换用装改切]回|恢复|还原|有\s*(?:bug|问题|缺陷|毛病)|崩|闪退|卡死"
    r"|\b(?:downgrad|revert|restor|crash|bugg|leak)\w*|\b(?:broken|faulty|has (?:a )?bugs?)\b"
    r"|\broll\w*\s*back|\bback (?:to|on|onto) (?:version )?v?\d",
    FLAGS,
)
_CUT: Final = re.compile(r"[,。;!?\n()|]|\.\s|(?<=\d)\s(?=\d)")
_SECTION: Final = re.compile(r"(?:^|(?<=\n))\s*\d{1,2}\.\d{1,2}[\s、]\s*(?=[\u4e00-\u9fff])")
"""行首的编号：「4.1 正向步骤」。"""
_VAGUE: Final = re.compile(r"\d\.(?!rc|alpha|beta|snapshot|build|final|release|hotfix|patch|sp)[a-z]{4,}", FLAGS)
_NUMERIC: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})+")


def read_version(draft: Draft, *, answering: bool = False) -> None:
    """取走版本；说了不止一个而又分不清新旧，或者没有明说却是降级时，告诉人并留给补问。

    Args:
        draft: IP、节奏都已取走的草稿。
        answering: 是否在回答补问或修改计划，这时「从 A 改成 B」改的是计划，不是降级。

    """
    for section in [*_SECTION.finditer(draft.text)] if len(_VERSION.findall(draft.text)) > 1 else ():
        draft.hide(*section.span(), As.FILLER)
    matches = list(_VERSION.finditer(draft.text)) or list(_GLUED.finditer(draft.text))
    matches = matches or list(_RELEASE.finditer(draft.text))
    found = [(_value(match), match) for match in matches]
    flags = kept(draft.text, [match.span() for match in matches])
    roles = _roles(draft.text, [pair for pair, flag in zip(found, flags, strict=True) if flag])
    if len({value for value, _ in roles}) > 1:
        roles = _told_apart(draft.text, [pair for pair, flag in zip(found, flags, strict=True) if flag], roles)
    deliberate = answering or bool(_ON_PURPOSE.search(draft.text))
    draft.versions = [match.span() for match in matches]
    for span in draft.versions:
        draft.mask(*span, "VERSION_NUMBER")
    if any(_unclear(value) for value, _ in found):
        draft.leave_open("VERSION_NUMBER", tr("版本要写全，不能用 x 或 * 代替：请说明是哪一版"))
        roles = [(value, role) for value, role in roles if not _unclear(value)]
    _settle(draft, roles, deliberate=deliberate)


def _unclear(value: str) -> bool:
    """没有写全的版本：``2.3.x``、``3.something``。"""
    return bool(_WILD.search(value) or _VAGUE.search(value))


def _settle(draft: Draft, roles: list[tuple[str, str]], *, deliberate: bool) -> None:
    """定下要装的版本；定不下来的说明缘由。"""
    wanted = _targets(roles)
    if paired := draft.params.get("VERSION_NUMBER"):
        draft.agree("VERSION_NUMBER", {paired, *wanted})
    elif len(wanted) > 1:
        draft.leave_open(
            "VERSION_NUMBER", tr("提到了不止一个版本（{wanted}），请说明要装哪一个", wanted=tr("、").join(wanted))
        )
    elif wanted and not deliberate and (newer := _newer([*roles, *((one, "old") for one in draft.former)], wanted[0])):
        again = tr("请确认要装哪一版，确要降级就再说一遍「降级到 {wanted}」", wanted=wanted[0])
        draft.leave_open(
            "VERSION_NUMBER", tr("从 {newer} 到 {wanted} 是降级：{again}", newer=newer, wanted=wanted[0], again=again)
        )
    elif wanted:
        draft.set_param("VERSION_NUMBER", wanted[0])


def _value(match: re.Match[str]) -> str:
    """取出版本，去掉前面的 v 和后面的句点。"""
    value = next(group for group in match.groups() if group)
    return value.rstrip(".-_+")


def _roles(text: str, found: list[tuple[str, re.Match[str]]]) -> list[tuple[str, str]]:
    """各个版本的角色；「A 或者 B」里的两个同样对待。"""
    roles: list[tuple[str, str]] = []
    end = 0
    for value, match in found:
        either = roles and _EITHER.fullmatch(text[end : match.start()])
        roles.append((value, roles[-1][1] if either else _role(text, match)))
        end = match.end()
    return roles


def _told_apart(
    text: str, found: list[tuple[str, re.Match[str]]], roles: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """说了几个版本：看列的名目、左右的话说它是旧的、退路还是这回的；后一个更正了前一个的，前一个不算。"""
    told: list[tuple[str, str]] = []
    end = 0
    for (value, match), (_, role) in zip(found, roles, strict=True):
        now = _role_beside(text, match, role)
        if told and now != "old" and _says("version_corrected", text[end : match.start()]):
            told = [(one, was if one == value else "old") for one, was in told]
            now = "new"
        told.append((value, now))
        end = match.end()
    chosen = {value for value, match in found if _is_this(text, match)}
    if len(chosen) == 1:
        return [(value, "new" if value in chosen else "old") for value, _ in told]
    return told if any(role != "old" for _, role in told) else roles


def _is_this(text: str, match: re.Match[str]) -> bool:
    """写着「本次」「这回」的那一版；「这次不装」的不是。"""
    before = text[_clause_of(text, match)[0] : match.start()]
    return _says("version_this_before", before) and not _says("version_not_before", before)


def _role_beside(text: str, match: re.Match[str], role: str) -> str:
    """照列的名目、左右的话定一个版本的角色；看不出的照原来的。"""
    low, high = _clause_of(text, match)
    column = column_heading(text, match.start())
    before = f"{column}:" if column else text[low : match.start()]
    if _says("version_old_before", before) or (not column and _says("version_old_after", text[match.end() : high])):
        return "old"
    return role or ("new" if _says("version_new_before", before) else "")


def _clause_of(text: str, match: re.Match[str]) -> tuple[int, int]:
    """一个版本所在的分句；更近的另一个版本算边界。"""
    low = max((cut.end() for cut in _CUT.finditer(text, 0, match.start())), default=0)
    cut = _CUT.search(text, match.end())
    return low, cut.start() if cut else len(text)


def _says(group: str, text: str) -> bool:
    """一段文字有没有 ``words.toml`` 里的某一组说法。"""
    return any(form.search(text) for form in words(group))


def _newer(roles: list[tuple[str, str]], wanted: str) -> str:
    """原来的版本里比要装的还新的一个；没有、或者不是纯数字的不比，返回空串。"""
    old = [value for value, role in roles if role == "old"]
    comparable = [value for value in old if _NUMERIC.fullmatch(value) and _NUMERIC.fullmatch(wanted)]
    return next((value for value in comparable if parts_of(value) > parts_of(wanted)), "")


def parts_of(version: str) -> list[int]:
    """版本的各段数字，从前到后比大小。"""
    return [int(part) for part in re.findall(r"\d+", version)]


def _role(text: str, match: re.Match[str]) -> str:
    """一个版本是「旧的」「新的」还是没有说明。"""
    before = lead(text, match.start())
    if _TO_BEFORE.search(before) and not _FROM_AFTER.match(text, match.end()):
        return "new"
    if _FROM_BEFORE.search(before) or _FROM_AFTER.match(text, match.end()):
        return "old"
    return ""


def _targets(roles: list[tuple[str, str]]) -> list[str]:
    """要装的版本：有明说的取明说的，否则取不是旧版本的。"""
    said = dict.fromkeys(value for value, role in roles if role == "new")
    plain = dict.fromkeys(value for value, role in roles if not role)
    return list(said if len(said) == 1 else {**said, **plain})
