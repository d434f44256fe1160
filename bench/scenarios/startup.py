"""场景 startup：命令起步要多少 CPU，与空的解释器比。"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from bench import child
from bench.figures import Goal, Metric, Scenario
from bench.fleet import PARAMS

_PROGRAM: Final = [sys.executable, "-m", "pam_deploy_graph"]
_COMMANDS: Final = {"help": ["--help"], "run-help": ["run", "--help"], "status": ["status"]}


@contextmanager
def _home() -> Iterator[Path]:
    """一个目录，里面有一次做完的演练。"""
    with tempfile.TemporaryDirectory() as name:
        given = [part for key, value in PARAMS.items() for part in ("--param", f"{key}={value}")]
        child.run([*_PROGRAM, "run", *given, "--strategy", "fake", "--yes"], cwd=Path(name))
        yield Path(name)


def measure() -> Mapping[str, float]:
    """量一轮。"""
    with _home() as home:
        cpu = partial(_cpu, home)
        readings = {"bare": cpu([sys.executable, "-c", "pass"])}
        return readings | {key: cpu([*_PROGRAM, *arguments]) for key, arguments in _COMMANDS.items()}


def _cpu(home: Path, argv: list[str]) -> float:
    """一个命令从头到尾的 CPU，秒。"""
    return child.run(argv, cwd=home).cpu


def scenario(*, quick: bool) -> Scenario:
    """返回这个场景。"""
    return Scenario(
        "startup",
        "起步：命令从头到尾的 CPU",
        "status 的目录里有一次做完的 8 台演练。",
        2 if quick else 7,
        (
            Metric("bare", "参照：python -c pass", "CPU 秒", 3),
            Metric("help", "--help", "CPU 秒", 3, Goal(0.2)),
            Metric("run-help", "run --help", "CPU 秒", 3),
            Metric("status", "status", "CPU 秒", 3),
        ),
        measure,
    )
