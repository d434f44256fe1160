"""手动驾驶测试的夹具：每个用例在自己的空目录里，不受外面的环境变量影响。"""

from pathlib import Path

import pytest

from tests.agent.rig import ENVIRONMENT, Rig


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """当前目录换成空目录，清掉相关的环境变量。"""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rig(home: Path) -> Rig:
    """三台在线、没有编排失败的台架。"""
    return Rig()
