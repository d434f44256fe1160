"""命令行测试的夹具。"""

import os
from collections.abc import Iterator

import pytest

from tests.cli.terminal import Terminal


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """一个终端。"""
    made = Terminal()
    yield made
    os.close(made.master)
    os.close(made.slave)
