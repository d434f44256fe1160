"""``langgraph dev`` 丢下、打断、撤回、排队、断开、取消一次推出：效果各一次，什么也不占，下一句话落在该在的地方。"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.dev_server import DevServer
from examples.stage import Stage
from pam_deploy_graph.errors import ConfirmationError
from pam_deploy_graph.graph.remote import Question, ServerThread
from pam_deploy_graph.lab.launcher import LabProcess
from tests.patience import patience
from tools.hosts.rolling import EFFECTS, IPS, Rolling
from tools.hosts.scenes import ASKED, EARLY, FINISHED, FORKS, MOMENTS, SCENES, STATUS, TOLD, Scene

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
        assert "/3。说「继续」接着做" in said
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


def asked_again(rolling: Rolling, words: str, intent: str) -> Question:
    """说一句有代价的话，问着；什么也没有做。"""
    before = rolling.effects()
    rolling.say(words)
    rolling.idle()
    (question,) = rolling.thread.questions()
    assert (question.value["ask"], question.value["confirm"]["intent"]) == ("confirm", intent)
    assert question.value["confirm"]["costs"]
    assert question.value["review_configs"][0]["allowed_decisions"] == ["approve", "reject"]
    assert rolling.effects() == before
    return question


def test_going_on_is_asked_first(rolling: Rolling, server: DevServer) -> None:
    """换一种说法的继续：审阅界面的样子问一遍；不答应的照旧停着；两个客户端都答应的只做一次。"""
    rolling.cancel(rolling.approve(EARLY), "interrupt")
    question = asked_again(rolling, "从停下的地方接着跑", "resume")
    assert rolling.thread.answer(question, {"decisions": [{"type": "reject"}]}) == []
    rests(rolling)
    question = asked_again(rolling, "从停下的地方接着跑", "resume")
    with ServerThread(server.url, thread_id=rolling.name) as another:
        assert rolling.thread.answer(question, [{"type": "accept", "args": None}]) == []
        with pytest.raises(ConfirmationError):
            another.answer(question, "确认")
    is_done(rolling)


def test_cancelling_is_asked_first(rolling: Rolling) -> None:
    """取消先说代价；问着的时候另说一句的当作没有要求过；答应了才取消，什么也不占。"""
    rolling.cancel(rolling.approve(EARLY), "interrupt")
    question = asked_again(rolling, "取消", "cancel")
    assert "不再做" in question.value["confirm"]["costs"]
    assert rolling.thread.answer(question, STATUS) == []
    assert rolling.held()
    question = asked_again(rolling, "取消", "cancel")
    assert rolling.thread.answer(question, {"decision": "approve"}) == []
    rolling.idle()
    assert (rolling.held(), rolling.repeated()) == ([], [])
    assert len(rolling.effects()) < EFFECTS
    rests(rolling)


@pytest.mark.parametrize("last", [name for name, then in FORKS.items() if then == FINISHED])
def test_forks_of_a_half_done_run(rolling: Rolling, last: str) -> None:
    """做了一半的，从每个节点之前回去再来，如表里所说；不多做一次，也不另起一次。"""
    rolling.cancel(rolling.approve(EARLY), "interrupt")
    half = rolling.held()
    forks = rolling.forks()
    for node in [*(name for name, then in FORKS.items() if then != FINISHED), last]:
        before = rolling.effects()
        rolling.fork(forks[node])
        asked = [one.value["ask"] for one in rolling.thread.questions()]
        assert asked == (["approve_plan"] if FORKS[node] == ASKED else []), node
        if FORKS[node] != FINISHED:
            assert (rolling.effects(), rolling.held(), rolling.thread.values()["run_id"]) == (before, half, half[0])
        if FORKS[node] == TOLD:
            assert f"运行 {half[0]} 已中断：1/3。说「继续」接着做" in rolling.last()
    assert rolling.over()
    is_done(rolling)


def test_forks_of_a_finished_run(rolling: Rolling) -> None:
    """做完之后从每个检查点回去再来：什么也不动，什么也不占。"""
    rolling.approve(EFFECTS)
    rolling.idle()
    is_done(rolling)
    for node, checkpoint in rolling.forks().items():
        rolling.fork(checkpoint)
        if node == "params":  # 还没有说到哪一次：另提一份，等人批准
            assert [one.value["ask"] for one in rolling.thread.questions()] == ["approve_plan"]
        elif node in FORKS:
            assert "成功: 3" in rolling.last()
    assert len(rolling.effects()) == EFFECTS
    assert rolling.held() == []


def test_progress_on_the_stream(rolling: Rolling) -> None:
    """``custom`` 里逐个事件；聊天界面读的状态里只有一条话，每步更新，``messages-tuple`` 里不反复说它。"""
    modes: Any = ["custom", "values", "messages-tuple"]
    parts = list(rolling.watch(stream_mode=modes))
    told = [part.data for part in parts if part.event == "custom"]
    assert {one["type"] for one in told} == {"pam.event"}
    assert [one["done"] for one in told if one["event"]["type"] == "IP_DONE"] == [1, 2, 3]
    assert {one["targets"] for one in told} == {len(IPS)}
    mine = [str(part.data[0]["id"]) for part in parts if part.event == "messages"]
    assert sum(one.startswith("pam-progress-") for one in mine) <= 1
    states = [part.data["messages"] for part in parts if part.event == "values"]
    lines = [[one for one in each if str(one["id"]).startswith("pam-progress-")] for each in states]
    assert max(map(len, lines)) == 1
    assert lines[-1][0]["content"].endswith("3/3 · 失败 0 · 停用 0")
