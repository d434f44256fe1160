"""核心部件测试的夹具：每个用例在自己的空目录里，不受外面的环境变量影响。"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pam_deploy_graph.ledger import Ledger
from tests.agent.rig import ENVIRONMENT, Rig
from tests.core.books import url


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


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    """当前目录里的账本。"""
    opened = Ledger(url())
    yield opened
    opened.close()
