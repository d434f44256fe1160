"""两个 Aegra 实例，各有自己的主机名与目录：反复 kill -9，全部做完，每个效果一次，与试验场的真相相同。"""

import pytest

from tests.cluster.servers import why_not
from tests.cluster.walk import walk
from tests.on_host import may_unshare
from tests.postgres.server import why_not as why_no_postgres

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]


def test_killed_again_and_again(capsys: pytest.CaptureFixture[str]) -> None:
    """十个机场同时推出，每十秒杀掉一个实例。"""
    if reason := why_not() or why_no_postgres():
        pytest.skip(reason)
    if not may_unshare():
        pytest.skip("这台机器不许 unshare：换不了主机名")
    found = walk(airports=10, workstations=10, kills=5)
    with capsys.disabled():
        print(f"\n{found.text()}")  # noqa: T201 —— 要给人看
    assert found.good, found.text()
