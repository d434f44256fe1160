"""同一个口：账本在本机，还是在服务器的路由后面，登记、看、取消都一样（contract 第 8 节）。"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from pam_deploy_graph.campaigns import launch, look, plan_of
from pam_deploy_graph.campaigns.joint_plan import cancel_all
from pam_deploy_graph.campaigns.overview import campaign_of, render_report
from pam_deploy_graph.errors import (
    ConfirmationError,
    InvalidInputError,
    RunConflictError,
    RunNotFoundError,
    ServerError,
)
from pam_deploy_graph.graph import server_runs
from pam_deploy_graph.graph.server_routes import server_app
from pam_deploy_graph.graph.server_runs import ServerRuns
from pam_deploy_graph.runs.access import RunAccess, thread_of
from pam_deploy_graph.runs.arrangement import arrange
from pam_deploy_graph.runs.local_runs import LocalRuns
from pam_deploy_graph.runs.registration import RunRequest
from pam_deploy_graph.runs.services import Services
from pam_deploy_graph.settings import Settings

GIVEN = {"APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.2.3"}
CAMPAIGN = arrange("joint", ["PEK", "PVG"], pilot="PVG", at_once=2, max_failures=3)


def requests(**more: str) -> dict[str, RunRequest]:
    """各机场的输入。"""
    return {each: RunRequest(GIVEN | {"AIRPORT_CODE": each} | more, "fake") for each in CAMPAIGN.airports}


@pytest.fixture(params=["local", "served"])
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunAccess]:
    """两个实现；服务器的不经网络。"""
    services = Services(home=tmp_path, settings=Settings(), channel="cli")
    if request.param == "local":
        yield LocalRuns(services)
    else:
        with ServerRuns(Settings(pam_server="http://testserver")) as served, TestClient(server_app(services)) as client:
            served._client = client  # type: ignore[assignment]  # 与 httpx 的同形
            yield served
    services.close()


def test_registered_looked_at_and_cancelled(runs: RunAccess) -> None:
    """登记一次，各机场各推一次；同样的再来接着做，另一份输入不收；没有计划的不能批准；取消的各有结局。"""
    driven: list[str] = []
    fresh = launch(runs, CAMPAIGN, requests(), driven.append)
    assert fresh == {"joint-PVG", "joint-PEK"} == set(driven)
    assert campaign_of(runs, "joint") == CAMPAIGN
    assert [row.phase for row in look(runs, CAMPAIGN).rows] == ["interrupted"] * 2
    thread = thread_of("joint-PEK") if isinstance(runs, ServerRuns) else ""
    assert runs.opening("joint-PEK")["thread"] == thread
    with pytest.raises(ConfirmationError, match="还有机场没有计划"):
        plan_of(runs, CAMPAIGN)
    assert launch(runs, CAMPAIGN, requests(), driven.append) == frozenset()
    assert len(driven) == 4
    with pytest.raises(RunConflictError):
        launch(runs, CAMPAIGN, requests(VERSION_NUMBER="1.2.4"), driven.append)
    assert "# 多机场部署 joint" in render_report(runs, look(runs, CAMPAIGN))
    assert [line.split()[0] for line in cancel_all(runs, CAMPAIGN)] == ["PVG", "PEK"]
    assert look(runs, CAMPAIGN).exit_code == 12


@pytest.mark.parametrize(
    "given",
    [
        CAMPAIGN.as_dict() | {"airports": ["CAN", "PVG"], "pilot": ""},
        CAMPAIGN.as_dict() | {"campaign_id": "other"},
        CAMPAIGN.as_dict() | {"at_once": 0},
        CAMPAIGN.as_dict() | {"at_once": "2"},
        {"airports": ["PEK", "PVG"]},
        {"whatever": 1},
    ],
)
def test_a_forged_arrangement_is_refused(runs: RunAccess, given: dict[str, Any]) -> None:
    """送来的安排不合规则、说的不是这一次的，不登记。"""
    with pytest.raises(InvalidInputError):
        runs.register("joint-PEK", GIVEN | {"AIRPORT_CODE": "PEK"}, "fake", {}, given)
    assert not runs.exists("joint-PEK")
    with pytest.raises(RunNotFoundError):
        campaign_of(runs, "joint")


@pytest.mark.parametrize(
    "body",
    [
        "[1]",
        '"x"',
        "[[1,2,3]]",
        '{"run_id": 1}',
        '{"run_id": "a", "answers": [1]}',
        '{"run_id": "joint-PEK", "answers": [{"subject": "\\ud800", "digest": "d", "decision": "approve"}]}',
        '{"run_id": "joint-PEK", "answers": [{"subject": "a\\u0000", "digest": "d", "decision": "approve"}]}',
    ],
)
def test_a_strange_body_is_refused_in_words(tmp_path: Path, body: str) -> None:
    """服务器收到什么样的正文都答得出一句话，什么也没有记下。"""
    services = Services(home=tmp_path, settings=Settings(), channel="cli")
    with TestClient(server_app(services)) as client:
        answer = client.post("/pam/settle", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidInputError")
    services.close()


@pytest.mark.parametrize(
    ("status", "page", "headers"),
    [
        (502, "<html>", {}),
        (404, "<html>", {}),
        (401, "", {}),
        (200, '{"cut', {}),
        (200, "x" * 2_000, {}),
        (200, "", {"content-encoding": "gzip"}),
    ],
)
@pytest.mark.parametrize(("name", "unknown"), [("settle", True), ("table", False)])
def test_an_answer_that_is_not_the_servers_own_is_unknown(
    monkeypatch: pytest.MonkeyPatch, status: int, page: str, headers: dict[str, str], name: str, *, unknown: bool
) -> None:
    """代理的网页、断在半截的、太大的、压缩的答复：会记下什么的，说也许已经作数；只是看的不说。"""
    monkeypatch.setattr(server_runs, "_MOST_BYTES", 1_000)
    with ServerRuns(Settings(pam_server="http://server.example")) as served:
        served._client._transport = httpx.MockTransport(
            lambda _request: httpx.Response(status, headers=headers, stream=httpx.ByteStream(page.encode()))
        )
        with pytest.raises(ServerError) as error:
            served.call(name, run_id="a")
    assert ("也许已经作数" in str(error.value)) is unknown
