"""``runs`` 的表：文字与 JSON 出自同一份，窄的屏幕一次运行几行，坏了的一次不妨碍看别的。"""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.policy.policy_file import policy_of
from pam_deploy_graph.report.text_table import aligned, width_of
from pam_deploy_graph.runs import run_table
from pam_deploy_graph.runs.dark_counters import dark_counters
from pam_deploy_graph.runs.greeting import greeting
from pam_deploy_graph.runs.run_table import list_runs, render_runs
from pam_deploy_graph.system.account import name_of
from tests.graph.desk import IPS, Desk

ONE = IPS[0]
POLICY = '[[rule]]\nairport = "PEK"\napprove_plan = ["role:manager"]\napprove_rollback = ["王芳"]\n'


def _listed(desk: Desk) -> dict[str, Any]:
    """唯一的一次运行。"""
    (row,) = list_runs(desk.services.ledger, policy_of(POLICY, "site.toml"), 20)
    return row


def test_a_run_from_plan_to_end(desk: Desk) -> None:
    """等批准、等决定、结束：做完几台、停用哪几台、等谁、从何时起，都照账本。"""
    desk.fake.fail("deploy-ip", ONE, times=1)
    desk.begin()
    row = _listed(desk)
    assert (row["phase"], row["waiting"]["whom"], row["waiting"]["ips"]) == ("waiting", ["role:manager"], [])
    assert row["waiting"]["since"] >= row["took_ms"] > 0
    assert "等批准计划；可以答的是 role:manager；从 " in render_runs([row])
    desk.answer("approve")
    row = _listed(desk)
    assert (row["done"], row["targets"], row["failed"], row["out_of_service"]) == (0, len(IPS), 1, [ONE])
    assert (row["waiting"]["ips"], row["waiting"]["whom"]) == ([ONE], ["王芳"])
    told = render_runs([row])
    assert f"停用: {ONE}" in told
    assert f"等决定 1 台：{ONE}；可以答的是 王芳；从 " in told
    desk.answer("reject")
    row = _listed(desk)
    assert (row["standing"], row["waiting"], row["done"]) == ("有失败", None, len(IPS) - 1)


def test_a_run_that_is_over_is_not_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """结束了的一行出自结束时记下的数，与从全部事件折叠的一字不差；没有记下的（旧账本）照旧折叠。"""
    desk.fake.fail("start-ip", ONE, times=1)
    desk.begin()
    desk.answer("approve")
    desk.answer("reject")
    ledger = desk.services.ledger
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "load_state", None)
        quick = _listed(desk)
    monkeypatch.setattr(run_table, "ending", lambda *_: None)
    assert _listed(desk) == quick
    assert (quick["failed"], quick["out_of_service"], quick["targets"]) == (1, [ONE], len(IPS))
    assert ledger.load_state(quick["run_id"]).registered_by.startswith(name_of(quick["requested_by"]))


def test_a_narrow_screen_folds_each_run(desk: Desk) -> None:
    """放得下就是一张表，放不下一次运行两行；一个字也不少。"""
    desk.begin()
    row = _listed(desk)
    wide, narrow = render_runs([row], width=200), render_runs([row], width=80)
    assert wide.splitlines()[0].startswith("运行")
    assert all(width_of(line) <= 80 for line in narrow.splitlines()[:2])
    assert str(row["run_id"]) in narrow


def test_a_damaged_run_does_not_hide_the_others(desk: Desk) -> None:
    """记录坏了的一次照样列出来，说出怎么办；没有读出的各项是 ``null``。"""
    desk.begin()
    with desk.services.ledger.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE events SET body = replace(body, 'PLAN', 'PLAM')")
    row = _listed(desk)
    assert (row["phase"], row["targets"]) == (None, None)
    assert f"记录已损坏，用 repair {row['run_id']}" in render_runs([row])


def test_columns_count_what_is_seen() -> None:
    """汉字算两格。"""
    assert aligned([("运行", "x"), ("abc", "y")]) == ["运行  x", "abc   y"]


def _row(run_id: str, *, dark: list[str], unknown: list[str]) -> dict[str, Any]:
    """一次运行的一行里，看停用的要的几项。"""
    what = {"airport": "PEK", "application": "checkin", "module": "gate"}
    return {"run_id": run_id, "out_of_service": dark, "state_unknown": unknown, **what}


def test_only_the_newest_run_that_touched_a_counter_speaks_for_it() -> None:
    """同一台，更近的运行动过就照更近的说；不知道的也说，不当作好的；别的模块各说各的。"""
    other = _row("c", dark=["10.0.0.2"], unknown=[]) | {"module": "kiosk"}
    rows = [_row("d", dark=[], unknown=["10.0.0.3"]), other, _row("b", dark=["10.0.0.1", "10.0.0.2"], unknown=[])]
    touched = {"d": {"10.0.0.1", "10.0.0.3"}, "b": {"10.0.0.1", "10.0.0.2"}, "c": {"10.0.0.2"}}
    said = [one.said({"10.0.0.2": "A12 柜台"}) for one in dark_counters(rows, lambda row: touched[row["run_id"]])]
    assert said == [
        "状态未知 1 台：10.0.0.3（PEK/checkin/gate，运行 d）",
        "停用 1 台：10.0.0.2 A12 柜台（PEK/checkin/kiosk，运行 c）",
        "停用 1 台：10.0.0.2 A12 柜台（PEK/checkin/gate，运行 b）",
    ]


def test_the_dark_counter_is_the_first_line(desk: Desk) -> None:
    """``runs`` 与对话开头的话，第一行都是停用的柜台；在等的与结束了的一样。"""
    desk.fake.fail("deploy-ip", ONE, times=1)
    desk.begin()
    desk.answer("approve")
    for _ in range(2):
        row = _listed(desk)
        first = f"停用 1 台：{ONE}（PEK/checkin/gate，运行 {row['run_id']}）"
        assert render_runs([row]).splitlines()[0] == first
        assert greeting(desk.services.ledger, [row], {}).splitlines()[0] == first
        if row["waiting"]:
            desk.answer("reject")


def test_a_run_that_learnt_nothing_says_nothing(desk: Desk, tmp_path: Path) -> None:
    """后来的一次开了工而读不到那台：照旧说它停用着；再早的运行不在表里，有停用的也在。"""
    desk.fake.fail("deploy-ip", ONE, times=1)
    desk.begin()
    desk.answer("approve")
    desk.answer("reject")
    first, ledger = _listed(desk)["first_line"], desk.services.ledger
    later = Desk(tmp_path, InMemorySaver(), thread="later", services=desk.services)
    desk.fake.fail("query-ip", ONE)
    later.begin()
    later.answer("approve")
    rows = list_runs(ledger, policy_of("", ""), 1)
    assert [row["first_line"] for row in rows] == ["", first]
    assert first.startswith(f"停用 1 台：{ONE}（")


def test_a_run_that_repaired_it_ends_it(desk: Desk, tmp_path: Path) -> None:
    """后来全部做完的一次装好了那台：不在表里也算数，没有谁再说它停用着。"""
    desk.fake.fail("deploy-ip", ONE, times=1)
    desk.begin()
    desk.answer("approve")
    desk.answer("reject")
    later = Desk(tmp_path, InMemorySaver(), thread="later", services=desk.services)
    later.begin()
    assert later.answer("approve")["exit_code"] == 0
    assert list_runs(desk.services.ledger, policy_of("", ""), 0) == []
