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


def test_jobs_with_a_limit(capsys: pytest.CaptureFixture[str]) -> None:
    """作业最长 12 秒，推出要长得多：一个接一个地排，做完，没有一个到了时限。"""
    if reason := why_not() or why_no_postgres():
        pytest.skip(reason)
    if not may_unshare():
        pytest.skip("这台机器不许 unshare：换不了主机名")
    limits = {"BG_JOB_TIMEOUT_SECS": "12", "PAM_JOB_SECONDS": "2", "PAM_SERVER": "{url}"}
    found = walk(airports=1, workstations=12, kills=0, more=limits)
    with capsys.disabled():
        print(f"\n作业 {found.jobs} 个；{found.text()}")  # noqa: T201 —— 要给人看
    assert found.good, found.text()
    assert found.jobs > 3
