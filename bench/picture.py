"""把结果画成一张图；没有 matplotlib 就不画。"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure, Section

_FONTS: Final = ["Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "DejaVu Sans"]
_GOOD, _BAD, _OURS, _GREY = "#2a7f62", "#c0392b", "#2f6f9f", "#8a8f98"

_Panel = Callable[[Any], None]


def available() -> bool:
    """有没有 matplotlib。"""
    return find_spec("matplotlib") is not None


def draw(sections: Sequence[Section], path: Path) -> bool:
    """画图存成 PNG：线路的秒数，各项与目标之比；两样都没有（只量了别的，或小规模而没有目标）就不画。

    Returns:
        画了没有。

    """
    seconds = [f for s in sections if s.scenario.name == "wire" for f in s.figures if f.metric.unit == "秒"]
    judged = [f for s in sections for f in s.figures if f.metric.goal is not None and f.metric.goal.most > 0]
    panels: list[tuple[_Panel, int]] = []
    if seconds:
        panels.append((partial(_wire, figures=seconds), 2))
    if judged:
        panels.append((partial(_goals, figures=judged), 3))
    if panels:
        _save(panels, 0.32 * max(len(judged), 2 * len(seconds)) + 1.6, path)
    return bool(panels)


def _save(panels: Sequence[tuple[_Panel, int]], height: float, path: Path) -> None:
    """各幅并排，存成一个文件。"""
    import_module("matplotlib").use("Agg")
    pyplot: Any = import_module("matplotlib.pyplot")
    pyplot.rcParams.update({"font.sans-serif": _FONTS, "font.family": "sans-serif", "axes.unicode_minus": False})
    widths = [width for _, width in panels]
    canvas, axes = pyplot.subplots(
        1, len(panels), figsize=(3 * sum(widths), height), width_ratios=widths, squeeze=False
    )
    for (panel, _), one in zip(panels, axes[0], strict=True):
        panel(one)
    canvas.tight_layout()
    canvas.savefig(path, dpi=90)
    pyplot.close(canvas)


def _wire(axes: Any, figures: Sequence[Figure]) -> None:
    """线路：我们的与参照的，各用了几秒。"""
    colours = [_GREY if "参照" in figure.metric.name else _OURS for figure in figures]
    _bars(axes, figures, [1.0] * len(figures), colours)
    axes.set_title(
        "同时 50 台、应答 20 毫秒：一波的秒数\n（蓝为我们，灰为参照；中位数，细线是最小到最大）", fontsize=10
    )


def _goals(axes: Any, figures: Sequence[Figure]) -> None:
    """各项与目标之比；条尾写读数与目标。"""
    scales = [figure.metric.goal.most if figure.metric.goal else 1.0 for figure in figures]
    _bars(axes, figures, scales, [_GOOD if figure.met else _BAD for figure in figures])
    axes.axvline(1, color="black", linewidth=1, zorder=0)
    axes.set_title("读数 ÷ 目标的上限\n（绿为达到，红为没有；中位数，细线是最小到最大）", fontsize=10)


def _bars(axes: Any, figures: Sequence[Figure], scales: Sequence[float], colours: Sequence[str]) -> None:
    """横条：中位数，误差线是最小到最大，末尾写读数，有目标的连目标。"""
    for place, (figure, scale, colour) in enumerate(zip(figures, scales, colours, strict=True)):
        low, middle, high = (value / scale for value in (min(figure.values), figure.median, max(figure.values)))
        axes.barh(place, middle, color=colour, height=0.6, xerr=[[middle - low], [high - middle]], ecolor="#444")
        said = f" {figure.show(figure.median)} {figure.metric.unit}"
        said += f"（{figure.metric.goal}）" if figure.metric.goal else ""
        axes.text(
            high, place, said, va="center", fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1}
        )
    axes.set_yticks(range(len(figures)), [figure.metric.name for figure in figures], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
