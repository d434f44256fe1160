"""接管一台真的别的主机：看不见它的进程死活，只能等租期；等的时候说得清等到何时，等到了接着做完，没有一步做两次。"""

import re
import time
from datetime import datetime

import pytest

from tests.cli.program import MODULE, Job
from tests.cli.site import Site
from tests.on_host import ON_HOST, may_unshare
from tests.patience import patience

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
LEASE_SECONDS, RENEWED_EVERY = 30, 10


@pytest.fixture(autouse=True)
def _may_unshare() -> None:
    """不许开名字空间的机器上跳过。"""
    if not may_unshare():
        pytest.skip("这台机器不许 unshare：换不了主机名")


def start_elsewhere(site: Site, host: str, slow: int = 2) -> Job:
    """在那台主机上开始推出，等到第一台正在慢慢地部署。"""
    first = site.take(2)[0]
    site.lab.add_fault(f"{first}:deploy:slow={slow}:1")
    argv = [*site.argv("--yes"), "--home", str(site.pam.folder / host)]
    job = site.pam.job([str(ON_HOST), host, MODULE, *argv])
    deadline = time.monotonic() + patience(30)
    while not site.count("stop-ip", first):
        assert time.monotonic() < deadline, job.text()
        time.sleep(0.05)
    return job


def test_its_lease_is_waited_out(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """那台主机上的进程被 kill -9：等它的租期，说出是哪台主机、何时到期；一到就接着做完，死掉的那个不算出错。"""
    start_elsewhere(site, "gate-a").kill()
    killed = time.time()
    assert "主机 gate-a" in site.status()["holder"]
    done = site.resume()
    waited = time.time() - killed
    assert (done.code, "错误" in done.err) == (0, False), done.err
    (shown,) = set(re.findall(r"等着：运行 .*由主机 gate-a .*租期到 ([-0-9]+ [0-9:]+)", done.err))
    ends = datetime.strptime(shown, "%Y-%m-%d %H:%M:%S").astimezone().timestamp()
    assert killed + LEASE_SECONDS - RENEWED_EVERY - patience(3) < ends <= killed + LEASE_SECONDS + 1
    assert ends - killed <= waited < ends - killed + patience(15)
    site.all_right()
    with capsys.disabled():
        print(f"\n别的主机: {waited:.0f} 秒之后做完，效果 {len(site.effects())} 个各一次")  # noqa: T201 —— 要给人看


def test_a_live_process_elsewhere_keeps_its_run(site: Site) -> None:
    """那台主机上的进程还活着：看见它续了租就不等了，这里接不了手，它自己做完。"""
    job = start_elsewhere(site, "gate-b", 2 * RENEWED_EVERY + 5)  # 刚写过账本的，要到第二次心跳才续
    done = site.resume()
    assert (done.code, "主机 gate-b" in done.err) == (2, True), done.err
    assert job.wait().code == 0
    site.all_right()
