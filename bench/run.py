"""``python -m bench.run``：量全部场景，写出 ``RESULTS.md`` 与 ``results.png``。

``--quick`` 用小的规模，``--only`` 只量一个场景；这两种都只打印，不改 ``RESULTS.md``，除非给出 ``--out``。
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import machine, page, picture
from bench.figures import Scenario, Section, collect
from bench.scenarios import console, engine, idle, resume, startup, wire

HERE = Path(__file__).resolve().parent


def scenarios(*, quick: bool) -> list[Scenario]:
    """全部场景，按先后；``quick`` 的规模太小，读数不与目标比。"""
    every = [
        engine.scenario(quick=quick),
        wire.scenario(50, quick=quick),
        wire.scenario(1, quick=quick),
        resume.scenario(quick=quick),
        startup.scenario(quick=quick),
        idle.scenario(quick=quick),
        console.scenario(quick=quick),
    ]
    return [_without_goals(one) for one in every] if quick else every


def _without_goals(scenario: Scenario) -> Scenario:
    """去掉目标。"""
    return replace(scenario, metrics=tuple(replace(metric, goal=None) for metric in scenario.metrics))


def measure(scenario: Scenario, rounds: int | None) -> Section:
    """量一个场景的各轮，量到哪里、量出什么都先告诉标准错误。"""
    readings = []
    for number in range(rounds or scenario.rounds):
        started = time.monotonic()
        readings.append(scenario.measure())
        sys.stderr.write(f"{scenario.name} 第 {number + 1} 轮，{time.monotonic() - started:.1f} 秒\n")
    section = collect(scenario, readings)
    sys.stderr.write(page.table(section) + "\n")
    return section


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """解析命令行。"""
    parser = argparse.ArgumentParser(prog="bench", description="量速度、内存与恢复")
    parser.add_argument("--quick", action="store_true", help="小规模，每个场景两轮，不判断目标")
    parser.add_argument("--only", choices=[one.name for one in scenarios(quick=True)], help="只量一个场景")
    parser.add_argument("--rounds", type=int, help="每个场景量几轮，默认各有各的")
    parser.add_argument("--out", type=Path, help="结果写到哪个目录；完整的一遍默认写到 bench/")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """量，写，返回退出码：目标都达到为 0，有没达到的为 1。"""
    options = _parse(argv)
    before = machine.load()
    chosen = [one for one in scenarios(quick=options.quick) if options.only in (None, one.name)]
    sections = [measure(one, options.rounds) for one in chosen]
    about = machine.describe(before)
    folder = options.out or (None if options.quick or options.only else HERE)
    drawn = folder is not None and picture.available() and picture.draw(sections, folder / "results.png")
    notes = HERE / "NOTES.md"
    text = page.render(sections, about, notes.read_text(encoding="utf-8") if notes.exists() else "", picture=drawn)
    print(text)
    if folder is not None:
        (folder / "RESULTS.md").write_text(text, encoding="utf-8")
        if not picture.available():
            print("没有 matplotlib，不画图；要画请先 pip install -e '.[bench]'")
    missed = any(figure.met is False for section in sections for figure in section.figures)
    return int(missed)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # 走一遍 finally，收掉子进程
    sys.exit(main())
