"""改主意：动手之前怎么改都行，范围变大、换版本都照新的来；批准的必须是现在的计划（contract 第 5 节）。"""

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import SecretStr

from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.lab.launcher import LabProcess
from pam_deploy_graph.runs.registering_again import register_again
from pam_deploy_graph.runs.registration import RunRequest
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings
from tests.graph.desk import IPS, PARAMS, Desk


@pytest.fixture
def at_plan(tmp_path: Path) -> Desk:
    """看着一份只做第一台的计划。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.begin(target_ips=IPS[:1])
    return desk


@pytest.mark.parametrize(
    ("said", "targets", "change"),
    [
        (f"不对，只装 {IPS[1]}", IPS[1:2], f"目标 {IPS[0]} → {IPS[1]}"),
        (f"改成 {IPS[0]} 到 {IPS[2]}", IPS, "目标台数 1 → 3"),
    ],
)
def test_another_scope(at_plan: Desk, said: str, targets: list[str], change: str) -> None:
    """换几台、多几台：照新的范围。此前新的范围仍被上一份计划框住，别的工作站都说成不在线。"""
    question = at_plan.answer(said)
    assert (question["ask"], question["plan"]["target_ips"], question["plan"]["missing"]) == (
        "approve_plan",
        targets,
        0,
    )
    assert change in question["plan"]["text"].splitlines()[0]
    at_plan.answer("approve")
    assert {ip for _, ip in at_plan.actions() if ip} == set(targets)


@pytest.mark.parametrize("scope", [{"target_ips": IPS[:1]}, {"exclude_ips": IPS[1:]}])
def test_nothing_left_of_the_scope(tmp_path: Path, scope: dict[str, Any]) -> None:
    """改到一台都不剩：说明缘由，再问要做哪几台，运行还在；此前就此结束。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.begin(**scope)
    question = desk.answer(f"{IPS[0]} 别动")
    assert (question["ask"], question["missing"]) == ("provide_params", ["target_ips"])
    assert "排除" in question["problem"]
    assert desk.answer(f"那就装 {IPS[0]}")["plan"]["target_ips"] == IPS[:1]


@pytest.mark.parametrize(
    ("text", "ask", "code"),
    [("取消", "", 12), ("到哪了", "approve_plan", None), ("先别执行，看看步骤", "approve_plan", None)],
)
def test_answered_with_something_else(at_plan: Desk, text: str, ask: str, code: int | None) -> None:
    """在问题上答的一句话，与打在聊天框里一样先听懂；此前取消、问进度都当作要改的话。"""
    out = at_plan.answer(text)
    assert (out.get("ask", ""), out.get("exit_code")) == (ask, code)
    assert at_plan.values()["messages"][-1].type == "ai"
    assert at_plan.decisions() == []
    assert at_plan.actions() == []


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("版本改回 1.2.2", "版本 1.2.3 → 1.2.2"),
        ("模块换成 kiosk", "模块 gate → kiosk"),
        ("灰度改成 1 台", "节奏 （无） → 先 1 台，看过再做其余的"),
        ("每批改成 4 台", "节奏 逐台做 → 同时 4 台"),
    ],
)
def test_another_value(at_plan: Desk, said: str, change: str) -> None:
    """改一项：给出改过的计划，要再批准。此前「版本改回」当作回滚而没有听，「改成几台」没有听出来。"""
    question = at_plan.answer(said)
    assert question["ask"] == "approve_plan"
    assert change in question["plan"]["text"]
    assert at_plan.actions() == []


def test_another_version_after_a_failed_upload(at_plan: Desk) -> None:
    """批准之后停在 upload-package：改个版本，重新批准，接着做同一次运行。此前说运行名被占用。"""
    at_plan.fake.fail("upload-package", error="HOME 没有这个版本", times=1)
    assert at_plan.answer("approve")["phase"] == "stopped"
    question = at_plan.say({"messages": [("user", "改成 1.2.4")]})
    assert (question["ask"], question["plan"]["params"]["VERSION_NUMBER"]) == ("approve_plan", "1.2.4")
    assert at_plan.answer("approve")["exit_code"] == 0


def test_not_once_begun(at_plan: Desk) -> None:
    """已经发布过，就不能再换输入：说明做了什么、怎么办；说「继续」照原样做完。"""
    at_plan.fake.fail("sync-node", times=1)
    assert at_plan.answer("approve")["phase"] == "stopped"
    out = at_plan.say({"messages": [("user", "改成 1.2.4")]})
    assert "publish-version" in out["problem"]
    assert "取消" in out["problem"]
    assert at_plan.say({"messages": [("user", "继续")]})["exit_code"] == 0
    assert at_plan.services.ledger.get_run(out["run_id"]).input["params"]["VERSION_NUMBER"] == "1.2.3"


@pytest.mark.parametrize("text", ["VERIFY_TIMEOUT=60", "每批 2 台", "继续"])
def test_stopped_before_the_plan(tmp_path: Path, text: str) -> None:
    """检查不过停下之后：单独一句 ``KEY=VALUE`` 就是要改的，「继续」再检查一遍。此前都听不懂。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.fake.fail("check-home", times=1)
    assert desk.begin()["phase"] == "stopped"
    assert desk.say({"messages": [("user", text)]})["ask"] == "approve_plan"
    assert desk.answer("approve")["exit_code"] == 0


def test_cancelled_before_the_plan(tmp_path: Path) -> None:
    """检查不过停下之后取消：以 12 收尾。此前还停在那里，说没有做完。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.fake.fail("check-home")
    desk.begin()
    out = desk.say({"messages": [("user", "取消")]})
    assert (out["exit_code"], desk.services.ledger.get_run(out["run_id"]).exit_code) == (12, 12)


def test_approval_of_what_has_changed(at_plan: Desk, tmp_path: Path) -> None:
    """别的进程在批准的同时换了输入：批准的是旧计划，不动手。"""
    other = Services(home=tmp_path, settings=Settings(), given_router=at_plan.fake)
    run_id = at_plan.values()["run_id"]
    register_again(other, RunRequest(PARAMS | {"VERSION_NUMBER": "6.6.6"}, "fake", run_id, tmp_path))
    other.close()
    out = at_plan.answer("approve")
    assert (out["phase"], "又改过" in out["problem"]) == ("stopped", True)
    assert at_plan.actions() == []


def test_approval_in_advance_is_for_that_input_alone(tmp_path: Path) -> None:
    """``--yes`` 批准的是当时的输入：对话里改过之后要再批准一次。"""
    desk = Desk(tmp_path, InMemorySaver())
    desk.services.preapproved["r1"] = "ops"
    desk.fake.fail("upload-package", times=1)
    assert desk.say({"run_id": "r1", "params": PARAMS, "control": {"execution_strategy": "fake"}})["phase"] == "stopped"
    assert desk.say({"messages": [("user", "改成 1.2.4")]})["ask"] == "approve_plan"


def test_a_version_home_does_not_know(tmp_path: Path) -> None:
    """HOME 没有的版本：批准之前就问安装包在哪里；改说它有的版本就给出计划，此前 HOME 上什么也没有变。"""
    with LabProcess(workstations=1) as lab, open_saver(tmp_path / "checkpoints.sqlite") as saver:
        services = Services(home=tmp_path, settings=Settings(pam_home_url=lab.home_url, pam_token=SecretStr(lab.token)))
        desk = Desk(tmp_path, saver, services=services)
        question = desk.say({"messages": [("user", "PEK 的 checkin/gate 升到 9.9.9")]})
        assert (question["ask"], question["missing"]) == ("provide_params", ["PACKAGE_PATH"])
        assert "checkin/gate/9.9.9" in question["problem"]
        assert desk.answer("好吧")["missing"] == ["PACKAGE_PATH"]
        assert desk.answer({"VERSION_NUMBER": "1.2.2"})["ask"] == "approve_plan"
        assert lab.journal() == []
        services.close()
