"""提出计划之前看一眼：同时问多少台、最多问几台，没有看的写在计划里。"""

from pathlib import Path
from typing import Any

import anyio
import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.flows.survey import MOST_ASKED
from tests.graph.desk import Desk

IPS = [f"10.0.1.{number}" for number in range(1, 206)]


def test_a_large_plan_looks_at_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """两百多台：只先看前 200 台，同时在问的不超过 50 台，其余几台没有看写在计划里。"""
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
    desk = Desk(tmp_path, InMemorySaver(), ips=IPS)
    question = desk.begin(execution_strategy="script_only")
    asked = [ip for action, ip, _ in desk.fake.calls if action == "query-ip" and ip]
    assert sorted(asked) == sorted(IPS[:MOST_ASKED])
    assert 1 < most <= 50
    text = question["plan"]["text"]
    assert "先看了前 200 台，其余 5 台轮到时再看" in text
    assert "0.0.0 → 1.2.3: 200 台：10.0.1.1-10.0.1.200" in text
    assert "没有读到 → 1.2.3，轮到时先读: 5 台" in text
