"""曾经的缺陷：每一个用过又丢下的 ``PamDeployAgent`` 都留下一个写手线程与四个打开的文件，多了就打不开别的。"""

import gc
import threading
import time
from pathlib import Path

import pytest

from pam_deploy_graph.agent import PamDeployAgent
from pam_deploy_graph.fake_runner import FakeActionRunner
from tests.patience import patience

PARAMS = {"AIRPORT_CODE": "PEK", "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.3.0"}


def held(folder: Path) -> list[str]:
    """本进程在这个目录里打开着的文件。"""
    names = (path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return [str(name) for name in names if str(name).startswith(str(folder))]


def test_what_is_dropped_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """用过三个、丢下不管：线程与文件都放掉了，账本照样读得回来。"""
    monkeypatch.chdir(tmp_path)
    before = threading.active_count()
    for name in ("a", "b", "c"):
        agent = PamDeployAgent(fake_runner=FakeActionRunner(online_ips=["10.0.0.1"]))
        state = agent.create_state(params=PARAMS, execution_strategy="fake", run_id=name)
        agent.run_deploy_flow(state)
        assert state.ip_states["10.0.0.1"]["status"] == "SUCCESS"
        del agent, state
    gc.collect()
    deadline = time.monotonic() + patience(5)
    while (held(tmp_path) or threading.active_count() > before + 1) and time.monotonic() < deadline:
        time.sleep(0.02)  # 写手收下「走」要一点时间；另一个线程是全进程共用的事件循环
    assert (held(tmp_path), threading.active_count() <= before + 1) == ([], True)
