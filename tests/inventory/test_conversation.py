"""图里的名称：现成的控制参数、一句话、回滚的问题、途中改主意、退回；说不清的问到说清为止。"""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from pam_deploy_graph.fake_runner import FakeActionRunner
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from tests.graph.desk import FAKE, PARAMS, Desk
from tests.inventory.files import ROWS, write_csv

ALL = [row.ip for row in ROWS]
SAID = "首都机场 checkin 应用 gate 模块升到 1.2.3，用 fake，"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """八台在线、都有名称的一张桌子。"""
    settings = Settings(pam_inventory=str(write_csv(tmp_path / "names.csv")))
    fake = FakeActionRunner(online_ips=ALL)
    made = Desk(tmp_path, InMemorySaver(), services=Services(home=tmp_path, settings=settings, given_router=fake))
    made.fake = fake
    return made


def test_given_as_parameters(desk: Desk) -> None:
    """现成的控制参数里也可以写名称；计划里名称在地址旁边，摘要只管地址。"""
    question = desk.say({"params": PARAMS, "control": FAKE | {"target_ips": ["A12 柜台", "10.0.0.5"]}})
    assert question["plan"]["target_ips"] == ["10.0.0.2", "10.0.0.5"]
    assert "10.0.0.2 A12 柜台、10.0.0.5 B02 柜台" in question["plan"]["text"]
    bare = Desk(desk.services.home, InMemorySaver(), ips=ALL, thread="bare")
    run_id = {"run_id": question["run_id"]}
    assert (
        bare.say({"params": PARAMS, "control": FAKE | {"target_ips": ["10.0.0.2", "10.0.0.5"]}, **run_id})["digest"]
        == (question["digest"])
    )


def test_a_strange_name_among_parameters(desk: Desk) -> None:
    """认不得的名称：问要做哪几台，绝不当作全部；答了名称就是它。"""
    question = desk.say({"params": PARAMS, "control": FAKE | {"target_ips": ["A99 柜台"]}})
    assert (question["ask"], question["missing"], "A99" in question["problem"]) == (
        "provide_params",
        ["target_ips"],
        True,
    )
    assert desk.answer("A11 柜台")["plan"]["target_ips"] == ["10.0.0.1"]


OPEN = {
    "只做 B99 柜台": ("B01 柜台", ["10.0.0.4"]),
    "只做 A12 登机口": ("A12 柜台", ["10.0.0.2"]),
    "T2 值机岛的前两台": ("A11 到 A12 柜台", ["10.0.0.1", "10.0.0.2"]),
    "除了 B99 柜台都做": ("B01 柜台", [ip for ip in ALL if ip != "10.0.0.4"]),
    "除了 B99 柜台都升级": ("除了 B01 柜台", [ip for ip in ALL if ip != "10.0.0.4"]),
    "只做靠窗那几台": ("全部", ALL),
}


@pytest.mark.parametrize("said", OPEN)
def test_asked_until_it_is_clear(desk: Desk, said: str) -> None:
    """说不清的范围问；先答了别的，照旧问着，不会就此变成全部。"""
    without = SAID.replace("gate 模块", "")
    question = desk.say({"messages": [{"role": "user", "content": without + said}]})
    scope = question["missing"][-1]
    assert (question["missing"], scope in ("target_ips", "exclude_ips")) == (["MODULE_NAME", scope], True)
    assert desk.answer("模块 gate")["missing"] == [scope]
    answer, wanted = OPEN[said]
    assert desk.answer(answer)["plan"]["target_ips"] == wanted


ANSWERS: dict[str, dict[str, str]] = {
    "A12柜台退回，A13 重试": {"10.0.0.2": "approve", "10.0.0.3": "retry"},
    "a12 退回，其余保留": {"10.0.0.2": "approve", "10.0.0.3": "reject"},
    "A13 柜台重试": {"10.0.0.3": "retry"},
    "B99 柜台退回": {},
    "A11 柜台退回": {},
    "A12 柜台是哪台？": {},
}


@pytest.mark.parametrize("said", ANSWERS)
def test_names_in_an_answer(desk: Desk, said: str) -> None:
    """回滚的问题上用名称答；不在等的、认不得的名称不算决定。"""
    for ip in ("10.0.0.2", "10.0.0.3"):
        desk.fake.fail("verify-ip", ip)
    desk.begin(target_ips="A12 柜台, A13 柜台", ask_after=2, max_parallel=2)
    question = desk.answer("approve")
    assert [one["name"] for one in question["waiting"]] == ["A12 柜台", "A13 柜台"]
    assert "10.0.0.2 A12 柜台 在 verify-ip 失败" in question["action_requests"][0]["description"]
    before = desk.actions()
    desk.answer(said)
    assert {subject: decision for subject, decision, _ in desk.decisions() if subject != "plan"} == ANSWERS[said]
    assert ANSWERS[said] or desk.actions() == before


def test_an_answer_by_name(desk: Desk) -> None:
    """审阅界面按名称给的决定。"""
    desk.fake.fail("verify-ip", "10.0.0.2")
    desk.begin(target_ips="A12 柜台")
    desk.answer("approve")
    desk.answer({"A12 柜台": "reject"})
    assert ("10.0.0.2", "reject", "") in desk.decisions()


@pytest.mark.parametrize(
    ("said", "told", "skipped"),
    [("跳过 A13 柜台", "跳过: 10.0.0.3", True), ("跳过 A13 和 B99 柜台", "B99 柜台", False)],
)
def test_changed_on_the_way(desk: Desk, said: str, told: str, *, skipped: bool) -> None:
    """途中改主意：名称作数；有一个认不得，整个改动都不提。"""
    desk.fake.fail("verify-ip", "10.0.0.1")
    desk.begin(target_ips="T2 值机岛")
    desk.answer("approve")
    question = desk.answer(said)
    assert (question["ask"] == "approve_plan") is skipped
    assert told in (question["plan"]["text"] if skipped else question["problem"])


def test_taken_back_by_name(desk: Desk) -> None:
    """结束之后点名退回；有一台认不得，就一台也不提。"""
    desk.begin(target_ips="T2 值机岛")
    done: dict[str, Any] = desk.answer("approve")
    assert done["exit_code"] == 0
    said = desk.say({"messages": [{"role": "user", "content": "把 A12 柜台和 B99 柜台退回上一个版本"}]})
    assert (said["waiting"], "B99 柜台" in said["answer"]) == ([], True)
