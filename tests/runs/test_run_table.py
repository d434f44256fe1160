"""``runs`` 的表：文字与 JSON 出自同一份，窄的屏幕一次运行几行，坏了的一次不妨碍看别的。"""

from typing import Any

import pytest

from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.policy.policy_file import policy_of
from pam_deploy_graph.report.text_table import aligned, width_of
from pam_deploy_graph.runs import run_table
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
