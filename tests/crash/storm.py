"""长风暴：按种类一次次 ``kill -9``，直到够数；每次运行做完都拿试验场的真相核对，最后给出一张表。

``make storm STORM_ARGS='--kills 2000'``。几种轮着打，一次运行一行，最后是表；只数，出了事的运行说出来：
``effects`` 是生效了几步，``duplicates`` 是同一步（或同一个键）生效了第二次，``lost`` 是没有到该在的样子的工作站，
``false`` 是报告或问题里与真相不符的话。
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from pam_deploy_graph.constants import DEFAULT_STRATEGY
from pam_deploy_graph.lab.launcher import LabProcess
from tests.cli.program import Done, Pam, Zygote
from tests.cli.site import BEFORE, Site
from tests.crash.deaths import KILLED
from tests.crash.ordeal import RECORDS, Ordeal, checkpointed, flip, restored
from tests.postgres.server import PostgresServer, why_not
from tests.protocol.proxy import Proxy, proxy_of

COLUMNS: Final = ("runs", "kills", "processes", "effects", "duplicates", "lost", "false", "repaired")
_IN_A_RUN: Final = 6
_LEAST_KILLS: Final = 3
"""一次运行至少按这么多次 ``kill -9`` 备工作站。"""
_KILLS_IN_A_RUN: Final = 20
_MOST_LIVES: Final = 60
_WAIT: Final = 180.0


@dataclass
class Field:
    """一种风暴的场地：自己的试验场；``env`` 是命令的环境，每次运行可以换。"""

    folder: Path
    lab: LabProcess
    zygote: Zygote
    chance: random.Random
    figures: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    free: Iterator[int] = field(default_factory=lambda: count(1))
    troubles: list[str] = field(default_factory=list)

    def site(self, **env: str) -> Site:
        """下一次运行的地：自己的目录、版本、工作站。"""
        number = next(self.numbers)
        folder = self.folder / str(number)
        folder.mkdir()
        env = {"PAM_HOME_URL": self.lab.home_url, "PAM_TOKEN": self.lab.token} | env
        return Site(Pam(self.zygote, folder, env), self.lab, self._take, number)

    def _take(self, number: int) -> list[str]:
        """领几台没有用过的。"""
        assert number
        return [f"10.0.{n // 256}.{n % 256}" for n in (next(self.free) for _ in range(number))]


class Episode:
    """一次运行的历次生死：最后一台验证总不通过，问了就同意回滚。"""

    def __init__(self, ground: Field, site: Site, *options: object) -> None:
        """每台的部署都慢一点，好让雷打在动作的中间。"""
        self.ground, self.site, self._options = ground, site, options
        *self.good, self.bad = site.take(_IN_A_RUN)
        for ip in site.ips:
            site.lab.add_fault(f"{ip}:deploy:slow=0.4:1")
        site.lab.add_fault(f"{self.bad}:verify:fail")
        self._begun = False
        self.homes = [site.pam.home]
        self.during: Callable[[], None] = lambda: None

    def rage(self) -> None:
        """杀够次数，然后不再杀，做到结束；做不到结束的记下来。"""
        figures, done, kills = self.ground.figures, Done(KILLED, "", ""), 0
        for life in range(_MOST_LIVES):
            home = self.homes[life % len(self.homes)]
            done = self._live(home, mercy=kills >= _KILLS_IN_A_RUN)
            figures["processes"] += 1
            kills += done.code == KILLED
            figures["kills"] += done.code == KILLED
            if done.code == 10:
                self._answer()
            elif done.code != KILLED:
                break
        figures["runs"] += 1
        if done.code != 11:
            self.ground.troubles.append(f"{self.site.run_id}: 退出码 {done.code}：{done.err[-300:]}")
        self._check(ended=done.code == 11)

    def _live(self, home: Path, *, mercy: bool) -> Done:
        """开始或继续；不开恩就在随机的时刻杀掉。"""
        site = self.site
        self._begun = self._begun or bool(site.pam("runs", "--json").json())
        argv = ["resume", site.run_id] if self._begun else site.argv("--yes", *self._options)
        job = site.pam.start(*argv, home=home)
        if mercy:
            return job.wait(_WAIT)
        moment = self.ground.chance.uniform(0.1, 1.6)
        time.sleep(moment / 2)
        self.during()
        time.sleep(moment / 2)
        return job.kill()

    def _answer(self) -> None:
        """问的话先与真相相比，再同意。"""
        for question in self.site.status()["waiting"]:
            if question["type"] == "rollback-ip":
                said = question["running"], question["version_now"]
                self.ground.figures["false"] += None not in said and said != self.site.real(question["ip"])
        self.site.confirm("approve")

    def _check(self, *, ended: bool) -> None:
        """数：同一步生效了几次，哪几台不在该在的样子，报告说的与真相合不合。"""
        figures, site = self.ground.figures, self.site
        rows = [row for row in site.lab.journal() if row["key"].startswith(f"{site.run_id}.")]
        steps = Counter((row["action"], row["ip"]) for row in rows)
        figures["effects"] += len(rows)
        figures["duplicates"] += len(rows) - len(steps)
        wanted = dict.fromkeys(self.good, (True, site.version)) | {self.bad: (True, BEFORE)}
        lost = [ip for ip in site.ips if not ended or site.real(ip) != wanted[ip]]
        figures["lost"] += len(lost)
        if not ended:
            return
        for ip, row in site.report()["ips"].items():
            said = (row["running"], row["version_after"])
            fine = ("SUCCESS", "ROLLBACK_NOT_RUN") if ip in self.good else ("FAILED", "ROLLBACK_DONE")
            figures["false"] += said != site.real(ip) or (row["status"], row["rollback"]) != fine


def deploying(strategy: str) -> Callable[[Field, ExitStack], Callable[[], None]]:
    """一种策略的风暴。"""

    def prepare(ground: Field, _stack: ExitStack) -> Callable[[], None]:
        """没有什么要备的。"""
        return lambda: Episode(ground, ground.site(), "--strategy", strategy, "--max-parallel", 2).rage()

    return prepare


def rehearsing(ground: Field, _stack: ExitStack) -> Callable[[], None]:
    """演练没有外部世界可对：每一步在账本里恰好做完一次，每台都成功。"""

    def once() -> None:
        """一次。"""
        site, figures = ground.site(), ground.figures
        site.ips = [f"10.0.0.{number}" for number in range(1, _IN_A_RUN + 1)]  # 假后端只有八台
        begun, kills, done = False, 0, Done(KILLED, "", "")
        for _ in range(_MOST_LIVES):
            begun = begun or bool(site.pam("runs", "--json").json())
            job = site.pam.start("resume", site.run_id) if begun else site.start("--yes", "--strategy", "fake")
            if kills < _KILLS_IN_A_RUN:
                time.sleep(ground.chance.uniform(0.1, 1.2))
                done = job.kill()
            else:
                done = job.wait(_WAIT)
            figures["processes"] += 1
            kills += done.code == KILLED
            if done.code == 10:
                site.confirm("approve")
            elif done.code != KILLED:
                break
        figures["kills"] += kills
        figures["runs"] += 1
        report = site.report()
        steps = [(e["ip"], e["stage"]) for e in report["events"] if e["type"] == "ACTION_DONE" and "ip" in e]
        figures["effects"] += len(steps)
        figures["duplicates"] += len(steps) - len(set(steps))
        figures["lost"] += sum(row["status"] != "SUCCESS" for row in report["ips"].values())
        if done.code != 0:
            ground.troubles.append(f"{site.run_id}: 退出码 {done.code}：{done.err[-300:]}")

    return once


def taken_over(ground: Field, stack: ExitStack) -> Callable[[], None]:
    """账本在 PostgreSQL，两个工作目录轮流接管。"""
    server = stack.enter_context(PostgresServer())

    def once() -> None:
        """一次，用一个新库。"""
        site = ground.site(PAM_STORE_URL=server.new_database())
        episode = Episode(ground, site, "--strategy", ground.chance.choice(_BOTH), "--max-parallel", 2)
        episode.homes.append(site.pam.folder / "elsewhere")
        episode.rage()

    return once


def moving(ground: Field, stack: ExitStack) -> Callable[[], None]:
    """NODE 与它的 MCP 服务一再搬家：旧地址没有人听，HOME 答新的。"""
    home = stack.enter_context(proxy_of(ground.lab.home_url))
    origins = {url: url.removesuffix("/mcp") for url in (ground.lab.node_url(), ground.lab.info["mcp_url"])}
    here = stack.enter_context(ExitStack())

    def move() -> None:
        """搬到新的地址。"""
        here.close()
        new: dict[str, Proxy] = {url: here.enter_context(proxy_of(origin)) for url, origin in origins.items()}
        home.replace = {url: proxy.url + url.removeprefix(origins[url]) for url, proxy in new.items()}
        ground.figures["moves"] += 1

    def once() -> None:
        """一次：每条命都可能遇上一次搬家。"""
        site = ground.site(PAM_HOME_URL=home.url)
        episode = Episode(ground, site, "--strategy", ground.chance.choice(_BOTH), "--max-parallel", 2)
        episode.during = lambda: move() if ground.chance.random() < _MOVES else None
        episode.rage()

    move()
    return once


def damaged(damage: Callable[[Ordeal], None]) -> Callable[[Field, ExitStack], Callable[[], None]]:
    """记录遭殃的风暴：打几次雷，遭一次殃，说清了修，修完拿真相核对。"""

    def prepare(ground: Field, _stack: ExitStack) -> Callable[[], None]:
        """没有什么要备的。"""

        def once() -> None:
            """一次。"""
            site, seed = ground.site(), ground.chance.randrange(1 << 30)
            ordeal, fine, why = Ordeal(site, seed, workstations=_IN_A_RUN), False, ""
            try:
                damage(ordeal)
                ordeal.survive(kills=2)
                fine = True
            except (AssertionError, TimeoutError, ValueError) as error:
                why = str(error)[-300:]
            found = ordeal.count(ended=fine)
            ground.figures.update({"runs": 1, **found})
            if not fine or found["duplicates"] or found["lost"] or found["false"]:
                ground.troubles.append(f"{site.run_id}（seed {seed}）: {why} {found}")

        return once

    return prepare


def _flipped(ordeal: Ordeal) -> None:
    """打几次雷，账本（WAL 里的，或并进主文件之后的）翻转几位。"""
    for _ in range(ordeal.random.randint(1, 3)):
        ordeal.strike()
    name = ordeal.random.choice(["pam.db", "pam.db-wal"])
    if name == "pam.db":
        checkpointed(ordeal.folder / name)
    flip(ordeal.folder / name, ordeal.random, 8)


def _restored(ordeal: Ordeal) -> None:
    """打雷、备份、再打雷，从备份恢复账本或两份。"""
    ordeal.strike()
    with restored(ordeal, ordeal.random.choice([RECORDS[:1], RECORDS])):
        for _ in range(ordeal.random.randint(1, 2)):
            ordeal.strike()


TAKE_OVER: Final = "PostgreSQL, take-over"
_BOTH: Final = ("script_only", str(DEFAULT_STRATEGY))
_MOVES: Final = 0.5
"""一条命遇上一次搬家的机会。"""
MODES: Final[dict[str, tuple[float, Callable[[Field, ExitStack], Callable[[], None]]]]] = {
    "default": (0.2, deploying(str(DEFAULT_STRATEGY))),
    "script_only": (0.2, deploying("script_only")),
    "fake": (0.1, rehearsing),
    TAKE_OVER: (0.2, taken_over),
    "moving NODE": (0.15, moving),
    "restored backups": (0.075, damaged(_restored)),
    "flipped bytes": (0.075, damaged(_flipped)),
}
"""每一种占多少份，怎样打。"""


class Storm:
    """一种风暴：``once`` 打一次运行。"""

    def __init__(self, stack: ExitStack, mode: str, kills: int, seed: int) -> None:
        """开一块场地：工作站照要打的次数备。"""
        self.mode, self.kills, self._told = mode, kills, 0
        lab = stack.enter_context(LabProcess(workstations=(kills // _LEAST_KILLS + 2) * _IN_A_RUN))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pam-storm-"))
        zygote = Zygote()
        stack.callback(zygote.close)
        self.ground = Field(Path(folder), lab, zygote, random.Random(seed))  # noqa: S311 —— 要的就是能重演
        self.once = MODES[mode][1](self.ground, stack)

    @property
    def left(self) -> bool:
        """还没有打够。"""
        return self.ground.figures["kills"] < self.kills

    def news(self) -> list[str]:
        """到此刻的一行，与新出了事的运行。"""
        new, self._told = self.ground.troubles[self._told :], len(self.ground.troubles)
        return [self.row(), *new]

    def row(self) -> str:
        """表里的一行。"""
        return row(self.mode, self.ground.figures)


def row(mode: str, figures: Counter[str]) -> str:
    """表里的一行。"""
    return f"| {mode} | " + " | ".join(str(figures[name]) for name in COLUMNS) + " |"


def rage(modes: Sequence[str], kills: int, seed: int, minutes: float) -> Iterator[str]:
    """几种轮着打，直到够数或到了时候；逐行说出进展，最后是一张表。"""
    whole, deadline = sum(MODES[mode][0] for mode in modes), time.monotonic() + 60 * minutes
    with ExitStack() as stack:
        storms = [Storm(stack, mode, round(kills * MODES[mode][0] / whole), seed) for mode in modes]
        while left := [storm for storm in storms if storm.left]:
            for storm in left:
                if time.monotonic() < deadline:
                    storm.once()
                    yield from storm.news()
            if time.monotonic() >= deadline:
                break
        total = sum((storm.ground.figures for storm in storms), Counter[str]())
        yield f"\n| mode | {' | '.join(COLUMNS)} |\n|{' --- |' * (len(COLUMNS) + 1)}"
        yield from [storm.row() for storm in storms]
        yield row("total", total)


def main() -> None:
    """照命令行的要求打。"""
    parser = argparse.ArgumentParser(description="长风暴")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=120.0, help="最多打多久")
    parser.add_argument("--mode", action="append", choices=list(MODES), help="只打这几种；可以重复")
    given: Any = parser.parse_args()
    modes = given.mode or [mode for mode in MODES if mode != TAKE_OVER or not why_not()]
    for line in rage(modes, given.kills, given.seed, given.minutes):
        print(line, flush=True)  # noqa: T201 —— 要给人看


if __name__ == "__main__":
    main()
