"""``render_report``：抬头、概况、每台一行（contract 第 6 节）。"""

import pytest

from tests.agent.rig import FIRST, PARAMS, SECOND, THIRD, Rig

HEAD = "| IP | 状态 | 失败阶段 | 回滚状态 | 日志 |"
COUNTED = ("在线工作站数", "目标工作站数", "成功", "失败", "待确认")


def _rows(text: str) -> dict[str, list[str]]:
    """表里每台工作站的各列。"""
    lines = text.splitlines()
    start = lines.index(HEAD)
    assert lines[start + 1] == "| --- | --- | --- | --- | --- |"
    rows = [line.strip("|").split("|") for line in lines[start + 2 :] if line.startswith("|")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows}


def _facts(text: str) -> dict[str, str]:
    """概况里的 ``- 名: 值``。"""
    pairs = [line[2:].partition(": ") for line in text.splitlines() if line.startswith("- ")]
    return {name: value for name, _, value in pairs}


def test_a_run_that_waits(rig: Rig) -> None:
    """等着决定时的报告：数目、失败阶段、回滚状态、没开工与不在线的都在。"""
    rig.fake.fail("verify-ip", SECOND)
    state = rig.state(run_id="r1", target_ips=[FIRST, SECOND, THIRD, "10.0.0.9"])
    rig.agent.run_deploy_flow(state)
    text = rig.agent.render_report(state)
    assert text.splitlines()[0] == "## PAM 智能部署报告"
    facts = _facts(text)
    assert facts["执行策略"] == "fake"
    assert [facts[name] for name in ("机场", "应用", "模块", "版本")] == list(PARAMS.values())
    assert [facts[name] for name in COUNTED] == ["3", "3", "1", "1", f"rollback-ip:{SECOND}"]
    assert (facts["没有开工"], facts["不在线"]) == (THIRD, "10.0.0.9")
    rows = _rows(text)
    assert rows[FIRST] == ["SUCCESS", "-", "ROLLBACK_NOT_RUN", state.ip_states[FIRST].log_file]
    assert rows[SECOND][:3] == ["FAILED", "verify-ip", "PENDING_AGENT_CONFIRMATION"]
    assert set(rows) == {FIRST, SECOND}


@pytest.mark.parametrize(
    ("approved", "rollback"),
    [(True, "ROLLBACK_DONE"), (False, "REJECTED_BY_OPERATOR")],
)
def test_a_run_that_ended(
    approved: bool,  # noqa: FBT001 —— 参数表里的一列
    rollback: str,
    rig: Rig,
) -> None:
    """结束后的报告：回滚状态是决定的结果，没有待确认的。"""
    state = rig.paused(ip=THIRD)
    rig.agent.confirm_pending(state, approved=approved)
    text = rig.agent.render_report(state)
    assert [_facts(text)[name] for name in ("成功", "失败", "待确认")] == ["2", "1", "-"]
    assert _rows(text)[THIRD][:3] == ["FAILED", "verify-ip", rollback]


def test_a_failed_rollback_still_waits(rig: Rig) -> None:
    """回滚失败的仍算待确认。"""
    state = rig.paused()
    rig.fake.fail("rollback-ip")
    rig.agent.confirm_pending(state, approved=True)
    text = rig.agent.render_report(state)
    assert (_facts(text)["待确认"], _rows(text)[FIRST][2]) == (f"rollback-ip:{FIRST}", "ROLLBACK_FAILED")


def test_before_anything_ran(rig: Rig) -> None:
    """什么都没做时也能出报告，全是零。"""
    facts = _facts(rig.agent.render_report(rig.state()))
    assert [facts[name] for name in COUNTED] == [*["0"] * 4, "-"]


def test_hostile_text_stays_in_its_cell(rig: Rig) -> None:
    """失败原因里的竖线、换行与终端转义不会撑破报告。"""
    rig.fake.fail("stop-ip", FIRST, error="坏了 | x\n| 10.9.9.9 | SUCCESS |\x1b[31m")
    state = rig.agent.run_deploy_flow(rig.state())
    text = rig.agent.render_report(state)
    assert set(_rows(text)) == {FIRST}
    assert "\x1b" not in text
