"""共用的舞台与开发服务器：一次启动，几个用例轮流用，各走各的会话。"""

from collections.abc import Iterator

import pytest

from examples.dev_server import DevServer
from examples.stage import Stage, open_stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """一个试验场。"""
    with open_stage() as made:
        yield made


@pytest.fixture(scope="module")
def server(stage: Stage) -> Iterator[DevServer]:
    """指向它的 ``langgraph dev``。"""
    with DevServer(stage.home, stage.env) as running:
        yield running
