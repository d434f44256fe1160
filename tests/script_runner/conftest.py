"""脚本后端测试的夹具：配置、状态、裸 PAM、桩脚本。"""

from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from pam_deploy_graph.config_writer import write_config
from pam_deploy_graph.models import AgentState
from tests.script_runner.wire import WirePam, wire_pam

TOKEN = "canary-8f3b1c2d"
ROOT = Path(__file__).resolve().parents[2]
ENTRY = ROOT / "doc_scripts" / "pam_action.sh"
PARAMS = {
    "AIRPORT_CODE": "PEK",
    "APP_NAME": "checkin",
    "MODULE_NAME": "gate",
    "VERSION_NUMBER": "1.3.0",
    "PACKAGE_PATH": "",
    "REQUEST_TIMEOUT": "5",
    "VERIFY_TIMEOUT": "5",
}

MakeState = Callable[..., AgentState]
MakeScript = Callable[..., Path]


async def until(condition: Callable[[], bool]) -> None:
    """等到别的进程让条件成立。"""
    while not condition():  # noqa: ASYNC110 —— 等的是别的进程，没有谁来通知
        await anyio.sleep(0.01)


@pytest.fixture
def pam() -> Iterator[WirePam]:
    """一个可编排的裸 PAM。"""
    with wire_pam() as running:
        yield running


@pytest.fixture
def make_state(tmp_path: Path) -> MakeState:
    """造一个配置文件已经写好的状态；关键字盖在默认参数上。"""

    def make(**params: str) -> AgentState:
        """写出配置文件并返回状态。"""
        merged = PARAMS | params
        extra = {"RUN_ID": "r1", "LOG_DIR": str(tmp_path / "logs" / "r1")}
        config = write_config(merged | extra, tmp_path / "runtime" / "config_r1.txt")
        return AgentState(
            run_id="r1",
            params=merged,
            execution_strategy="script_only",
            config_path=str(config),
            trace_file_path=str(tmp_path / "logs" / "trace.log"),
        )

    return make


@pytest.fixture
def make_script(tmp_path: Path) -> MakeScript:
    """把几行 bash 写成可执行的桩脚本。"""

    def make(body: str, name: str = "stub.sh", mode: int = 0o755) -> Path:
        """写出脚本并返回路径。"""
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        path.chmod(mode)
        return path

    return make
