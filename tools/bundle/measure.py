"""量一个命令要多少处理器时间与多少秒；同一种做法轮流量几遍，取中位数。"""

import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench import child

HELP_ROUNDS: Final = 7
DEMO_ROUNDS: Final = 3
_SLOWING: Final = "PYTHONDONTWRITEBYTECODE"
"""设了它，虚拟环境每次都要重新编译；整包里早已编译好，那样比不公平。"""


class Cost(NamedTuple):
    """``cpu`` 是处理器秒（用户与系统，连子进程），``wall`` 是钟表秒。"""

    cpu: float
    wall: float


class Pace(NamedTuple):
    """一种做法的快慢。"""

    help: Cost
    demo: Cost


def paces(programs: Mapping[str, Sequence[str]]) -> dict[str, Pace]:
    """逐个量出 ``--help`` 与 ``demo --yes``。

    Args:
        programs: 做法 → 启动程序的 argv。

    Returns:
        做法 → 中位数；第一遍用来热身，不算。

    """
    helps = _rounds(programs, ["--help"], HELP_ROUNDS)
    demos = _rounds(programs, ["demo", "--yes"], DEMO_ROUNDS)
    return {name: Pace(_median(helps[name]), _median(demos[name])) for name in programs}


def _rounds(programs: Mapping[str, Sequence[str]], options: Sequence[str], rounds: int) -> dict[str, list[Cost]]:
    """轮流量，忙闲因此由各种做法分摊。"""
    found: dict[str, list[Cost]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name, argv in programs.items():
            cost = run([*argv, *options])
            if number:
                found[name].append(cost)
    return found


def run(argv: Sequence[str]) -> Cost:
    """在一个空目录里运行一个命令，其余的环境照旧。

    Raises:
        RuntimeError: 它没有以 0 结束。

    """
    env = {name: value for name, value in os.environ.items() if name != _SLOWING}
    with tempfile.TemporaryDirectory() as folder:
        spent = child.run(argv, cwd=Path(folder), env=env)
    return Cost(spent.cpu, spent.wall)


def _median(costs: Sequence[Cost]) -> Cost:
    """逐项取中位数。"""
    return Cost(statistics.median(cost.cpu for cost in costs), statistics.median(cost.wall for cost in costs))
