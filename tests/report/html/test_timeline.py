"""时间线、原因、版本的测试：一次真的运行，几种结局都有。"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.report.html.causes import causes_of
from pam_deploy_graph.report.html.headline import summary_of
from pam_deploy_graph.report.html.time_band import WIDTH, strip_of
from pam_deploy_graph.report.html.timeline import timeline_of, waited
from pam_deploy_graph.report.html.version_groups import versions_of
from pam_deploy_graph.report.html.workstation_grid import grid_of
from pam_deploy_graph.report.html.workstations import fleet_of
from pam_deploy_graph.system.account import acting_account
from tests.report.html.runs import NOTE, OPERATOR, addresses, approve, fake_run

FULL = "{ip} 磁盘空间不足"
KEPT = "10.0.0.6"
OFFLINE = "10.9.9.9"


def _arrange(fake: FakeActionRunner) -> None:
    """两台同样的原因，一台别的原因，一台回滚也失败一次。"""
    for ip in ("10.0.0.5", KEPT):
        fake.fail("deploy-ip", ip, error=FULL.format(ip=ip))
    fake.fail("verify-ip", "10.0.0.8", values={"SUCCESS": "false", "MESSAGE": "探针没有回答"})
    fake.fail("rollback-ip", "10.0.0.8", error="没有上一个版本", times=1)


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """有一台不回滚，其余同意。"""
    if question["ask"] != "rollback-ip":
        return approve(question)
    answers = {one["ip"]: approve(one) for one in question["waiting"]}
    if KEPT in answers:
        answers[KEPT] = {"decision": "reject", "note": "留着查", "operator": "李娜"}
    return answers


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """一次有灰度、失败、两次暂停与回滚的运行。"""
    return fake_run(
        tmp_path_factory.mktemp("run"),
        ips=addresses(10),
        arrange=_arrange,
        control={"canary": 2, "ask_after": 2},
        answer=_answer,
    )


def _reason(report: Mapping[str, Any]) -> str:
    """运行自己记下的结束原因。"""
    return str(next(event["reason"] for event in report["events"] if event["type"] == "RUN_FINISHED"))


def test_timeline_tells_the_run_in_order(report: dict[str, Any]) -> None:
    """计划、步骤、灰度、各波、暂停、决定、回滚、结束依次都在，时间不倒退。"""
    entries = timeline_of(report)
    told = [(entry.kind, entry.label, entry.ips) for entry in entries if entry.kind != "plan"]
    assert told == [
        ("approval", "计划获批准", []),
        ("steps", "全局步骤", []),
        ("wave", "灰度", ["10.0.0.1", "10.0.0.2"]),
        ("wave", "第 1 批", ["10.0.0.3", "10.0.0.4", "10.0.0.5", KEPT]),
        ("pause", "暂停，等人决定", ["10.0.0.5", KEPT]),
        ("decision", "批准回滚", ["10.0.0.5"]),
        ("decision", "不回滚，保持现状", [KEPT]),
        ("rollback", "回滚完成", ["10.0.0.5"]),
        ("wave", "第 2 批", ["10.0.0.7", "10.0.0.8", "10.0.0.9", "10.0.0.10"]),
        ("pause", "暂停，等人决定", ["10.0.0.8"]),
        ("decision", "批准回滚", ["10.0.0.8"]),
        ("rollback", "回滚失败", ["10.0.0.8"]),
        ("pause", "暂停，等人决定", ["10.0.0.8"]),
        ("decision", "批准回滚", ["10.0.0.8"]),
        ("rollback", "回滚完成", ["10.0.0.8"]),
        ("end", f"结束：{_reason(report)}", []),
    ]
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


def test_offline_workstations_are_told(report: dict[str, Any]) -> None:
    """要求了而不在线的工作站，时间线与网格里都有。"""
    event = {"type": "TARGET_SCOPE_CHANGED", "missing_ips": [OFFLINE], "target_ips": addresses(10), "at": 1}
    changed = {**report, "missing_ips": [OFFLINE], "events": [event, *report["events"]]}
    assert [entry.ips for entry in timeline_of(changed) if entry.kind == "scope"] == [[OFFLINE]]
    assert {group.look.key: group.count for group in grid_of(fleet_of(changed), {})}["offline"] == 1


def test_decisions_say_who_and_why(report: dict[str, Any]) -> None:
    """每条决定都有是谁、凭哪个账号、从哪里来的、备注是什么，计划的批准也是。"""
    assert {one.who.partition("（")[2] for one in timeline_of(report) if one.kind == "approval"} == {
        f"{acting_account()}，graph）"
    }
    said = [
        (one.label, one.who.partition("（")[0], one.note)
        for one in timeline_of(report)
        if one.kind in ("approval", "decision")
    ]
    assert said[0] == ("计划获批准", OPERATOR, NOTE)
    assert ("不回滚，保持现状", "李娜", "留着查") in said


def test_causes_group_the_same_reason(report: dict[str, Any]) -> None:
    """只差自己地址的原因并成一组，带上各自的结局。"""
    causes = causes_of(report, fleet_of(report), {"10.0.0.5": "第一行\n[ERROR] 磁盘满了"})
    assert [(cause.stage, cause.reason, cause.ips) for cause in causes] == [
        ("deploy-ip", FULL.format(ip="‹IP›"), ["10.0.0.5", KEPT]),
        ("verify-ip", "探针没有回答", ["10.0.0.8"]),
    ]
    assert [(look.key, count) for look, count in causes[0].outcomes] == [("failed", 1), ("rolled", 1)]
    assert causes[0].logs[0].lines == [("第一行", False), ("[ERROR] 磁盘满了", True)]
    assert causes[0].without_log == 1


def test_grid_and_versions_count_everyone_once(report: dict[str, Any]) -> None:
    """网格里每台恰好一格；版本表里每台开了工的恰好一行。"""
    fleet = fleet_of(report)
    groups = {group.look.key: group.count for group in grid_of(fleet, {})}
    assert groups == {"failed": 1, "rolled": 2, "done": 7}
    cells = [cell.head + cell.tail for group in grid_of(fleet, {}) for net in group.networks for cell in net.cells]
    assert sorted(cells) == sorted(addresses(10))
    rows = [(row.before, row.after, row.look.key, row.count, row.reached) for row in versions_of(report, fleet)]
    assert rows == [
        ("0.0.0", "1.2.3", "done", 7, True),
        ("0.0.0", "0.0.0", "rolled", 2, False),
        ("0.0.0", "0.0.0（已停止）", "failed", 1, False),
    ]


def test_strip_stays_within_its_width(report: dict[str, Any]) -> None:
    """时间带的段不重叠、不越界；暂停的总时长与时间线一致。"""
    entries = timeline_of(report)
    strip = strip_of(entries)
    assert strip is not None
    ends = [part.start + part.width for part in strip.segments]
    assert ends == sorted(ends)
    assert ends[-1] <= WIDTH
    assert waited(entries) == sum(one.until - one.at for one in entries if one.kind == "pause" and one.until)


def test_summary_concludes(report: dict[str, Any]) -> None:
    """结论说对台数与处境，比例合起来正好是全部。"""
    summary = summary_of(report, fleet_of(report), timeline_of(report))
    assert (summary.verdict, summary.headline) == ("有失败", "10 台中 7 台已部署 1.2.3")
    assert summary.reason == _reason(report)
    assert sum(share.count for share in summary.shares) == 10
    assert summary.shares[-1].start + summary.shares[-1].width == pytest.approx(1000, abs=0.1)


def _silent(question: Mapping[str, Any]) -> Any:
    """批准计划，此后没有人答。"""
    return approve(question) if question["ask"] == "approve_plan" else None


def _global_failure(fake: FakeActionRunner) -> None:
    """同步到节点失败。"""
    fake.fail("sync-node", error="节点磁盘满了")


@pytest.mark.parametrize(
    ("arrange", "answer", "verdict", "last"),
    [
        (_arrange, _silent, "等人决定", ("pause", "仍在等人决定")),
        (_global_failure, approve, "还没有结束", ("steps", "全局步骤停在 sync-node")),
        (_arrange, lambda _: None, "还没有结束", ("plan", "提出计划：10 台")),
        (_arrange, lambda _: {"decision": "reject", "operator": "李娜"}, "已停止", ("end", "结束：计划被拒绝")),
    ],
    ids=["waiting", "global-failure", "unapproved", "rejected"],
)
def test_unfinished_runs_are_told_too(
    arrange: Any, answer: Any, verdict: str, last: tuple[str, str], tmp_path: Path
) -> None:
    """没有走完的运行也有报告，停在哪里就说到哪里。"""
    report = fake_run(tmp_path, ips=addresses(10), arrange=arrange, answer=answer)
    entries = timeline_of(report)
    assert (entries[-1].kind, entries[-1].label) == last
    assert summary_of(report, fleet_of(report), entries).verdict == verdict
