"""量具的测试：数得准、判得对、写得出，小规模走得通。"""

import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from bench import child, page, run
from bench.figures import Goal, Metric, Scenario, collect

BURN = "import time; b = bytearray(64_000_000)\nwhile time.process_time() < 0.2: pass"


def _scenario(goal: Goal) -> Scenario:
    """只有一个指标的场景。"""
    return Scenario("one", "一个场景", "说明。", 3, (Metric("cpu", "用量", "秒", 1, goal),), dict)


@pytest.mark.parametrize(
    ("goal", "row"),
    [
        (Goal(2), "| 用量 | 秒 | 2.0 | 1.0–9.0 | ≤ 2 | 是 |"),
        (Goal(1.9), "| 用量 | 秒 | 2.0 | 1.0–9.0 | ≤ 1.9 | **否** |"),
        (Goal(5, 3), "| 用量 | 秒 | 2.0 | 1.0–9.0 | 3–5 | **否** |"),
    ],
    ids=str,
)
def test_row_judges_the_median(goal: Goal, row: str) -> None:
    """一行写中位数与范围，按中位数判断目标。"""
    section = collect(_scenario(goal), [{"cpu": value} for value in (9.0, 1.0, 2.0)])
    assert row in page.render([section], ["两核"], "", picture=False)


def test_missing_reading_is_refused() -> None:
    """一轮里少了一个读数就不成表。"""
    with pytest.raises(KeyError, match="cpu"):
        collect(_scenario(Goal(1)), [{}])


def test_child_is_charged_for_what_it_uses(tmp_path: Path) -> None:
    """子进程用掉的 CPU 与内存都记在账上。"""
    spent = child.run([sys.executable, "-c", BURN], cwd=tmp_path)
    assert 0.2 <= spent.cpu < 1
    assert spent.wall >= 0.2
    assert spent.peak_mb > 64


def test_failed_child_is_not_measured(tmp_path: Path) -> None:
    """失败的子进程没有读数，消息里有它说的原因。"""
    with pytest.raises(RuntimeError, match="应为 0：没有磁盘了"):
        child.run([sys.executable, "-c", "import sys; sys.exit('没有磁盘了')"], cwd=tmp_path)


@pytest.mark.parametrize(
    ("accept", "body"),
    [
        ("application/json", b'"success": true'),
        ("text/plain", b"SUCCESS=true\n"),
    ],
)
def test_light_pam_speaks_both_formats(accept: str, body: bytes, tmp_path: Path) -> None:
    """轻的 PAM 照请求要的格式作答。"""
    with child.serving(child.driver("light_pam", 2, 0), cwd=tmp_path) as pam:
        connection = HTTPConnection(pam.info["url"].removeprefix("http://"), timeout=10)
        connection.request("POST", "/api/workstations/10.0.0.1/stop", b"{}", {"Accept": accept})
        assert body in connection.getresponse().read()
        connection.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [one.name for one in run.scenarios(quick=True)])
def test_quick_round(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """每个场景小规模走一轮，写得出结果页。"""
    assert run.main(["--quick", "--rounds", "1", "--only", name, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "RESULTS.md").read_text(encoding="utf-8").strip() in capsys.readouterr().out
