"""把量出来的数字写进 ``docs/packaging.md``（``make bundle-docs``）；页面其余的字由人写。"""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from tools.bundle.recipe import BUNDLE, DIST, EXCLUDED
from tools.source import PROJECT

PAGE: Final = PROJECT / "docs" / "packaging.md"
FIGURES: Final = DIST / f"{BUNDLE}.json"
ALTERNATIVES: Final = DIST / "alternatives.json"
SMALL: Final = 500_000
"""解开后小于这么多字节的包合成一行。"""
GOALS: Final = {"tar_gz": 30.0, "help": 0.2, "demo": 1.2}
"""目标：tar.gz 至多几 MB，``--help`` 至多几处理器秒，``demo`` 至多是虚拟环境的几倍。"""


def main() -> int:
    """照最近一次构建重写页面里的各块。"""
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    text = replace(text, "figures", "\n".join(goals(figures)))
    text = replace(text, "parts", "\n".join(part_rows(figures)))
    text = replace(text, "excluded", "\n".join(excluded_rows()))
    if ALTERNATIVES.is_file():
        text = replace(text, "alternatives", "\n".join(alternative_rows(figures)))
    PAGE.write_text(text, encoding="utf-8")
    return 0


def replace(text: str, name: str, block: str) -> str:
    """换掉 ``<!-- 名字:起 -->`` 与 ``<!-- 名字:止 -->`` 之间的内容。

    Raises:
        ValueError: 页面里没有这一块。

    """
    start, end = f"<!-- {name}:起 -->", f"<!-- {name}:止 -->"
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{PAGE.name} 里没有 {start} 与 {end}")
    return f"{before}{start}\n\n{block}\n\n{end}{after}"


def megabytes(size: int) -> str:
    """字节数写成 MB（一百万字节）。"""
    return f"{size / 1e6:.1f}"


def goals(figures: dict[str, Any]) -> Iterator[str]:
    """目标与实测的表，以及 glibc 的下限。"""
    bundle, venv = figures["paces"]["bundle"], figures["paces"]["venv"]
    times = bundle["demo"]["cpu"] / venv["demo"]["cpu"]
    size = figures["tar_gz"] / 1e6
    yield "| 项目 | 目标 | 实测 | |"
    yield "| --- | --- | --- | --- |"
    yield f"| `tar.gz` | 至多 {GOALS['tar_gz']:.0f} MB | {size:.1f} MB | {_mark(size, 'tar_gz')} |"
    yield f"| 解开之后 | | {megabytes(figures['unpacked'])} MB | |"
    help_cpu = bundle["help"]["cpu"]
    yield f"| `--help`，处理器秒 | 至多 {GOALS['help']} | {help_cpu:.2f} | {_mark(help_cpu, 'help')} |"
    yield (
        f"| `demo --yes`，处理器秒，与虚拟环境之比 | 至多 {GOALS['demo']} 倍 "
        f"| {bundle['demo']['cpu']:.2f} 比 {venv['demo']['cpu']:.2f}，{times:.2f} 倍 | {_mark(times, 'demo')} |"
    )
    yield ""
    yield (
        f"glibc {figures['glibc']} 起，由 {'、'.join(f'`{name}`' for name in figures['glibc_asked_by'])} 决定；"
        f"依赖的 wheel 里的二进制自己只要 {figures['glibc_of_wheels']}。"
    )


def _mark(value: float, goal: str) -> str:
    """达到没有。"""
    return "达到" if value <= GOALS[goal] else "没有达到"


def part_rows(figures: dict[str, Any]) -> Iterator[str]:
    """各部分的大小；小的合成一行。"""
    large = [part for part in figures["parts"] if part["size"] >= SMALL]
    small = [part for part in figures["parts"] if part["size"] < SMALL]
    rows = [
        *large,
        {"name": f"其余 {len(small)} 个包", **{key: sum(p[key] for p in small) for key in ("size", "packed")}},
    ]
    yield "| 部分 | 解开后 MB | 单独压缩 MB |"
    yield "| --- | ---: | ---: |"
    for row in rows:
        yield f"| {row['name']} | {megabytes(row['size'])} | {megabytes(row['packed'])} |"


def excluded_rows() -> Iterator[str]:
    """不收的模块与理由。"""
    yield "| 不收 | 因为 |"
    yield "| --- | --- |"
    for reason, modules in EXCLUDED.items():
        yield f"| {'、'.join(f'`{module}`' for module in modules)} | {reason} |"


def alternative_rows(figures: dict[str, Any]) -> Iterator[str]:
    """别的做法的大小与快慢；第一行是整包自己。"""
    measured = json.loads(ALTERNATIVES.read_text(encoding="utf-8"))
    ours = {"name": "整包（一个目录）", "shipped": figures["tar_gz"], "unpacked": figures["unpacked"]}
    ours |= {"needs": "glibc、libz、bash、curl", **figures["paces"]["bundle"]}
    yield "| 做法 | 要送去的 MB | 装好占 MB | 第一次 `--help` | 以后 `--help` | `demo` | 目标机还要有 |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for row in [ours, *measured]:
        unpacked = megabytes(row["unpacked"]) if row["unpacked"] else "—"
        later = row["help"]["cpu"]
        paces = " | ".join(f"{cpu:.2f}" for cpu in (row.get("first", later), later, row["demo"]["cpu"]))
        yield f"| {row['name']} | {megabytes(row['shipped'])} | {unpacked} | {paces} | {row['needs']} |"


if __name__ == "__main__":
    sys.exit(main())
