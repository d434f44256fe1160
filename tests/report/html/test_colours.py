"""颜色的测试：色觉异常的人也分得开各种处境，字在底色上看得清。"""

import re
from importlib.resources import files
from itertools import combinations
from typing import Final

import pytest

from pam_deploy_graph.report.html.status_styles import LOOKS

STYLE: Final = (files("pam_deploy_graph.report.html") / "templates" / "looks.css").read_text(encoding="utf-8")
THEMES: Final = dict(zip(("light", "dark"), re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2], strict=True))
SIGHTS: Final = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.1523, 1.0526, -0.2049), (0.1145, 0.7863, 0.0992), (-0.0039, -0.0481, 1.0520)),
    "deuteranopia": ((0.3673, 0.8606, -0.2280), (0.2801, 0.6725, 0.0474), (-0.0118, 0.0429, 0.9689)),
    "tritanopia": ((1.2555, -0.0767, -0.1788), (-0.0784, 0.9308, 0.1476), (0.0047, 0.6914, 0.3039)),
}
"""各种色觉看到的线性 RGB（Machado 等，2009，完全缺失）。"""
DISTINCT, READABLE = 12.0, 4.5
"""CIE76 色差至少这么大算分得开；对比度的下限取自 WCAG AA。"""

Triple = tuple[float, float, float]


def _palette(theme: str) -> dict[str, Triple]:
    """一个主题里的颜色，线性 RGB。"""
    found = dict(re.findall(r"--([\w-]+): #([0-9a-f]+);", THEMES[theme]))
    return {name: _linear(code if len(code) == 6 else "".join(c * 2 for c in code)) for name, code in found.items()}


def _linear(code: str) -> Triple:
    """把 ``rrggbb`` 写成线性 RGB。"""
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return _uncurved(red), _uncurved(green), _uncurved(blue)


def _uncurved(value: float) -> float:
    """去掉 sRGB 的伽马。"""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _seen(colour: Triple, sight: str) -> Triple:
    """某种色觉看到的颜色。"""
    rows = [sum(m * c for m, c in zip(row, colour, strict=True)) for row in SIGHTS[sight]]
    red, green, blue = (min(1.0, max(0.0, value)) for value in rows)
    return red, green, blue


def _lab(colour: Triple) -> Triple:
    """线性 RGB 到 CIE L*a*b*。"""
    red, green, blue = colour
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = _luminance(colour)
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.0888
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _luminance(colour: Triple) -> float:
    """相对亮度。"""
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def _contrast(one: Triple, other: Triple) -> float:
    """WCAG 对比度。"""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", THEMES)
def test_every_pair_of_states_can_be_told_apart(theme: str, sight: str) -> None:
    """任意两种处境的颜色在各种色觉下都分得开；未开工与不在线同色，靠虚线框区分。"""
    palette = _palette(theme)
    keys = [key for key in LOOKS if key != "offline"]
    seen = {key: _lab(_seen(palette[key], sight)) for key in keys}
    pairs = combinations(keys, 2)
    gaps = {pair: sum((a - b) ** 2 for a, b in zip(seen[pair[0]], seen[pair[1]], strict=True)) ** 0.5 for pair in pairs}
    assert {pair: gap for pair, gap in gaps.items() if gap < DISTINCT} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_readable(theme: str) -> None:
    """正文、次要文字、链接、错误行与每种处境的记号，对比度都够。"""
    palette = _palette(theme)
    pairs = [(f"{key}-on", key) for key in LOOKS]
    pairs += [(ink, ground) for ink in ("ink", "soft", "link", "error") for ground in ("paper", "sunk")]
    assert {pair: ratio for pair in pairs if (ratio := _contrast(palette[pair[0]], palette[pair[1]])) < READABLE} == {}
