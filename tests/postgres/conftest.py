"""命令行的账本与检查点都放在 PostgreSQL 的一个新库里。"""

from pathlib import Path

import pytest

from pam_deploy_graph.lab.launcher import LabProcess
from tests.cli.program import Pam, Zygote
from tests.postgres.server import PostgresServer


@pytest.fixture
def store(postgres: PostgresServer) -> str:
    """一个新库的地址。"""
    return postgres.new_database()


@pytest.fixture
def pam(zygote: Zygote, lab: LabProcess, tmp_path: Path, store: str) -> Pam:
    """用这个库的命令行。"""
    return Pam(zygote, tmp_path, {"PAM_HOME_URL": lab.home_url, "PAM_TOKEN": lab.token, "PAM_STORE_URL": store})
