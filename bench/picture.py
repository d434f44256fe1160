"""把结果画成一张图；没有 matplotlib 就不画。"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure, Section

_FONTS: Final = ["Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "DejaVu Sans"]
_GOOD, _BAD, _GREY = "#2a7f62", "#c0392b", "#8a8f98"


def available() -> bool:
    """有没有 matplotlib。"""
    return find_spec("matplotlib") is not None


def draw(sections: Sequence[Section], path: Path) -> None:
    """画图存成 PNG：左边是线路的秒数，右边是各项与目标之比。"""
    import_module("matplotlib").use("Agg")
    pyplot: Any = import_module("matplotlib.pyplot")
    pyplot.rcParams.update({"font.sans-serif": _FONTS, "font.family": "sans-serif", "axes.unicode_minus": False})
    seconds = [f for s in sections if s.scenario.name == "wire" for f in s.figures if f.metric.unit == "秒"]
    judged = [f for s in sections for f in s.figures if f.metric.goal is not None and f.metric.goal.most > 0]
    canvas, (left, right) = pyplot.subplots(1, 2, figsize=(15, 0.32 * len(judged) + 1.6), width_ratios=(2, 3))
    _bars(left, seconds, [1.0] * len(seconds), [_GREY if "参照" in f.metric.name else _GOOD for f in seconds])
    left.set_title("同时 50 台、应答 20 毫秒：一波的秒数")
    scales = [f.metric.goal.most if f.metric.goal else 1.0 for f in judged]
    _bars(right, judged, scales, [_GOOD if f.met else _BAD for f in judged])
    right.axvline(1, color="black", linewidth=1)
    right.set_title("读数 ÷ 目标的上限（绿为达到，红为没有；细线是最小到最大）")
    canvas.tight_layout()
    canvas.savefig(path, dpi=90)
    pyplot.close(canvas)


def _bars(axes: Any, figures: Sequence[Figure], scales: Sequence[float], colours: Sequence[str]) -> None:
    """横条：中位数，误差线是最小到最大，末尾写数。"""
    for place, (figure, scale, colour) in enumerate(zip(figures, scales, colours, strict=True)):
        low, middle, high = (value / scale for value in (min(figure.values), figure.median, max(figure.values)))
        axes.barh(place, middle, color=colour, height=0.6, xerr=[[middle - low], [high - middle]], ecolor="#444")
        axes.text(high, place, f" {figure.show(figure.median)} {figure.metric.unit}", va="center", fontsize=8)
    axes.set_yticks(range(len(figures)), [figure.metric.name for figure in figures], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
