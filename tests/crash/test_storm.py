"""风暴：在随机的时刻一次次 kill -9，再恢复，直到做完；每个键在试验场的日志里恰好一次。"""

import random
import time

import pytest

from tests.cli.program import Done
from tests.cli.site import Site
from tests.crash.deaths import KILLED, check_truth


class Storm:
    """一次运行的风暴；一台总验证不通过，问了就批准回滚。"""

    def __init__(self, site: Site, workstations: int, seed: int) -> None:
        """每台的部署都慢一点，好让雷打在动作的中间。"""
        self.site, self._random = site, random.Random(seed)  # noqa: S311 —— 要的就是能重演
        *self.good, self.bad = site.take(workstations)
        for ip in site.ips:
            site.lab.add_fault(f"{ip}:deploy:slow=0.5:1")
        site.lab.add_fault(f"{self.bad}:verify:fail")
        self.kills = 0

    def rage(self, kills: int, *options: object) -> None:
        """杀够 ``kills`` 次或做完为止，然后不再杀，做到结束。"""
        done = self._live(*options)
        while done.code != 11:
            assert done.code in (KILLED, 10), done.err
            if done.code == 10:
                assert self.site.confirm("approve").code == 0
            done = self._live(*options, mercy=self.kills >= kills)

    def _live(self, *options: object, mercy: bool = False) -> Done:
        """开始或继续；不开恩就在随机的时刻杀掉。"""
        site = self.site
        begun = bool(site.pam("runs", "--json").json())
        job = site.pam.start("resume", site.run_id) if begun else site.start("--yes", *options)
        if mercy:
            return job.wait()
        time.sleep(self._random.uniform(0.05, 0.45))
        done = job.kill()
        self.kills += done.code == KILLED
        return done


def test_ten_kills(site: Site) -> None:
    """十次 kill -9。"""
    storm = Storm(site, 6, seed=7)
    storm.rage(10, "--max-parallel", 2)
    assert storm.kills >= 5, "没有打雷"
    check_truth(site, storm.good, storm.bad)


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("strategy", ["script_only", "hybrid_node_mcp"])
@pytest.mark.parametrize(("parallel", "workstations"), [(1, 10), (4, 24)])
def test_a_long_storm(site: Site, parallel: int, workstations: int, strategy: str, seed: int) -> None:
    """最多四十次 kill -9，依次或同时四台，经脚本或经 MCP。"""
    storm = Storm(site, workstations, seed)
    storm.rage(40, "--max-parallel", parallel, "--strategy", strategy)
    assert storm.kills >= 5, "没有打雷"
    check_truth(site, storm.good, storm.bad)


@pytest.mark.crash
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
def test_a_storm_over_a_rehearsal(site: Site, seed: int) -> None:
    """演练（``fake``）没有试验场可对：每一步在账本里恰好做完一次，每台都成功。"""
    chance = random.Random(seed)  # noqa: S311 —— 要的就是能重演
    site.ips = [f"10.0.0.{number}" for number in range(1, 4)]
    kills = 0
    done = Done(KILLED, "", "")
    while done.code != 0:
        assert done.code in (KILLED, 10), done.err
        begun = bool(site.pam("runs", "--json").json())
        job = site.pam.start("resume", site.run_id) if begun else site.start("--yes", "--strategy", "fake")
        if kills < 20:
            time.sleep(chance.uniform(0.3, 1.2))
            done = job.kill()
            kills += done.code == KILLED
        else:
            done = job.wait()
        if done.code == 10:
            assert site.confirm("approve").code == 0
    report = site.report()
    steps = [
        (event["ip"], event["stage"]) for event in report["events"] if event["type"] == "ACTION_DONE" and "ip" in event
    ]
    assert (len(steps), {row["status"] for row in report["ips"].values()}) == (len(set(steps)), {"SUCCESS"})
