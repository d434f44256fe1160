"""离线的工作站什么也没有说：不当作没有人动过它，也不当作看过了（contract 第 3 节）。"""

from typing import Any

import pytest

from pam_deploy_graph.models import ActionResult, AgentState
from tests.graph.desk import IPS, Desk

OFFLINE = {"ONLINE": "false", "RUNNING": "", "VERSION": "", "LAST_KEY": ""}
STRANGER = "r9.0a0b0c0d:10.0.0.1:deploy-ip:1"
ONE = IPS[0]


def away_at(desk: Desk, monkeypatch: pytest.MonkeyPatch, *readings: int) -> None:
    """第一台在这几次被问的时候离线；从那时起，别的运行动过它。"""
    inner, asked = desk.fake.run_action, [0]

    def run_action(state: AgentState, action: str, **given: Any) -> ActionResult:
        """离线的那一次什么也不说。"""
        truth = inner(state, action, **given)
        if (action, given.get("ip")) == ("query-ip", ONE):
            asked[0] += 1
            if asked[0] in readings:
                desk.fake._workstations[ONE].last_key = STRANGER
                return ActionResult(ok=True, action=action, backend="fake", values=dict(OFFLINE))
        return truth

    monkeypatch.setattr(desk.fake, "run_action", run_action)


def reasons(found: dict[str, Any]) -> dict[str, str]:
    """等着的各台为什么停下。"""
    return {one["ip"]: one["failure_reason"] for one in found["waiting"]}


def test_offline_when_planned(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """提出计划时离线：不说那时没有人动过，说那时没有看过；不动手，问。"""
    away_at(desk, monkeypatch, 1)
    desk.begin(execution_strategy="script_only", max_parallel=3)
    said = reasons(desk.answer("approve"))[ONE]
    assert "没有看过" in said
    assert "运行 r9" in said
    assert [ip for _, ip in desk.actions() if ip == ONE] == []


@pytest.mark.parametrize("readings", [(2,), (1, 2)], ids=["seen-before", "never-seen"])
def test_offline_when_its_turn_came(desk: Desk, monkeypatch: pytest.MonkeyPatch, readings: tuple[int, ...]) -> None:
    """轮到时离线，回来之前别的运行动过它：重试也不盖过去，说出是谁动的，再问；再重试才做。"""
    away_at(desk, monkeypatch, *readings)
    desk.begin(execution_strategy="script_only", ask_after=3)
    assert "不在线" in reasons(desk.answer("approve"))[ONE]
    (question,) = desk.answer("retry")["waiting"]
    assert "运行 r9（0a0b0c0d）动过它" in question["changed"]
    assert [ip for _, ip in desk.actions() if ip == ONE] == []
    ended = desk.answer("retry")
    assert (ended["exit_code"], desk.fake._workstations[ONE].version) == (0, "1.2.3")
