"""场景 resume：做到一半 kill -9，再恢复到底。"""

import json
import signal
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from bench import child
from bench.figures import Goal, Metric, Scenario
from bench.fleet import ACTIONS_PER_WORKSTATION


def _tally(database: Path) -> Counter[str]:
    """数账本里的事实：做完的台数，记了不止一次完成的动作数。"""
    with closing(sqlite3.connect(database)) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM events ORDER BY seq")]
    events = [event for body in bodies for event in body]
    done = Counter(
        (event["ip"], event["stage"]) for event in events if event["type"] == "ACTION_DONE" and "ip" in event
    )
    finished = {event["ip"] for event in events if event["type"] == "IP_DONE"}
    return Counter(workstations=len(finished), actions=len(done), repeated=sum(n > 1 for n in done.values()))


def measure(workstations: int) -> dict[str, float]:
    """量一轮：杀在一半，恢复，核对结果。"""
    with tempfile.TemporaryDirectory() as name:
        folder, half = Path(name), workstations // 2
        child.run(child.driver("fleet", "start", workstations, 50, half), cwd=folder, expect=-signal.SIGKILL)
        spent = child.run(child.driver("fleet", "resume", workstations, 50), cwd=folder)
        tally = _tally(folder / "runtime" / "pam.db")
    if spent.report["exit_code"] != 0 or tally["actions"] != workstations * ACTIONS_PER_WORKSTATION:
        raise RuntimeError(f"恢复没有做到底：退出码 {spent.report['exit_code']}，{dict(tally)}")
    return {
        "fold": spent.report["fold"],
        "rest": spent.report["cpu"],
        "lost": float(workstations - tally["workstations"]),
        "repeated": float(tally["repeated"]),
    }


def scenario(*, quick: bool) -> Scenario:
    """返回这个场景；``quick`` 为真时台数是十分之一。"""
    workstations = 1_000 if quick else 10_000

    def once() -> Mapping[str, float]:
        """量一轮。"""
        return measure(workstations)

    return Scenario(
        "resume",
        f"恢复：{workstations:,} 台做到一半时 kill -9",
        "新进程从账本折叠出状态，再把剩下的做完；最后从账本里逐个核对动作。",
        2 if quick else 5,
        (
            Metric("fold", "折叠一半的账本", "CPU 秒", 3, Goal(0.25)),
            Metric("rest", "恢复并做完另一半", "CPU 秒", 2),
            Metric("lost", "没有做完的工作站", "台", 0, Goal(0)),
            Metric("repeated", "记了两次完成的动作", "个", 0, Goal(0)),
        ),
        once,
    )
