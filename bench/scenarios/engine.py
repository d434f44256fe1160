"""场景 engine：假后端走图，量一个动作的 CPU、落盘字节、内存和检查点。"""

import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench import child
from bench.figures import Goal, Metric, Scenario
from bench.fleet import ACTIONS_PER_WORKSTATION


@dataclass(frozen=True, slots=True)
class Load:
    """一种负载：台数与同时几台。"""

    workstations: int
    parallel: int

    @property
    def key(self) -> str:
        """读数名字的前缀。"""
        return f"{self.workstations}@{self.parallel}"

    @property
    def title(self) -> str:
        """给人看的写法。"""
        return f"{self.workstations:,} 台，同时 {self.parallel}"


def size_on_disk(path: Path) -> int:
    """把 WAL 并回去之后数据库的字节数。"""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))


def measure_load(load: Load) -> dict[str, float]:
    """量一种负载。"""
    with tempfile.TemporaryDirectory() as folder:
        spent = child.run(child.driver("fleet", "start", load.workstations, load.parallel), cwd=Path(folder))
        runtime = Path(folder) / "runtime"
        disk, checkpoints = (size_on_disk(runtime / name) for name in ("pam.db", "checkpoints.sqlite"))
    if spent.report["exit_code"] != 0:
        raise RuntimeError(f"{load.title}：退出码 {spent.report['exit_code']}，应为 0")
    actions = load.workstations * ACTIONS_PER_WORKSTATION
    return {
        f"{load.key}:cpu": 1000 * spent.report["cpu"] / actions,
        f"{load.key}:disk": disk / actions,
        f"{load.key}:peak": spent.peak_mb,
        f"{load.key}:checkpoints": checkpoints / 1e6,
    }


def _metrics(load: Load, *, judged: bool) -> tuple[Metric, ...]:
    """一种负载的指标；``judged`` 为假的台数太少，固定开销占多数，不设目标。"""
    most = 0.06 if load.parallel > 1 else 0.4
    rows = (
        ("cpu", "每个动作的 CPU", "毫秒", 4, most),
        ("disk", "每个动作的账本", "字节", 0, 450.0),
        ("peak", "内存峰值", "MB", 0, 130.0),
        ("checkpoints", "图的检查点", "MB", 3, 1.0),
    )
    return tuple(
        Metric(f"{load.key}:{key}", f"{load.title}：{name}", unit, digits, Goal(goal) if judged else None)
        for key, name, unit, digits, goal in rows
    )


def scenario(*, quick: bool) -> Scenario:
    """返回这个场景；``quick`` 为真时台数是十分之一。"""
    scale = 10 if quick else 1
    small, middle, large = (Load(count // scale, 50) for count in (100, 1_000, 10_000))
    loads = (small, middle, large, Load(1_000 // scale, 1))

    def measure() -> Mapping[str, float]:
        """量一轮。"""
        readings = {key: value for load in loads for key, value in measure_load(load).items()}
        for key in ("cpu", "disk"):
            ratio = readings[f"{large.key}:{key}"] / readings[f"{middle.key}:{key}"]
            readings[f"growth:{key}"] = ratio * large.workstations / middle.workstations
        return readings

    growth = f"{middle.workstations:,} → {large.workstations:,} 台的增长"
    return Scenario(
        "engine",
        "引擎：假后端走图",
        f"每台 {ACTIONS_PER_WORKSTATION} 个动作，外加开工前的一次查询；"
        "CPU 从批准计划算到图走完，含账本与检查点；内存含解释器与全部导入。",
        2 if quick else 5,
        (
            *(metric for load in loads for metric in _metrics(load, judged=load is not small)),
            Metric("growth:cpu", f"{growth}：CPU", "倍", 2, Goal(10.5, 9)),
            Metric("growth:disk", f"{growth}：账本", "倍", 2, Goal(10.5, 9)),
        ),
        measure,
    )
