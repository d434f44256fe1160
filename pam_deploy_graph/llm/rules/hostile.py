"""认出想改变规矩的话，并找出混在它后面的真请求（依据 contract 第 4 节）。"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from pam_deploy_graph.i18n import tr
from pam_deploy_graph.llm.rules.key_values import hide_secrets
from pam_deploy_graph.llm.text.lexicon import words
from pam_deploy_graph.llm.text.normalise import as_written, fold_look_alikes, normalise, too_long

_SENTENCE: Final = re.compile(r"(?:[^。!?\n.]|\.(?!\s|$))*(?:[。!?\n.]|$)\s*")
_MOST: Final = 10
"""请求最迟从后面第几句起。"""
_SHOWN: Final = 60


def is_hostile(text: str) -> bool:
    """原话里有没有想改变规矩的话；过长的也算。"""
    return bool(too_long(text)) or hostile_from(normalise(text)) is not None


def hostile_from(text: str) -> int | None:
    """归一化的文字里，想改变规矩的话从哪里开始；没有为空。"""
    return _first(text, "hostile", "forged")


def requests_after(text: str, start: int) -> Iterator[tuple[str, str]]:
    """想改变规矩的那一句整句去掉之后，依次给出后面可信的句子，以及从它到下一句不可信的为止的文字。

    Args:
        text: 归一化的文字。
        start: 想改变规矩的话从哪里开始。

    Yields:
        一句话，连同它后面的话；伪造对话、计划的之后一律不给。

    """
    if _first(text, "forged") is not None:
        return
    sentences = [match.group() for match in islice(_SENTENCE.finditer(text, start), 1, None)]
    credible = [_credible(sentence) for sentence in sentences]
    for index, sentence in enumerate(sentences[:_MOST]):
        if credible[index]:
            end = credible.index(False, index) if False in credible[index:] else len(sentences)
            yield sentence, "".join(sentences[index:end])


def left_out(text: str, read: str) -> str:
    """告诉操作员哪些话没有理会。"""
    rest = " ".join(hide_secrets(as_written(text.replace(read, " ", 1) if read else text)).split())
    shown = rest if len(rest) <= _SHOWN else rest[:_SHOWN] + "……"
    return tr("请求里有想改变规矩的话，没有理会「{shown}」：计划与批准的规矩不因一句话而变", shown=shown)


def _credible(sentence: str) -> bool:
    """一句话既不想改变规矩，也不想绕过批准、打听秘密。"""
    return bool(sentence.strip()) and _first(sentence, "hostile", "forged", "bypass") is None


def _first(text: str, *groups: str) -> int | None:
    """几组说法最早出现在哪里。"""
    folded = fold_look_alikes(text)
    found = [match.start() for group in groups for form in words(group) if (match := form.search(folded))]
    return min(found, default=None)
