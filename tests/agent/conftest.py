"""手动驾驶测试的夹具。"""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_folder(home: Path) -> None:
    """每个用例在自己的空目录里。"""
