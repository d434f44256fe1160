"""没有哪条规则说得准时，看整句的用字最像哪种意图（缘由见 ``docs/adr/0003-wording.md``）。"""

import math
import re
from functools import cache
from typing import Final

from pam_deploy_graph.llm.rules.draft import MASK, squeeze
from pam_deploy_graph.llm.text.lexicon import FLAGS, rows
from pam_deploy_graph.llm.validation import Intent

INTENTS: Final = tuple(Intent)
"""权重表各列的次序。"""
LONGEST: Final = 4
"""最长取几个连着的字。"""
_NAMES: Final = re.compile(r"[a-z][\w-]*/[\w-]+|[a-z]*\d[\w.-]*", FLAGS)
_SCALE: Final = 100


def grams(heard: str) -> frozenset[str]:
    """一句话里一至四个连着的字；名字、数字与遮去的部分都写成 ``#``。

    Args:
        heard: 遮去了参数的文字。

    Returns:
        各不相同的片段，首尾另有记号。

    """
    text = squeeze(_NAMES.sub(MASK, heard.lower())).replace(MASK, "#")
    text = f"^{' '.join(text.split())}$"
    return frozenset(text[at : at + size] for size in range(1, LONGEST + 1) for at in range(len(text) - size + 1))


def likeliest(heard: str) -> tuple[Intent, float]:
    """整句最像的意图。

    Args:
        heard: 遮去了参数的文字。

    Returns:
        意图和把握（0 到 1）。

    """
    found = grams(heard)
    known = [weights for gram in found if (weights := _weights().get(gram))]
    scale = _SCALE * math.sqrt(len(found))
    totals = [sum(column) / scale for column in zip(*known, strict=True)] or [0.0] * len(INTENTS)
    shares = softmax(totals)
    best = max(range(len(INTENTS)), key=shares.__getitem__)
    return INTENTS[best], shares[best]


def softmax(totals: list[float]) -> list[float]:
    """把各项的分数变成加起来是 1 的份额。"""
    top = max(totals)
    powers = [math.exp(total - top) for total in totals]
    return [power / sum(powers) for power in powers]


@cache
def _weights() -> dict[str, tuple[int, ...]]:
    """片段的权重，由 ``python -m tools.train_wording`` 写成。"""
    return {row["gram"]: tuple(map(int, row["weights"].split())) for row in rows("wording")}
