"""一句回答逐字读成记号：每个字都要有着落，没有着落的念出来（说法在 ``decisions.toml``，contract 第 5 节）。"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Final

from pam_deploy_graph.constants import Decision
from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.hostile import hostile_from
from pam_deploy_graph.llm.text.clauses import speaks
from pam_deploy_graph.llm.text.colloquial import plain
from pam_deploy_graph.llm.text.lexicon import FLAGS, table
from pam_deploy_graph.llm.text.normalise import trace
from pam_deploy_graph.llm.text.numbers import to_int, write_dots

SAID: Final = tuple(map(str, Decision))
SUBJECTS: Final = frozenset({"ip", "short", "rest", "all"})
_REMARKS: Final = frozenset({"filler", "strange", "amend", "single", "all", "yes", "back"})
"""只是缘由的一句里可以有的：没有决定，也没有说是哪一台。"""
AMENDS: Final = "\x1e"
"""「哦不」「说错了」换成这个字，后面的改了前面的。"""
LONGEST: Final = 2_000
_SPEAKER: Final = re.compile(r"[\s:,.]*(?:[a-z]+|[\u4e00-\u9fff]{1,2})[\s:,.]*", FLAGS)
"""「vendor: retry」「厂家：退」里的头一个词是说话的人，不是缘由。"""
_MARKS: Final = {"逗号": "，", "句号": "。", "嘛": "啊"}
_DICTATED: Final = re.compile("|".join(_MARKS))
_CLAUSE: Final = re.compile(r"(?:[^,;。!\n.]|\.(?=\S))+")
_APART: Final = re.compile(
    r"(?<![0-9a-f]):|:(?![0-9a-f:])|\s[-/]\s|(?<=[\u4e00-\u9fff]) (?=另|其余|剩)|(?<=[^除][了吧]) (?=\d{1,3}\.\d)"
)
"""冒号、破折号、另起一个对象的空格，也分开分句。"""
_IP: Final = r"\d{1,3}(?:\.\d{1,3}){3}(?:\s*-\s*\d{1,3}(?:\.\d{1,3}){0,3}|/\d{1,2})?|[0-9a-f]{0,4}:[0-9a-f:]+"
_CAPTURES: Final = re.compile(r"(?<!\\)\((?!\?)")
_ORDINALS: Final = ("first", "second", "third")
_PAIR: Final = 2
_NUMBER: Final = r"\d{1,3}|[一二三四五六七八九十]{1,3}|\b(?:one|two|three|four|five|six|seven|eight|nine|ten)\b"
_BARE: Final = re.compile(
    rf"(?:(?:尾号|尾数|末位|点|\bnumber)\s?(?:是|为)?\s?)?(?<![\w.一二三四五六七八九十第-])(?P<n>{_NUMBER})(?:\s*号机?)?(?:\s*的)?"
    r"(?![\d.:%]|\s*(?:[台个次遍把分秒点楼厅口]|回(?![滚退])|hours?|min|sec|times?|more|of|machines?|workstations?|pcs?))",
    FLAGS,
)
Token = tuple[str, str]
"""一个记号：哪一类，什么字。"""
Remark = tuple[str, frozenset[str]]
"""听不懂的一个分句：原话，以及里头的记号是哪几类。"""


class UnclearError(Exception):
    """听不懂，或自相矛盾；参数是没有着落的话。"""


def require(left: str = "", *, clear: bool) -> None:
    """不清楚就不当作决定。"""
    if not clear:
        raise UnclearError(left)


def refuse(text: str, error: UnclearError, shape: str) -> InvalidInputError:
    """不当作决定：说出没有听懂的是哪几个字。"""
    left = str(error).strip(" ,;。-")
    why = tr("没有听懂「{left}」", left=left[:40]) if left and left != text.strip() else tr("没有听懂，或前后不一致")
    return InvalidInputError(
        tr("看不懂的决定 {text!r}：{why}，什么也没有改变；{shape}", text=text[:80], why=why, shape=shape)
    )


def whole(text: str) -> str:
    """归一化的整句；太长的、想改变规矩的不读：只读开头会漏掉后面的「除了」。"""
    said = write_dots(plain(trace(_DICTATED.sub(_mark, text)))).text.lower()
    if len(said) > LONGEST or hostile_from(said) is not None:
        raise UnclearError
    for form in _forms("clause", "corrected"):
        said = form.sub(f",{AMENDS}", said)
    return re.sub(rf"{AMENDS}[\s,]+", AMENDS, _APART.sub(",", said))


def _mark(found: re.Match[str]) -> str:
    """念出来的句读写成句读；「嘛」不是在问。"""
    return _MARKS[found.group()]


def read_clauses(said: str, group: str) -> tuple[list[list[Token]], list[Remark]]:
    """逐个分句读成记号；在问的、说着决定又有字没有着落的，整句不算。

    Returns:
        各个分句的记号；整个分句听不懂、也没有明说是缘由（「因为……」「……，所以」）的那几句，由 ``remarks_only`` 定。

    """
    loose: list[Remark] = []
    found: list[list[Token]] = []
    clauses = [clause for clause in _CLAUSE.findall(said) if clause.strip(f" -|{AMENDS}")]
    last_so = max((place for place, clause in enumerate(clauses) if says("so", clause)), default=0)
    for place, clause in enumerate(clauses):
        told = says("because", clause) or (place > 0 and says("because", clauses[place - 1]))
        reason = place < last_so or told
        if says("asks", clause):
            raise UnclearError(clause)
        tokens = _tokens(clause, group)
        idle = {kind for kind, _ in tokens} <= {"filler", "strange"}
        if idle and any(form.fullmatch(clause.strip()) for form in _forms("clause", "signed")):
            continue
        left = "".join(text for kind, text in tokens if kind == "strange")
        if not left:
            found.append(tokens)
        elif speaks(clause, "reported") or speaks(clause, "condition"):
            raise UnclearError(left)
        elif reason:
            require(left, clear=not says("doubtful", clause))
        else:
            loose.append((clause, frozenset(kind for kind, _ in tokens) - _REMARKS))
    return found, loose


def remarks_only(loose: Sequence[Remark], decided: Collection[str], *kinds: str) -> None:
    """听不懂的几句是不是只是缘由：没有 ``kinds`` 那几类的字，也没有另一种决定，不会是在说反话、附带条件、另提限度。"""
    for clause, told in loose:
        require(clause, clear=told <= {*decided} and says("reasons", clause) and not _SPEAKER.fullmatch(clause))
        require(clause, clear=not any(says(kind, clause) for kind in kinds))


def read_plan_decision(text: str) -> Decision:
    """读计划的问题上的一句话：「好，批准」「这份计划我不同意，先打回」。

    Args:
        text: 操作员的原话。

    Returns:
        同意或不同意；每个字都听得懂，而且只说了其中一样。

    Raises:
        InvalidInputError: 不是决定：在问、在犹豫、另有改动、前后不一致，或有听不懂的字。

    """
    try:
        said = whole(text).rpartition(AMENDS)[2]  # 「同意，哦不，不同意」：改了口的照后面
        clauses, loose = read_clauses(said, "plan")
        kinds = {kind for tokens in clauses for kind, _ in tokens} - {"filler"}
        twice = any(
            one[0] == other[0] == "no" and one[1] != other[1] for tokens in clauses for one, other in pairwise(tokens)
        )
        refused = "no" in kinds and not says("changes", said)
        kinds -= {"amend"} if refused else set()
        require(clear=kinds in ({"yes"}, {"no"}) and not twice)
        if refused:
            remarks_only(loose, ("no",), "flips")
        else:
            remarks_only(loose, (), "doubtful", "limits")
    except UnclearError as error:
        raise refuse(text, error, tr("请只回答 approve 或 reject，要改就说改什么")) from None
    return Decision.APPROVE if "yes" in kinds else Decision.REJECT


def settled(tokens: Sequence[Token]) -> list[Token]:
    """两可的记号按左右定下来：「不同意回滚」是保留，「roll .4 back」的 back 是半个退回；定不下来的整句不算。"""
    said = [token for token in tokens if token[0] not in {"filler", "single"}]
    kinds = ["", *(kind for kind, _ in said), ""]
    meant = [(_meaning(kinds, place), text) for place, (_, text) in enumerate(said, 1)]
    meant = [one for at, one in enumerate(meant) if not (at and one[0] in SAID and one[0] == meant[at - 1][0])]
    return [*meant, *(token for token in tokens if token[0] == "single" or AMENDS in token[1])]


def scoped(tokens: Sequence[Token]) -> bool:
    """说没说是谁。"""
    return any(kind in SUBJECTS for kind, _ in tokens)


def _meaning(kinds: Sequence[str], place: int) -> str:
    """一个记号看左右是什么意思。"""
    before, kind, after = kinds[place - 1 : place + 2]
    match kind:
        case "back":
            decided = any(one in SAID for one in kinds[:place])
            require(clear=decided or bool(SUBJECTS & {*kinds}))
            return "filler" if decided else Decision.APPROVE
        case "consent":
            return "filler" if {*SAID, "refuse"} & {*kinds} else Decision.APPROVE
        case "refuse":
            require(clear=after not in {Decision.REJECT, Decision.RETRY, "refuse", "not_retry"})
            return Decision.REJECT
        case "yes":
            require(clear=before not in SAID and not (before in SUBJECTS and after not in SAID))
            return kind
        case Decision.APPROVE if before == "refuse":
            return "filler"
        case _:
            return kind


def strange_in(text: str) -> list[int]:
    """归一化的一段话里，说计划的话里没有的字各在哪里。"""
    found: list[int] = []
    place = 0
    for kind, said in _tokens(text.lower(), "plan"):
        found += range(place, place + len(said)) if kind in {"strange", "no"} else []
        place += len(said)
    return found


def speaks_of_decisions(text: str) -> bool:
    """一句话里有没有对工作站的决定，不论整句听不听得懂。"""
    try:
        tokens = [token for clause in _CLAUSE.findall(whole(text)) for token in _tokens(clause, "words")]
    except UnclearError:
        return False
    return any(kind in {*SAID, "refuse", "not_retry"} for kind, _ in tokens)


def speaks_of_consent(text: str) -> bool:
    """一句话里有没有同意计划的话（「好」「行」只是客气，不算），不论整句听不听得懂。"""
    try:
        tokens = [token for clause in _CLAUSE.findall(whole(text)) for token in _tokens(clause, "plan")]
    except UnclearError:
        return False
    kinds = {kind for kind, said in tokens if len(said) > 1}
    return "yes" in kinds and "no" not in kinds


def says(kind: str, text: str) -> bool:
    """一个分句有没有某一类说法。"""
    return any(form.search(text) for form in _forms("clause", kind))


def named(said: str, ips: Sequence[str], stages: Mapping[str, str]) -> str:
    """「第一台」「启动失败的那台」「4 退」里的工作站写成地址。"""
    for stage in {*stages.values()}:
        found = [ip for ip in ips if stages.get(ip) == stage]
        for form in _forms("subjects", stage) if len(found) == 1 else ():
            said = form.sub(f" {found[0]} ", said)
    places = {**dict(zip(_ORDINALS, ips, strict=False)), **({"last": ips[-1]} if ips else {})}
    if len(ips) == _PAIR:
        places |= {"former": ips[0], "latter": ips[1]}
    for name, ip in places.items():
        for form in _forms("subjects", name):
            said = form.sub(f" {ip} ", said)
    return _BARE.sub(lambda found: _octet(found, ips), said)


def _octet(found: re.Match[str], ips: Sequence[str]) -> str:
    """「4 退」里的 4；对不上、对得上不止一台的原样。"""
    chosen = [ip for ip in ips if ip.rpartition(".")[2] == str(to_int(found["n"]))]
    return f"{chosen[0]} " if len(chosen) == 1 else found.group()


def _tokens(clause: str, group: str) -> list[Token]:
    """一个分句的记号；没有认出的字合成 ``strange``。"""
    pattern, kinds = _pattern(group)
    found: list[Token] = []
    place = 0
    while place < len(clause):
        match = pattern.match(clause, place)
        kind, text = (kinds[(match.lastindex or 1) - 1], match.group()) if match else ("strange", clause[place])
        if kind == "strange" and found and found[-1][0] == "strange":
            found[-1] = kind, found[-1][1] + text
        else:
            found.append((kind, text))
        place += max(1, len(text))
    return found


@cache
def _pattern(group: str) -> tuple[re.Pattern[str], list[str]]:
    """一组的各类说法合成一个模式，地址最先；连同各类的名字。"""
    data = {"ip": [_IP], **table("decisions")[group]}
    found = "|".join(f"({_CAPTURES.sub('(?:', '|'.join(forms))})" for forms in data.values())
    return re.compile(found, FLAGS), list(data)


@cache
def _forms(group: str, name: str) -> tuple[re.Pattern[str], ...]:
    """一组里的一类说法。"""
    return tuple(re.compile(form, FLAGS) for form in table("decisions")[group].get(name, ()))
