"""口语、方言、错字换成普通的写法，后面的规则因此只需认一种写法。"""

import re
from difflib import get_close_matches
from functools import cache
from typing import Final

from pam_deploy_graph.llm.text.lexicon import FLAGS, table
from pam_deploy_graph.llm.text.traced import Traced

_LATIN: Final = re.compile(r"(?<![\w./@:=-])[a-z]{5,14}(?![\w/@:=-]|\.\w)", FLAGS)
"""单独的英文词；连着斜线、连字符、点、等号的多半是名字，不动。"""
_CLOSE: Final = 0.83
"""两个词相同的字母占多少才算打错：``depoly`` 与 ``deploy`` 是 0.83。"""


def plain(text: Traced) -> Traced:
    """换成普通的写法。

    Args:
        text: 归一化之后的文字，任何长度。

    Returns:
        同样意思的文字：粤语与方言的词换成普通话，部署、升级这些要紧的词打错了就改正；其余不变。

    """
    for pattern, replacement in _sayings():
        text = text.sub(pattern, replacement)
    return text.sub(_LATIN, lambda match: _respell(match.group()))


@cache
def _sayings() -> tuple[tuple[re.Pattern[str], str], ...]:
    """词表里的说法。"""
    pairs = table("colloquial")["sayings"]
    return tuple((re.compile("".join(said), FLAGS), meant.replace("$", "\\")) for said, meant in pairs)


@cache
def _spellings() -> tuple[dict[str, list[str]], frozenset[str]]:
    """要紧的英文词按首字母分组，以及不能当成错字的词。"""
    words = table("colloquial")["english"].split()
    groups = {first: [word for word in words if word[0] == first] for first in {word[0] for word in words}}
    return groups, frozenset(table("colloquial")["real_words"].split())


def _respell(word: str) -> str:
    """打错的要紧词改正；它的变形（deploys、upgraded）和别的词原样。"""
    groups, real_words = _spellings()
    low = word.lower()
    candidates = groups.get(low[0], [])
    if low in real_words or any(low.startswith(right.removesuffix("e")) for right in candidates):
        return word
    found = get_close_matches(low, candidates, n=1, cutoff=_CLOSE)
    return found[0] if found else word
