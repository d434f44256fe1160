"""数据库冻住：连得上、不答话、也不断开。命令在有限的时间里以 12 停下，说得清；SIGTERM 总能结束它。"""

import re
import signal
import time

import pytest

from tests.cli.site import Site
from tests.cli.test_stopping import slow_start
from tests.patience import patience
from tests.postgres.server import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]
MOST_SECONDS = 110
"""一次往返的时限是 25 秒；停下的路上还要还租约、存检查点，各有一次。"""


@pytest.mark.parametrize("told", ["", "SIGTERM"])
def test_a_frozen_server(site: Site, postgres: PostgresServer, told: str) -> None:
    """推到一半冻住：以 12 停下，说数据库没有应答，不是回溯；化开之后接着做完，每个效果恰好一次。"""
    job = slow_start(site, 1)
    with postgres.frozen():
        began = time.monotonic()
        if told:
            job.interrupt(getattr(signal, told))
        done = job.wait(MOST_SECONDS)
        assert time.monotonic() - began < patience(MOST_SECONDS)
        assert (done.code, "Traceback" in done.err) == (12, False), done.err
        assert re.search("没有应答|没有回来", done.err), done.err
        assert "PAM_STORE_URL" in done.err, done.err
    time.sleep(0.5)
    done = site.resume()
    assert done.code == 0, done.err
    site.all_right()


def test_a_look_at_a_frozen_server(site: Site, postgres: PostgresServer) -> None:
    """看的命令也不会永远等下去。"""
    site.take(1)
    assert site.run().code == 10
    with postgres.frozen():
        done = site.pam.start("status", site.run_id).wait(MOST_SECONDS)
    assert (done.code, "Traceback" in done.err, "PAM_STORE_URL" in done.err) == (12, False, True), done.err
