"""接管的风暴：账本在 PostgreSQL，每次 kill -9 之后由另一个工作目录接着做，轮流死，轮流接。"""

import random
import time

import pytest

from tests.cli.program import Done
from tests.cli.site import Site
from tests.crash.deaths import KILLED, check_truth

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]


@pytest.mark.parametrize("seed", range(2))
def test_taken_over_again_and_again(site: Site, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """两处轮流接管十二次：没有重复的效果，没有漏掉的工作站，报告与试验场的真相相符；印出数字。"""
    chance = random.Random(seed)  # noqa: S311 —— 要的就是能重演
    *good, bad = site.take(6)
    site.lab.add_fault(f"{bad}:verify:fail")
    for ip in site.ips:
        site.lab.add_fault(f"{ip}:deploy:slow=0.5:1")
    homes = [site.pam.home, site.pam.folder / "elsewhere"]
    kills, lives = 0, 0
    done = Done(KILLED, "", "")
    while done.code != 11:
        assert done.code in (KILLED, 10), done.err
        home = homes[lives % 2]
        if done.code == 10:
            assert site.confirm("approve").code == 0
        begun = bool(site.pam("runs", "--json").json())
        argv = ["resume", site.run_id] if begun else site.argv("--yes", "--max-parallel", 2)
        job = site.pam.start(*argv, home=home)
        if kills < 12:
            before = len(site.effects())
            while len(site.effects()) == before and not job.ended():
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 0.2))
            done = job.kill()
            kills += done.code == KILLED
        else:
            done = job.wait()
        lives += 1
    check_truth(site, good, bad)
    with capsys.disabled():
        print(f"\n接管的风暴 {seed}: {kills} 次 kill -9，{lives} 个进程，{len(site.effects())} 个效果")  # noqa: T201 —— 要给人看
