"""地址的各种省写，先写成完整的地址，后面的规则因此只需认一种写法（依据 contract 第 2、4 节）。

认得 ``10.0.0.{2,4}``、``10.0.0.[2-4]``、「10.0.0 段的 2 到 4 号」「10.0.0.6 起往后三台」「.6」，
以及说过一个范围之后「其中 4 别碰」里的 4。
"""

import re
from collections.abc import Sequence
from functools import partial
from ipaddress import IPv4Address
from itertools import product
from typing import Final

from pam_deploy_graph.errors import InvalidInputError
from pam_deploy_graph.inputs.addresses import expand_ips
from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table
from pam_deploy_graph.llm.text.numbers import to_int
from pam_deploy_graph.llm.text.traced import Traced

_IP: Final = r"(?<![\w.])(?P<ip>\d{1,3}(?:\.\d{1,3}){3})(?!\.?\d)"
_PREFIX: Final = r"(?<![\w.])(?P<prefix>\d{1,3}(?:\.\d{1,3}){2})(?!\.?\d)"
_SET: Final = r"[\[{(]\s*\d[\d\s,、/~|.-]*[\]})]"
_BRACED: Final = re.compile(
    rf"(?<![\w.])(?=[\d.]*\.\d{{0,2}}[\[{{(])(?:\d{{1,3}}|{_SET})(?:\.(?:\d{{0,2}}{_SET}|\d{{1,3}})){{3}}", FLAGS
)
_PART: Final = re.compile(rf"(\d{{0,2}})({_SET})|(\d{{1,3}})")
_OCTETS: Final = r"(?P<octets>\d{1,3}(?:\s*(?:-|~|到|至|、|,|和|及|\s|\bto\b|\band\b)\s*\d{1,3})*)(?!\.?\d)"
_STEP: Final = re.compile(r"(\d{1,3})(?:\s*(?:-|~|\.\.|到|至|\bto\b)\s*(\d{1,3}))?", FLAGS)
_SEGMENT: Final = tuple(
    re.compile(form.replace("{PREFIX}", _PREFIX).replace("{OCTETS}", _OCTETS), FLAGS)
    for form in table("addresses")["segment"]
)
_SLASHED: Final = compile_all([table("addresses")["slashed"]], IP=_IP)[0]
_ONWARD: Final = compile_all(table("addresses")["onward"], IP=_IP)
_SHORT: Final = re.compile(
    r"(?<![\w.\])}])(?:尾号|末位|\bdot\s|点|(?=\.))\s?\.?(\d{1,3})(?:\s*号)?(?![\w.]|\s*(?:台|个|%|版))", FLAGS
)
_UNTO: Final = re.compile(
    rf"{_IP}\s*(?:-|~|到|至|\bto\b|\bthrough\b|\bthru\b)\s*(?:(?:the\s*)?\.(\d{{1,3}})|([一二三四五六七八九十]{{1,3}}))"
    r"(?![\d.]|\s*[台个批])",
    FLAGS,
)
_ADDRESS: Final = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:\s*(?:-|~|到|至|to|through)\s*\d{1,3}(?:\.\d{1,3}){0,3})?(?!\.?\d)", FLAGS
)
_ONE_OF: Final = re.compile(
    r"(?<![\w.:/+-])(?:(\d{1,3})(?:\s*号)?(?![\w.:/%+-]|\s*(?:台|个|批|秒|分|小时|次|版|%|点|月|日|seconds?\b|min|sec"
    r"|at a time)|\s+(?!(?:and|or|out|off|alone|is|are|stays?|please|pls|also|too|both|as|for)\b)[a-z])"
    r"|([一二三四五六七八九十]{1,3})(?=\s*(?:那台|这台|号)))",
    FLAGS,
)
_CLAUSE: Final = re.compile(r"[,。;!?\n:(]|\.\s")
_SPARED: Final = compile_all(table("addresses")["spared"])
_PACED: Final = compile_all(table("addresses")["paced"])
_MOST: Final = 255


def spell_out(heard: Traced, shown: Sequence[str] = ()) -> Traced:
    """把省写的地址写全。

    Args:
        heard: 归一化了的一句话。
        shown: 眼前的工作站：前面没有说过地址时，「.6」「6 号」说的是它们。

    """
    heard = heard.sub(_BRACED, _product).sub(_SLASHED, _listed)
    for form in _SEGMENT:
        heard = heard.sub(form, lambda found: _joined(found["prefix"], found["octets"]))
    for form in _ONWARD:
        heard = heard.sub(form, _onward)
    heard = heard.sub(_UNTO, _unto)
    prefix = shown[0].rpartition(".")[0] if shown else ""
    heard = heard.sub(_SHORT, partial(_short, prefix=prefix))
    known = _mentioned(heard.text) or _mentioned("、".join(shown))
    return heard.sub(_ONE_OF, partial(_one_of, known=known, shown=bool(shown)))


def _values(part: str) -> list[str]:
    """``{2,4-6}`` 里的各个数，最多 256 个。"""
    found: list[str] = []
    for low, high in _STEP.findall(part):
        found += [str(value) for value in range(int(low), min(int(high or low), _MOST) + 1)]
    return found


def _product(found: re.Match[str]) -> str:
    """``10.9.{1,2}.20`` 写成两个地址；颠倒的、太多的原样留着。"""
    parts = [[one] if one else [low + value for value in _values(several)] for low, several, one in _octets(found)]
    combined = [".".join(parts) for parts in product(*parts)]
    return "、".join(combined) if 0 < len(combined) <= _MOST else found.group()


def _octets(found: re.Match[str]) -> list[tuple[str, str, str]]:
    """一个地址的四段：``1{2,5}`` 是前面的数字与后面的几个，或者一个数。"""
    return _PART.findall(found.group())


def _joined(prefix: str, octets: str) -> str:
    """前三段与各个末段合起来。"""
    return "、".join(f"{prefix}.{low}-{high}" if high else f"{prefix}.{low}" for low, high in _STEP.findall(octets))


def _listed(found: re.Match[str]) -> str:
    """「10.0.0.3/7/9」写成清单。"""
    prefix = found["ip"].rpartition(".")[0]
    return "、".join([found["ip"], *(f"{prefix}.{octet}" for octet in found["more"].split("/")[1:])])


def _onward(found: re.Match[str]) -> str:
    """「起往后三台」连自己三台；另说了「一共四台」的以它为准，「接下来两台」不含自己。"""
    groups = found.groupdict()
    count = to_int(groups["total"] or groups["n"]) if groups.get("total") else to_int(groups["n"])
    count += bool(groups.get("next")) and not groups.get("total")
    try:
        last = IPv4Address(found["ip"]) + (count - 1)
    except ValueError:
        return found.group()
    return f"{found['ip']}-{last}" if 1 < count <= _MOST else found.group()


def _unto(found: re.Match[str]) -> str:
    """「10.0.0.2 through .4」「10.0.0.2 到 五」写成范围。"""
    return f"{found['ip']}-{found[2] or to_int(found[3])}"


def _short(found: re.Match[str], prefix: str) -> str:
    """「.6」接在前面最近的地址的三段之后；前面没有地址的原样。"""
    before = list(_ADDRESS.finditer(found.string, 0, found.start()))
    known = before[-1].group().rpartition(".")[0] if before else prefix
    known = ".".join(known.split(".")[:3])
    return f" {known}.{found[1]}" if known and int(found[1]) <= _MOST else found.group()


def _mentioned(text: str) -> dict[str, str]:
    """说过的范围与清单里，各个末段是哪一台；一个末段指两台的不算。"""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for match in _ADDRESS.finditer(text):
        spelled = re.sub(r"\s*(?:-|~|到|至|to|through)\s*", "-", match.group())
        try:
            several = expand_ips(spelled, limit=_MOST)
        except InvalidInputError:
            continue
        for ip in several:
            octet = ip.rpartition(".")[2]
            twice |= {octet} if found.setdefault(octet, ip) != ip else set()
    return {octet: ip for octet, ip in found.items() if octet not in twice} if len(found) > 1 else {}


def _one_of(found: re.Match[str], known: dict[str, str], *, shown: bool) -> str:
    """说过一个范围之后，「其中 4 别碰」里的 4 是哪一台；不在其中的、没有说不要的原样。"""
    octet = found[1] or str(to_int(found[2]))
    text = found.string
    start = max((cut.end() for cut in _CLAUSE.finditer(text, 0, found.start())), default=0)
    cut = _CLAUSE.search(text, found.end())
    clause = text[start : cut.start() if cut else len(text)]
    within = any(one.start() < found.end() and found.start() < one.end() for one in _ADDRESS.finditer(text))
    spared = any(form.search(clause) for form in _SPARED) and not any(form.search(clause) for form in _PACED)
    if within or not spared or octet not in known or not (shown or _ADDRESS.search(text, 0, found.start())):
        return found.group()
    return f"{known[octet]} "
