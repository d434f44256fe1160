"""``status --watch``：别的进程做着的时候看着它，说出谁在做；做完了自己结束。"""

import time

from tests.cli.site import Site
from tests.patience import patience


def test_watching_ends_with_the_run(site: Site) -> None:
    """从开工看到结束：途中说出正由哪个进程做，末了是结果。"""
    (ip,) = site.take(1)
    site.lab.add_fault(f"{ip}:deploy:slow=4:1")
    job = site.start("--yes")
    deadline = time.monotonic() + patience(30)
    while not any(row["holder"] for row in site.pam("runs", "--json").json()):
        assert time.monotonic() < deadline, job.kill()
    seen = site.pam("status", site.run_id, "--watch")
    assert job.wait().code == 0
    assert seen.code == 0, seen
    assert "正由主机" in seen.out
    assert f"运行 {site.run_id}: 已结束" in seen.out
    told = site.pam("status", site.run_id, "--watch", "--json")
    assert told.json()["exit_code"] == 0
