"""``report`` 的 Markdown：没有成功的在前，代码旁边有中文，谁、从哪里、为什么决定的都写出来。"""

from dataclasses import asdict

from pam_deploy_graph.report.summary import render_report
from pam_deploy_graph.runs.status import standing
from tests.graph.desk import IPS, Desk

LAST = IPS[-1]


def test_failures_first_and_who_decided(desk: Desk) -> None:
    """最后一台失败，列在第一行；决定的表说出对象、决定、谁与原因。"""
    desk.fake.fail("verify-ip", LAST, times=1)
    desk.begin()
    desk.answer({"decision": "approve", "note": "夜里的窗口"})
    desk.answer({"decision": "reject", "note": "现场在修"})
    ledger, run_id = desk.services.ledger, desk.values()["run_id"]
    decisions = [asdict(one) for one in ledger.decisions(run_id)]
    lines = render_report(ledger.load_state(run_id), decisions=decisions).splitlines()
    rows = [line for line in lines if line.startswith("| 10.0.0.")]
    assert rows[0].startswith(f"| {LAST} | 失败 FAILED | verify-ip | 不回滚，保持现状 REJECTED_BY_OPERATOR |")
    assert rows[1].startswith(f"| {IPS[0]} | 成功 SUCCESS |  | 没有回滚 ROLLBACK_NOT_RUN |")
    assert any("| 计划 | 计划获批准 |" in line and "夜里的窗口" in line for line in lines)
    assert any(f"| {LAST} | 不回滚，保持现状 |" in line and "现场在修" in line for line in lines)
    brief = render_report(ledger.load_state(run_id), brief=True)
    assert [line for line in brief.splitlines() if line.startswith("| 10.0.0.")][0::2] == [rows[0]]
    assert f"成功的 {len(IPS) - 1} 台不逐台列: {IPS[0]}" in brief
    (told,) = standing(ledger, run_id)["unsuccessful"].values()
    assert told.startswith("verify-ip: ")
    assert told.endswith("（不回滚，保持现状）")
