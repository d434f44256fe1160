"""提出计划之前看一眼：同时问多少台、最多问几台，没有看的写在计划里。"""

from pathlib import Path
from typing import Any

import anyio
import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.fake_runner import FakeActionRunner, _Workstation
from pam_deploy_graph.flows import survey
from tests.graph.desk import Desk

SOME = 200
IPS = [f"10.0.1.{number}" for number in range(1, 206)]


def test_a_large_plan_looks_at_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """很多台：只先看前面的，同时在问的不超过 50 台，其余几台没有看写在计划里。"""
    flying = most = 0
    really = FakeActionRunner.arun_action

    async def counted(self: FakeActionRunner, state: Any, action: str, **given: Any) -> Any:
        """数着同时在问几台。"""
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await anyio.sleep(0.001)
        flying -= 1
        return await really(self, state, action, **given)

    monkeypatch.setattr(FakeActionRunner, "arun_action", counted)
    monkeypatch.setattr(survey, "MOST_ASKED", SOME)
    desk = Desk(tmp_path, InMemorySaver(), ips=IPS)
    question = desk.begin(execution_strategy="script_only")
    asked = [ip for action, ip, _ in desk.fake.calls if action == "query-ip" and ip]
    assert sorted(asked) == sorted(IPS[:SOME])
    assert 1 < most <= 50
    text = question["plan"]["text"]
    assert f"看过 {SOME} 台，其余 5 台轮到时再看" in text
    assert "0.0.0 → 1.2.3: 200 台：10.0.1.1-10.0.1.200" in text
    assert "没有读到 → 1.2.3，轮到时先读: 5 台" in text


def _touched(desk: Desk, owner: str, *ips: str) -> None:
    """这几台最近由别处的一次运行动过。"""
    for ip in ips:
        desk.fake._workstations[ip] = _Workstation(last_key=f"{owner}:{ip}:deploy-ip:1")


@pytest.mark.parametrize(("last", "stopped"), [("r9.11111111", "stopped"), ("r8.22222222", "")])
def test_one_not_looked_at_is_looked_at_before_it_is_touched(
    last: str, stopped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """计划里没有看过的一台，最近由别处的运行动过：不动手，停下来问；批准的人看到过那次运行的照做，问过了也照做。"""
    monkeypatch.setattr(survey, "MOST_ASKED", 2)
    desk = Desk(tmp_path, InMemorySaver())
    _touched(desk, "r8.22222222", "10.0.0.1")
    _touched(desk, last, "10.0.0.3")
    text = desk.begin(execution_strategy="script_only")["plan"]["text"]
    assert "10.0.0.1 最近是运行 r8（22222222）动的" in text
    assert "看过 2 台，其余 1 台轮到时再看" in text
    found = desk.answer("approve")
    touched = {ip for action, ip in desk.actions() if ip}
    if stopped:
        assert "没有看过 10.0.0.3，最近动过它的是运行 r9（11111111）" in str(found)
        assert touched == {"10.0.0.1", "10.0.0.2"}
        desk.answer({"10.0.0.3": "retry"})
        touched = {ip for action, ip in desk.actions() if ip}
    assert touched == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}


def test_one_that_did_not_answer_in_time_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """看的时候没有等到回答的，同样算没有看过。"""
    monkeypatch.setattr(survey, "_SECONDS", 0.2)
    really = FakeActionRunner.arun_action
    slow = [True]

    async def late(self: FakeActionRunner, state: Any, action: str, **given: Any) -> Any:
        """第三台头一次迟迟不答。"""
        if given.get("ip") == "10.0.0.3" and slow:
            slow.clear()
            await anyio.sleep(5)
        return await really(self, state, action, **given)

    monkeypatch.setattr(FakeActionRunner, "arun_action", late)
    desk = Desk(tmp_path, InMemorySaver())
    _touched(desk, "r9.11111111", "10.0.0.3")
    assert "看过 2 台，其余 1 台轮到时再看" in desk.begin(execution_strategy="script_only")["plan"]["text"]
    assert "没有看过 10.0.0.3" in str(desk.answer("approve"))
