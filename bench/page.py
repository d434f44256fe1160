"""把结果写成 Markdown。"""

from collections.abc import Iterator, Sequence

from bench.figures import Figure, Section

_MET = {True: "是", False: "**否**", None: ""}
_HEAD = "| 量 | 单位 | 中位数 | 最小–最大 | 目标 | 达到 |\n| --- | --- | ---: | ---: | ---: | :-: |"


def render(sections: Sequence[Section], machine: Sequence[str], notes: str, *, picture: bool) -> str:
    """写出整页。

    Args:
        sections: 各场景的结果。
        machine: 机器与版本的几行。
        notes: 附在后面的说明，可以为空。
        picture: 旁边有没有图。

    Returns:
        Markdown 全文。

    """
    return "\n\n".join(_parts(sections, machine, notes, picture=picture)) + "\n"


def _parts(sections: Sequence[Section], machine: Sequence[str], notes: str, *, picture: bool) -> Iterator[str]:
    """逐段给出。"""
    judged = [figure for section in sections for figure in section.figures if figure.met is not None]
    met = sum(bool(figure.met) for figure in judged)
    yield "# 量出来的数字"
    yield (
        "由 `make bench` 写出。每个读数都来自新开的进程，CPU 与内存按操作系统的账（getrusage、wait4）；"
        "参照物与我们的在同一轮里先后量，比值逐轮算出再取中位数。"
    )
    yield "\n".join(f"- {line}" for line in machine)
    yield f"目标 {len(judged)} 项，达到 {met} 项（按中位数）。" if judged else "小规模的读数，不与目标比。"
    if picture:
        yield "![各项与目标之比](results.png)"
    for section in sections:
        yield f"## {section.scenario.title}"
        yield f"{section.scenario.about}（{len(section.figures[0].values)} 轮）"
        yield table(section)
    if notes:
        yield notes.strip()


def table(section: Section) -> str:
    """一个场景的表。"""
    return "\n".join([_HEAD, *map(_row, section.figures)])


def _row(figure: Figure) -> str:
    """一个指标的一行。"""
    spread = f"{figure.show(min(figure.values))}–{figure.show(max(figure.values))}"
    goal = str(figure.metric.goal or "")
    cells = (figure.metric.name, figure.metric.unit, figure.show(figure.median), spread, goal, _MET[figure.met])
    return f"| {' | '.join(cells)} |"
