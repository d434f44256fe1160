"""读决定要用的词与分句：说法在 ``decisions.toml``。"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from pam_deploy_graph.llm.rules.hostile import hostile_from
from pam_deploy_graph.llm.text.colloquial import plain
from pam_deploy_graph.llm.text.lexicon import FLAGS, table
from pam_deploy_graph.llm.text.normalise import trace
from pam_deploy_graph.llm.text.numbers import to_int, write_dots

CLAUSE: Final = re.compile(r"(?:[^,;。!\n.]|\.(?=\S))+")
APART: Final = re.compile(
    r"(?<![0-9a-f]):|:(?![0-9a-f:])|\s-\s|(?<=[\u4e00-\u9fff]) (?=另|其余|剩)|(?<=[^除][了吧]) (?=\d{1,3}\.\d)"
)
"""冒号、破折号、另起一个对象的空格，也分开分句。"""
AMENDS: Final = "\x1e"
"""「哦不」「说错了」换成这个字，后面的改了前面的。"""
LONGEST: Final = 2_000


_ORDINALS: Final = ("first", "second", "third")
_NUMBER: Final = r"\d{1,3}|[一二三四五六七八九十]{1,3}|\b(?:one|two|three|four|five|six|seven|eight|nine|ten)\b"
_BARE: Final = re.compile(
    rf"(?:(?:尾号|尾数|末位|点|\bnumber)\s?(?:是|为)?\s?)?(?<![\w.一二三四五六七八九十第-])(?P<n>{_NUMBER})(?:\s*号机?)?(?:\s*的)?"
    r"(?=\s*(?:那台|这台|那个)?[\s,]*(?:也|都|就|先|给它|和|、|gets?|stays?)*\s*(?:\d|yes|no\b|退|回滚|回退|重|再|别|不|保|维|留|放|搁|roll|retry|back|leave|keep|stay|$|[,.;]))",
    FLAGS,
)


class UnclearError(Exception):
    """听不懂，或自相矛盾。"""


def whole(text: str) -> str:
    """归一化的整句；太长的、想改变规矩的不读：只读开头会漏掉后面的「除了」。"""
    said = write_dots(plain(trace(text))).text.lower()
    if len(said) > LONGEST or hostile_from(said) is not None:
        raise UnclearError
    return said


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """编译一次。"""
    return re.compile(pattern, FLAGS)


def says(kind: str, text: str, group: str = "") -> bool:
    """一段文字有没有某一类说法。"""
    return any(form.search(text) for form in forms(group, kind))


@cache
def forms(group: str, name: str) -> tuple[re.Pattern[str], ...]:
    """一组里的一类说法。"""
    data = table("decisions")
    return tuple(re.compile(form, FLAGS) for form in (data[group] if group else data).get(name, ()))


def named(said: str, ips: Sequence[str], stages: Mapping[str, str]) -> str:
    """「第一台」「启动失败的那台」「4 退」里的工作站写成地址，更正的话另起一个分句。"""
    for form in forms("", "corrected"):
        said = form.sub(f",{AMENDS}", said)
    said = APART.sub(",", said)
    for stage in {*stages.values()}:
        found = [ip for ip in ips if stages.get(ip) == stage]
        for form in forms("subjects", stage) if len(found) == 1 else ():
            said = re.sub(rf"(?:{form.pattern})", f" {found[0]} ", said, flags=FLAGS)
    for name, ip in zip(_ORDINALS, ips, strict=False):
        for form in forms("subjects", name):
            said = form.sub(f" {ip} ", said)
    return _BARE.sub(lambda found: _octet(found, ips), said)


def _octet(found: re.Match[str], ips: Sequence[str]) -> str:
    """「4 退」里的 4；对不上、对得上不止一台的原样。"""
    chosen = [ip for ip in ips if ip.rpartition(".")[2] == str(to_int(found["n"]))]
    return f"{chosen[0]} " if len(chosen) == 1 else found.group()
