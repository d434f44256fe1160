"""kill -9 之后：新的进程接着做完，每个效果恰好一次（contract 第 1、6 节）。"""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.patience import patience

HERE = Path(__file__).parent
OUTCOME = {"10.0.0.1": ["SUCCESS", "ROLLBACK_NOT_RUN"], "10.0.0.2": ["FAILED", "ROLLBACK_DONE"]}
ONCE = sorted(
    [
        *(f"{ip}:{action}:1" for ip in OUTCOME for action in ("stop-ip", "deploy-ip", "start-ip")),
        "-:publish-version:1",
        "10.0.0.2:rollback-ip:1",
    ]
)


def _slots(keys: list[str]) -> list[str]:
    """去掉幂等键里的运行名与 ``nonce``；全都出自同一次运行。"""
    assert len({key.partition(":")[0] for key in keys}) == 1, keys
    return [key.partition(":")[2] for key in keys]


def _trials(folder: Path, how: str, first: int, step: int) -> list[dict[str, Any]]:
    """跑一遍崩溃试验，返回每次的结果；第一个是没有崩溃的那次。"""
    command = [sys.executable, str(HERE / "crash_driver.py"), str(folder), how, str(first), str(step)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _assert_once(trials: list[dict[str, Any]]) -> None:
    """每次试验都死得其所、做到了底、每个效果恰好一次。"""
    for trial in trials:
        assert trial["problem"] == "", trial
        assert trial["died"][:1] in ([], [-signal.SIGKILL]), trial
        assert sorted(_slots(trial["effects"])) == ONCE, trial
        assert trial["ips"] == OUTCOME, trial


@pytest.mark.parametrize(("how", "first", "step"), [("create", 3, 26), ("checkpoint", 6, 32)])
def test_killed_at_some_moments(how: str, first: int, step: int, home: Path) -> None:
    """在若干时刻 kill -9（有的恢复途中再 kill 一次），恢复后每个效果恰好一次。"""
    trials = _trials(home, how, first, step)
    assert len(trials) > 3
    _assert_once(trials)


@pytest.mark.crash
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("how", ["create", "checkpoint"])
def test_killed_at_every_moment(how: str, home: Path) -> None:
    """在每一个时刻都 kill -9 一遍，恢复后每个效果恰好一次。"""
    _assert_once(_trials(home, how, 1, 1))


def _wait_for_effects(count: int, running: subprocess.Popen[str]) -> None:
    """等到已有 ``count`` 个效果。"""
    journal = Path("effects.txt")
    deadline = time.monotonic() + patience(20)
    while not journal.exists() or len(journal.read_text(encoding="utf-8").splitlines()) < count:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("effects", [4, *(pytest.param(one, marks=pytest.mark.crash) for one in (1, 8))])
def test_killed_from_outside_with_a_slow_script(effects: int, home: Path) -> None:
    """慢脚本做到一半时从外面 kill -9 代理：脚本也许还在做，恢复后每个效果仍恰好一次。"""
    command = [sys.executable, str(HERE / "slow_driver.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        _wait_for_effects(effects, running)
        running.kill()
    assert running.returncode == -signal.SIGKILL
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == OUTCOME
    made = _slots(Path("effects.txt").read_text(encoding="utf-8").splitlines())
    once = [key for key in made if key.rpartition(":")[0] not in ("-:upload-package", "-:sync-node")]
    assert Counter(once) == Counter(ONCE)
