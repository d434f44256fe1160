"""图的测试的夹具。"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pam_deploy_graph.checkpoint_store import open_saver
from tests.graph.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """用 SqliteSaver 的桌子。"""
    with open_saver(tmp_path / "runtime" / "checkpoints.sqlite") as saver:
        made = Desk(tmp_path, saver)
        yield made
        made.services.close()
