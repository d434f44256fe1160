"""更正的说法：「浦东说错了，应该是虹桥」「2.2.1，哦不，2.2.2」；机场、版本、IP 共用（依据 contract 第 2 节）。"""

from pam_deploy_graph.llm.rules.draft import lead
from pam_deploy_graph.llm.text.lexicon import words


def is_withdrawn(text: str, start: int, end: int) -> bool:
    """这一处说完之后，是不是马上说它错了。"""
    before = lead(text, start)
    return any(form.match(text, end) for form in words("wrong_after")) or any(
        form.search(before) for form in words("wrong_before")
    )


def is_corrected(text: str, start: int, end: int) -> bool:
    """这一处是不是更正之后的值。"""
    after = any(form.match(text, end) for form in words("right_after"))
    return after or any(form.search(lead(text, start)) for form in words("right_before"))


def kept(text: str, spans: list[tuple[int, int]]) -> list[bool]:
    """同一项说了几处时，哪几处还算数。

    Args:
        text: 归一化的文字。
        spans: 各处的起止位置，按先后。

    Returns:
        逐处的真假；有更正的只留更正，说错了的不留，全都说错的等于没有更正过。

    """
    right = [is_corrected(text, start, end) for start, end in spans]
    wrong = [is_withdrawn(text, *span) for span in spans]
    if any(wrong) and not all(wrong):
        return [not flag for flag in wrong]
    return right if any(right) else [True] * len(spans)
