"""每个例子都真的跑一遍：问题浮到该浮到的地方，试验场里的真相与所说的相符。"""

import asyncio
import subprocess
from collections.abc import Iterator

import pytest

from examples import library, other_backend, subgraph
from examples.stage import FAILING, Stage, open_stage
from pam_deploy_graph.checkpoint_store import open_saver
from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.report.summary import report_object
from tests.postgres.server import PostgresServer
from tools.source import PROJECT

DEEP = PROJECT / "build" / "deepagents" / "bin" / "python"
AFTER = {"10.0.0.1": "2.0.0", FAILING: "1.2.2", "10.0.0.3": "2.0.0"}


@pytest.fixture
def stage() -> Iterator[Stage]:
    """一个例子一个舞台。"""
    with open_stage() as made:
        yield made


def right(stage: Stage) -> None:
    """坏的一台退回了原版本，其余都是新版本，回滚恰好一次。"""
    assert stage.versions() == AFTER
    assert stage.rollbacks() == [FAILING]


def test_library(stage: Stage) -> None:
    """当作库，同步：两个问题之后有结果。"""
    assert library.deploy(stage)["exit_code"] == 11
    right(stage)


async def test_library_in_a_running_loop(stage: Stage) -> None:
    """当作库，异步：宿主的事件循环一直在转，没有被占住。"""
    ticks = 0

    async def tick() -> None:
        """每 10 毫秒数一下。"""
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    out = await library.deploy_async(stage)
    ticking.cancel()
    assert out["exit_code"] == 11
    assert ticks > 20
    right(stage)


def test_subgraph(stage: Stage) -> None:
    """当作子图：问题浮到父图，父图同名的键原样，也没有多出子图的键。"""
    asked, out = subgraph.run(stage)
    assert asked == ["approve_plan", "rollback-ip"]
    assert out["params"] == ["早班", "3 号航站楼"]
    assert set(out) == {"params", "outcome", "closed"}
    right(stage)


@pytest.mark.studio
def test_subgraph_on_sqlite(stage: Stage) -> None:
    """父图的检查点在 SQLite 里，一样。"""
    with open_saver(str(stage.home / "shift.sqlite")) as saver:
        asked, _ = subgraph.run(stage, saver)
    assert asked == ["approve_plan", "rollback-ip"]
    right(stage)


@pytest.mark.postgres
def test_subgraph_on_postgres(stage: Stage, postgres: PostgresServer) -> None:
    """父图的检查点在 PostgreSQL 里，一样。"""
    with open_saver(postgres.new_database()) as saver:
        asked, _ = subgraph.run(stage, saver)
    assert asked == ["approve_plan", "rollback-ip"]
    right(stage)


def test_other_backend(stage: Stage) -> None:
    """换了后端：结果一样，NODE 一侧确实走的是它。"""
    out = other_backend.deploy(stage)
    assert out["exit_code"] == 11
    assert out["plan"]["execution_strategy"] == "hybrid_node_http"
    ledger = Ledger(stage.settings.store_url(stage.home))
    report = report_object(ledger.load_state(out["run_id"]), [])
    ledger.close()
    assert {report["action_backends"][name] for name in ("stop-ip", "sync-node")} == {"http"}
    assert {
        event["backend"] for event in report["events"] if event.get("stage") == "deploy-ip" and event["backend"]
    } == {"http"}
    right(stage)


@pytest.mark.studio
@pytest.mark.parametrize(("answers", "rolled"), [(["approve", "reject"], []), (["approve", "approve"], [FAILING])])
def test_agent_tool(stage: Stage, answers: list[str], rolled: list[str]) -> None:
    """当作工具：问题都到人面前，模型自称的批准不算，只有人的回答算。"""
    from examples import agent_tool

    asked, out = agent_tool.run(stage, answers)
    assert asked == ["approve_plan", "rollback-ip"]
    assert stage.rollbacks() == rolled
    assert out["messages"][-1].content == "部署做完了。"


@pytest.mark.studio
def test_agent_tool_unanswered(stage: Stage) -> None:
    """人拒绝计划：模型把「批准」说了两遍，也什么都没有发生。"""
    from examples import agent_tool

    asked, _ = agent_tool.run(stage, ["reject"])
    assert asked == ["approve_plan"]
    assert stage.lab.journal() == []


@pytest.mark.studio
@pytest.mark.filterwarnings("ignore::langgraph.warnings.LangGraphDeprecatedSinceV10")  # 上游还用着旧的函数
def test_supervisor(stage: Stage) -> None:
    """主管手下的一员：三个问题都浮上来，答了从停下的地方接着走，回滚恰好一次。"""
    from examples import supervisor

    asked, out = supervisor.run(stage, stage.replies)
    assert asked == ["provide_params", "approve_plan", "rollback-ip"]
    assert out["messages"][-1].content == "部署做完了。"
    right(stage)


@pytest.mark.studio
@pytest.mark.skipif(not DEEP.exists(), reason="deepagents 自成一个环境，先 make build/deepagents/.stamp")
def test_deep_agent() -> None:
    """``deepagents`` 的下手，在它自己的环境里：三个问题都浮上来，回滚恰好一次。"""
    command = [str(DEEP), "-m", "examples.deep_agent"]
    said = subprocess.run(command, check=True, cwd=PROJECT, capture_output=True, text=True, timeout=50).stdout
    assert "['provide_params', 'approve_plan', 'rollback-ip']" in said
    assert f"真的回滚过： ['{FAILING}']" in said
