"""问的是哪一类事：谁批准的、为什么失败、还剩哪些、什么版本、还要多久……（说法在 ``questions.toml``）。

只认整句都是问句的：有一个分句说的是别的，就不当作这里的问题；答问题什么也不改变。
"""

import re
from functools import cache
from typing import Final

from pam_deploy_graph.llm.text.lexicon import FLAGS, compile_all, table
from pam_deploy_graph.llm.text.normalise import normalise

_LONGEST: Final = 200
_CLAUSE: Final = re.compile(r"[^,;。!?\n]+")
_ADDRESS: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?:\s*-\s*[\d.]+)?(?!\.?\d)")
_NOT_WORDS: Final = re.compile(r"[\W_]+")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")


def question_kinds(text: str) -> tuple[str, ...]:
    """一句话问了哪几类事，先后为序；不是问句、问的是别的为空。

    Args:
        text: 操作员的原话，名称已换成地址。

    """
    said = normalise(text).lower()
    if len(said) > _LONGEST:
        return ()
    kinds: list[str] = []
    for clause in _CLAUSE.findall(_ADDRESS.sub(" ", said)):
        bare = clause.strip()
        if not _NOT_WORDS.sub("", _filler().sub("", bare)):
            continue
        if any(form.search(bare) for form in _orders()):
            return ()
        kind = next((name for name in _kinds() if _asks(name, bare)), "")
        if not kind:
            return ()
        kinds.append(kind)
    return tuple(dict.fromkeys(kinds))


def in_english(text: str) -> bool:
    """是不是用英文说的：一个汉字也没有。"""
    return not _CHINESE.search(text)


def _asks(name: str, clause: str) -> bool:
    """一个分句问的是不是这一类。"""
    says, unless = _kinds()[name]
    return any(form.search(clause) for form in says) and not any(form.search(clause) for form in unless)


@cache
def _kinds() -> dict[str, tuple[tuple[re.Pattern[str], ...], tuple[re.Pattern[str], ...]]]:
    """各类的说法与不算的说法，照次序。"""
    data = table("questions")
    words = data["lexicon"]
    return {
        row["name"]: (compile_all(row["says"], **words), compile_all(row.get("unless", []), **words))
        for row in data["kind"]
    }


@cache
def _orders() -> tuple[re.Pattern[str], ...]:
    """吩咐做什么的说法。"""
    return compile_all(table("questions")["orders"]["says"])


@cache
def _filler() -> re.Pattern[str]:
    """不改变意思的词。"""
    return re.compile("|".join(table("questions")["filler"]["says"]), FLAGS)
