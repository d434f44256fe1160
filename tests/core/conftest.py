"""核心部件测试的夹具：每个用例在自己的空目录里，不受外面的环境变量影响；账本的用例在两种数据库上各跑一遍。"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pam_deploy_graph.ledger import Ledger
from tests.agent.rig import ENVIRONMENT, Rig, store_url


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


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """账本放在哪种数据库里；PostgreSQL 上每个用例一个新库。"""
    kind: str = request.param
    if kind == "postgres":
        monkeypatch.setenv("PAM_STORE_URL", request.getfixturevalue("postgres").new_database())
    return kind


@pytest.fixture
def ledger(database: str) -> Iterator[Ledger]:
    """账本。"""
    opened = Ledger(store_url())
    yield opened
    opened.close()
