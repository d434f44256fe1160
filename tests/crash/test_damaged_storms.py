"""记录也遭殃的风暴：kill -9 之后翻转字节、从备份恢复。

停得清楚就修，修完拿试验场的真相核对：没有重复的效果、没有漏掉的工作站、没有一句不实的话；最后印出数字。
"""

import copy
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pam_deploy_graph.constants import Ask
from tests.cli.program import Done
from tests.cli.site import Site
from tests.crash.deaths import KILLED

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]
RECORDS = ("pam.db", "checkpoints.sqlite")
OVER = (0, 11)


class Ordeal:
    """一串运行：头一次的记录遭了殃，修出来的接着做；``figures`` 是数字。"""

    def __init__(self, site: Site, seed: int) -> None:
        """领四台，每台的部署都慢一点，好让雷打在动作的中间。"""
        self.random = random.Random(seed)  # noqa: S311 —— 要的就是能重演
        self.first, self.now = site, site
        site.take(4)
        for ip in site.ips:
            site.lab.add_fault(f"{ip}:deploy:slow=0.6:1")
        self.folder = site.pam.home / "runtime"
        self.figures = {"kills": 0, "stopped": 0, "repaired": 0, "lost": 0}

    def strike(self) -> None:
        """开始或继续，工作站上又生效了一两步之后 kill -9。"""
        begun = bool(self.now.pam("runs", "--json").json())
        wanted = self._effects() + self.random.randint(1, 3)
        job = self.now.pam.start("resume", self.now.run_id) if begun else self.now.start("--yes", "--max-parallel", 2)
        while self._effects() < wanted and not job.ended():
            time.sleep(0.02)
        time.sleep(self.random.uniform(0, 0.3))
        self.figures["kills"] += job.kill().code == KILLED

    def _effects(self) -> int:
        """工作站上生效了几步。"""
        return sum(row["ip"] in self.first.ips for row in self.first.lab.journal())

    def survive(self) -> None:
        """做到结束：停下的要说得清，修了再做；三次还修不好就是没有修好。"""
        done = self._go_on()
        for _ in range(3):
            if done.code in OVER:
                return
            assert (done.code, "Traceback" in done.err) == (12, False), done.err
            self.figures["stopped"] += 1
            self._repair()
            done = self._go_on()
        raise AssertionError(done.err)

    def check(self) -> None:
        """试验场的真相：每台都在新版本上运行；没有一个键生效两次；报告说成功的，真的是那样。"""
        rows = [row for row in self.first.lab.journal() if row["ip"] in self.first.ips]
        keys = [row["key"] for row in rows]
        assert len(keys) == len(set(keys)), keys
        assert {ip: self.first.real(ip) for ip in self.first.ips} == dict.fromkeys(
            self.first.ips, (True, self.first.version)
        )
        rows = self.now.report()["ips"]
        said = {ip: (rows[ip]["status"], rows[ip]["version_after"]) for ip in self.first.ips}
        assert said == dict.fromkeys(self.first.ips, ("SUCCESS", self.first.version))

    def _go_on(self) -> Done:
        """恢复到结束或停下；问了就同意计划、让失败的重试。"""
        done = self.now.resume()
        for _ in range(6):
            if done.code != 10:
                break
            about_plan = self.now.status()["waiting"][0]["type"] == Ask.PLAN
            assert self.now.confirm("approve" if about_plan else "retry").code == 0
            done = self.now.resume()
        return done

    def _repair(self) -> None:
        """``repair``；账本整个读不了的照值班手册挪开它，账本不记得范围的给出范围。"""
        done = self.now.pam("repair", self.now.run_id)
        if done.code == 12:
            for suffix in ("", "-wal", "-shm"):
                (self.folder / f"pam.db{suffix}").unlink(missing_ok=True)
        if done.code == 12 or not self._newest().startswith(f"{self.now.run_id}-r"):
            self.figures["lost"] += 1
            done = self.now.pam("repair", self.now.run_id, "--targets", ",".join(self.first.ips))
        assert done.code == 10, done.err
        self.figures["repaired"] += 1
        self.now = copy.copy(self.now)
        self.now.run_id = self._newest()

    def _newest(self) -> str:
        """最近一次运行；一次也没有为空串。"""
        rows = self.now.pam("runs", "--json").json()
        return str(rows[0]["run_id"]) if rows else ""


def flip(path: Path, chance: random.Random, bits: int) -> bool:
    """翻转一个文件里的几位；没有这个文件、是空的，返回假。"""
    if not path.exists() or not (content := bytearray(path.read_bytes())):
        return False
    for _ in range(bits):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return True


@pytest.fixture
def ordeal(site: Site, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[Ordeal]:
    """一场磨难；结束时印出数字，不管过没过。"""
    made = Ordeal(site, int(request.node.callspec.params["seed"]))
    yield made
    with capsys.disabled():
        print(f"\n{request.node.name}: {made.figures}")  # noqa: T201 —— 要给人看


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["pam.db", "pam.db-wal"])
def test_flipped_bytes(ordeal: Ordeal, name: str, seed: int) -> None:
    """打雷之后账本（或它的 WAL）翻转了几位：照样做完，或停下说清、修了做完。"""
    assert seed >= 0
    ordeal.strike()
    ordeal.figures["flipped"] = int(flip(ordeal.folder / name, ordeal.random, 8))
    ordeal.survive()
    ordeal.check()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("names", [("pam.db",), RECORDS], ids=["ledger", "both"])
def test_a_restored_backup(ordeal: Ordeal, names: tuple[str, ...], seed: int) -> None:
    """打雷，备份，再打雷，从备份恢复账本（或两份）：绝不把做过的当作没有做，停下说清、修了做完。"""
    assert seed >= 0
    ordeal.strike()
    backup = ordeal.first.pam.folder / "backup"
    shutil.copytree(ordeal.folder, backup)
    ordeal.strike()
    for name in names:
        for suffix in ("", "-wal", "-shm"):
            (ordeal.folder / f"{name}{suffix}").unlink(missing_ok=True)
            if (backup / f"{name}{suffix}").exists():
                shutil.copyfile(backup / f"{name}{suffix}", ordeal.folder / f"{name}{suffix}")
    ordeal.survive()
    ordeal.check()
