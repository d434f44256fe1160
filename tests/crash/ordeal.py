"""记录也遭殃的一场磨难：``kill -9`` 之后翻转字节、从备份恢复；停得清楚就修，修完拿试验场的真相核对。"""

import copy
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from pam_deploy_graph.constants import Ask
from tests.cli.program import Done
from tests.cli.site import Site
from tests.crash.deaths import KILLED

RECORDS: Final = ("pam.db", "checkpoints.sqlite")
OVER: Final = (0, 11)
_WAIT: Final = 180.0


class Ordeal:
    """一串运行：头一次的记录遭了殃，修出来的接着做；``figures`` 是数字。"""

    def __init__(self, site: Site, seed: int, workstations: int = 4) -> None:
        """领几台，每台的部署都慢一点，好让雷打在动作的中间。"""
        self.random = random.Random(seed)  # noqa: S311 —— 要的就是能重演
        self.first, self.now = site, site
        site.take(workstations)
        for ip in site.ips:
            site.lab.add_fault(f"{ip}:deploy:slow=0.6:1")
        self.folder = site.pam.home / "runtime"
        self.figures = {"kills": 0, "processes": 0, "stopped": 0, "repaired": 0, "without_ledger": 0}

    def strike(self) -> None:
        """开始或继续，工作站上又生效了一两步之后 kill -9。"""
        begun = bool(self.now.pam("runs", "--json").json())
        wanted = len(self._rows()) + self.random.randint(1, 3)
        job = self.now.pam.start("resume", self.now.run_id) if begun else self.now.start("--yes", "--max-parallel", 2)
        while len(self._rows()) < wanted and not job.ended():
            time.sleep(0.1)
        time.sleep(self.random.uniform(0, 0.3))
        self.figures["processes"] += 1
        self.figures["kills"] += job.kill().code == KILLED

    def _rows(self) -> list[dict[str, str]]:
        """这几台工作站上生效了的各步。"""
        return [row for row in self.first.lab.journal() if row["ip"] in self.first.ips]

    def survive(self, kills: int = 0) -> None:
        """做到结束：停下的要说得清，修了再做，做的时候再打 ``kills`` 次雷；三次还修不好就是没有修好。"""
        done = self._go_on(kills)
        for _ in range(3):
            if done.code in OVER:
                return
            assert (done.code, "Traceback" in done.err) == (12, False), done.err
            self.figures["stopped"] += 1
            self._repair()
            done = self._go_on(kills)
        raise AssertionError(done.err)

    def check(self) -> None:
        """试验场的真相：每台都在新版本上运行；没有一个键生效两次；报告说成功的，真的是那样。"""
        found = self.count(ended=True)
        assert (found["duplicates"], found["lost"], found["false"]) == (0, 0, 0), found

    def count(self, *, ended: bool) -> dict[str, int]:
        """数：生效的步数、生效了两次的键、没有到新版本的台数、报告里不实的话。"""
        keys = [row["key"] for row in self._rows()]
        ips, wanted = self.first.ips, (True, self.first.version)
        rows = self.now.report()["ips"] if ended else {}
        said = {ip: (rows[ip]["running"], rows[ip]["version_after"]) for ip in rows}
        found = {"effects": len(keys), "duplicates": len(keys) - len(set(keys))}
        found["lost"] = sum(not ended or self.first.real(ip) != wanted for ip in ips)
        found["false"] = sum(said[ip] != self.first.real(ip) or rows[ip]["status"] != "SUCCESS" for ip in said)
        return {name: number for name, number in self.figures.items() if name != "without_ledger"} | found

    def _go_on(self, kills: int) -> Done:
        """恢复到结束或停下；问了就同意计划、让失败的重试。"""
        for _ in range(kills):
            job = self.now.pam.start("resume", self.now.run_id)
            time.sleep(self.random.uniform(0.1, 1.5))
            done = job.kill()
            self.figures["processes"] += 1
            self.figures["kills"] += done.code == KILLED
            if done.code not in (KILLED, 10):
                return done
        done = self._resume()
        for _ in range(6):
            if done.code != 10:
                break
            about_plan = self.now.status()["waiting"][0]["type"] == Ask.PLAN
            assert self.now.confirm("approve" if about_plan else "retry").code == 0
            done = self._resume()
        return done

    def _resume(self) -> Done:
        """继续，等它停下。"""
        self.figures["processes"] += 1
        return self.now.pam.start("resume", self.now.run_id).wait(_WAIT)

    def _repair(self) -> None:
        """``repair``；账本整个读不了的照值班手册挪开它，账本不记得范围的给出范围。"""
        done = self.now.pam("repair", self.now.run_id)
        if done.code == 12:
            for suffix in ("", "-wal", "-shm"):
                (self.folder / f"pam.db{suffix}").unlink(missing_ok=True)
        if done.code == 12 or not self._newest().startswith(f"{self.now.run_id}-r"):
            self.figures["without_ledger"] += 1
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


def checkpointed(path: Path) -> None:
    """把 WAL 并进主文件：之后翻转的就是主文件里真的数据。"""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def restored(ordeal: Ordeal, names: Sequence[str]) -> Iterator[None]:
    """进来时备份；出去时从备份恢复这几个文件。"""
    backup = ordeal.first.pam.folder / "backup"
    shutil.copytree(ordeal.folder, backup)
    yield
    for name in names:
        for suffix in ("", "-wal", "-shm"):
            (ordeal.folder / f"{name}{suffix}").unlink(missing_ok=True)
            if (backup / f"{name}{suffix}").exists():
                shutil.copyfile(backup / f"{name}{suffix}", ordeal.folder / f"{name}{suffix}")
