"""``langgraph dev`` 丢下、打断、撤回、排队、断开、取消一次推出：效果各一次，什么也不占，下一句话落在该在的地方。"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.dev_server import DevServer
from examples.stage import Stage
from pam_deploy_graph.lab.launcher import LabProcess
from tests.patience import patience
from tools.hosts.rolling import EFFECTS, IPS, Rolling
from tools.hosts.scenes import EARLY, MOMENTS, SCENES, STATUS, Scene

pytestmark = [pytest.mark.studio, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """慢一点、没有故障的试验场。"""
    with tempfile.TemporaryDirectory(prefix="pam-hosts-") as folder, LabProcess(workstations=3, latency=0.1) as lab:
        home = Path(folder).resolve()
        (home / "gate.pkg").write_bytes(b"gate 2.0.0\n" * 100)
        yield Stage(lab, home)


@pytest.fixture
def rolling(server: DevServer, stage: Stage) -> Iterator[Rolling]:
    """一个走到计划的会话。"""
    with Rolling(server, stage, patience(60)) as made:
        yield made
        if made.held():  # 失败了的，不连累别的
            made.idle()
            made.heard("取消")
            made.heard("确认")


def rests(rolling: Rolling) -> None:
    """此后什么也不做。"""
    before = rolling.effects()
    time.sleep(0.5)
    assert rolling.effects() == before


def goes_on(rolling: Rolling) -> None:
    """没有做完的：下一句话说出已中断（或把问题问回来），接着做完。"""
    said = rolling.heard(STATUS)
    if pending := rolling.thread.questions():  # 批准还没有送到就被取消了
        assert pending[0].value["ask"] == "approve_plan"
        assert rolling.thread.answer(pending[0], "approve") == []
    else:
        assert "目标: 3" in said or "/3" in said
        rolling.heard("继续")


def is_done(rolling: Rolling) -> None:
    """做完了：每台每个动作一次，模块没有被占着，下一句话说的是结果。"""
    assert rolling.repeated() == []
    assert len(rolling.effects()) == EFFECTS
    assert {ip for _, ip in rolling.effects()} == set(IPS)
    assert rolling.held() == []
    assert "成功: 3" in rolling.heard(STATUS)
    rests(rolling)


@pytest.mark.parametrize("scene", SCENES, ids=lambda one: one.setting.strip("`"))
def test_what_the_host_does_while_it_rolls(rolling: Rolling, scene: Scene) -> None:
    """每一幕：中断的接得上，不停的自己做完。"""
    scene.play(rolling)
    rolling.idle()
    assert rolling.over() != scene.stops
    if scene.stops:
        rests(rolling)
        goes_on(rolling)
    is_done(rolling)


@pytest.mark.parametrize("after", MOMENTS)
@pytest.mark.parametrize("action", ["interrupt", "rollback"])
def test_cancelled_at_every_moment(rolling: Rolling, action: str, after: int) -> None:
    """由服务器取消：回来的时候进行中的已经做完，此后什么也不做；下一句话接得上。"""
    rolling.cancel(rolling.approve(after), action)
    rests(rolling)
    if not rolling.over():
        goes_on(rolling)
    is_done(rolling)


def test_forks_of_a_half_done_run(rolling: Rolling) -> None:
    """中断的时候从每个检查点回去再来：接着做完，或另提一份计划；不多做一次，什么也不占。"""
    rolling.cancel(rolling.approve(EARLY), "interrupt")
    for checkpoint in rolling.forks():
        rolling.fork(checkpoint)
        assert rolling.repeated() == []
        assert {one.value["ask"] for one in rolling.thread.questions()} <= {"approve_plan"}
    assert rolling.over()
    rests(rolling)


def test_forks_of_a_finished_run(rolling: Rolling) -> None:
    """做完之后从每个检查点回去再来：什么也不动，什么也不占。"""
    rolling.approve(EFFECTS)
    rolling.idle()
    is_done(rolling)
    for checkpoint in rolling.forks():
        rolling.fork(checkpoint)
    assert len(rolling.effects()) == EFFECTS
    assert rolling.held() == []


def test_progress_on_the_stream(rolling: Rolling) -> None:
    """``custom`` 里逐个事件；``messages-tuple`` 里同一条话就地更新；状态里只留一条。"""
    modes: Any = ["custom", "messages-tuple"]
    parts = list(rolling.watch(stream_mode=modes))
    told = [part.data for part in parts if part.event == "custom"]
    assert {one["type"] for one in told} == {"pam.event"}
    assert [one["done"] for one in told if one["event"]["type"] == "IP_DONE"] == [1, 2, 3]
    assert {one["targets"] for one in told} == {len(IPS)}
    spoken = [part.data[0] for part in parts if part.event == "messages"]
    mine = [one for one in spoken if str(one.get("id")).startswith("pam-progress-")]
    assert len({one["id"] for one in mine}) == 1
    assert any("1/3 · " in one["content"] for one in mine)
    kept = [one["content"] for one in rolling.thread.values()["messages"] if one["id"] == mine[0]["id"]]
    assert [one.endswith("3/3 · 失败 0 · 停用 0") for one in kept] == [True]
