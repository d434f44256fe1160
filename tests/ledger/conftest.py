"""账本测试的夹具：账本的用例在两种数据库上各跑一遍。"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pam_deploy_graph.ledger import Ledger
from tests.agent.rig import store_url


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
