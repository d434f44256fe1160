"""走一遍集群：两个 Aegra 实例，几个机场同时推出，反复 ``kill -9`` 一个实例，做完，与试验场的真相核对。

用法：``python -m tests.cluster.walk --airports 3 --workstations 4 --kills 2``（``make cluster``）。
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from pam_deploy_graph.cli.app import app
from pam_deploy_graph.lab.launcher import LabProcess
from tests.cluster.servers import Aegra, redis, why_not
from tests.on_host import may_unshare
from tests.patience import patience
from tests.postgres.server import PostgresServer
from tests.postgres.server import why_not as why_no_postgres

AIRPORTS: Final = ("PEK", "PVG", "CAN", "CTU", "SZX", "XIY", "KMG", "HGH", "CKG", "NKG")
VERSION: Final = "2.0.0"
_SLOW_SECONDS: Final = 0.3
_KILL_EVERY: Final = 10.0
_PATIENCE_SECONDS: Final = 300.0


@dataclass
class Figures:
    """走完之后的数目。"""

    airports: int
    workstations: int
    kills: int = 0
    finished: int = 0
    seconds: float = 0.0
    effects: int = 0
    duplicates: int = 0
    lost: int = 0
    locked: int = 0
    false: int = 0
    jobs: int = 0
    waits: list[float] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """全部做完，没有重的、漏的、占着的、说错的。"""
        wrong = self.duplicates + self.lost + self.locked + self.false
        return self.finished == self.airports and not wrong

    def text(self) -> str:
        """写成几行。"""
        taken = f"，之后没有工作站在做的最长 {max(self.waits):.1f} 秒" if self.waits else ""
        return (
            f"做完 {self.finished}/{self.airports} 个机场，每个 {self.workstations} 台，{self.seconds:.0f} 秒；"
            f"kill -9 {self.kills} 次{taken}\n"
            f"效果 {self.effects}，重的 {self.duplicates}，漏的 {self.lost}，占着的 {self.locked}，说错的 {self.false}"
        )


@dataclass
class Cluster:
    """起好了的集群。"""

    lab: LabProcess
    instances: list[Aegra]
    store_url: str
    folder: Path
    clients: dict[int, SyncLangGraphClient] = field(default_factory=dict)

    def client(self, number: int = 0) -> SyncLangGraphClient:
        """一个实例的客户端，每个实例一个。"""
        if number not in self.clients:
            self.clients[number] = get_sync_client(url=self.instances[number].url, api_key=None)
        return self.clients[number]

    def close(self) -> None:
        """断开。"""
        for client in self.clients.values():
            client.close()


@contextlib.contextmanager
def open_cluster(airports: int, workstations: int, more: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """起 PostgreSQL、Redis、试验场与两个实例，离开时全部停掉；``more`` 是另加的设置。"""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pam-cluster-"))).resolve()
        database = stack.enter_context(PostgresServer())
        server, redis_url = redis(folder)
        stack.enter_context(server)
        codes = AIRPORTS[:airports]
        lab = stack.enter_context(LabProcess(airports=codes, workstations=workstations, latency=_SLOW_SECONDS))
        store_url = database.new_database()
        env = {
            "DATABASE_URL": database.new_database(),
            "REDIS_URL": redis_url,
            "REDIS_BROKER_ENABLED": "true",
            "BG_JOB_MAX_RETRIES": "1000",
            "LOG_LEVEL": "WARNING",
            "LANGSMITH_TRACING": "false",
            "PAM_HOME_URL": lab.home_url,
            "PAM_TOKEN": lab.token,
            "PAM_STORE_URL": store_url,
            "PAM_REQUIRE_SHARED_STORE": "1",
            **(more or {}),
        }
        instances: list[Aegra] = []
        for name in ("worker-a", "worker-b"):  # 第二个等第一个建好表
            instances.append(stack.enter_context(Aegra(name, folder / name, env)))
            instances[-1].wait_ready()
        cluster = Cluster(lab, instances, store_url, folder)
        stack.callback(cluster.close)
        yield cluster


def walk(airports: int, workstations: int, kills: int, more: Mapping[str, str] | None = None) -> Figures:
    """走一遍，返回数目；``more`` 是实例另加的设置。"""
    found = Figures(airports, workstations)
    with open_cluster(airports, workstations, more) as cluster:
        _upload(cluster)
        began = time.monotonic()
        threads = [_begin(cluster.client(index % 2), code) for index, code in enumerate(AIRPORTS[:airports])]
        _say(f"{len(threads)} 个机场的计划都批准了，在推出")
        _until_done(cluster, threads, kills, found)
        found.seconds = time.monotonic() - began
        _check(cluster, threads, found)
        found.jobs = sum(len(cluster.client().runs.list(thread, limit=100)) for thread in threads)
    return found


def _say(text: str) -> None:
    """写一行进度。"""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _upload(cluster: Cluster) -> None:
    """安装包先到 HOME：实例上没有它。"""
    package = cluster.folder / "gate.pkg"
    package.write_bytes(b"gate 2.0.0\n" * 100)
    os.environ |= {"PAM_HOME_URL": cluster.lab.home_url, "PAM_TOKEN": cluster.lab.token}
    names = {"APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": VERSION, "PACKAGE_PATH": str(package)}
    pairs = [part for name, value in names.items() for part in ("--param", f"{name}={value}")]
    app(["upload", *pairs, "--home", str(cluster.folder / "operator")], standalone_mode=False)


def _begin(client: SyncLangGraphClient, airport: str) -> str:
    """开一个会话，提出并批准它的计划；推出由服务器的队列做下去。"""
    thread = str(client.threads.create()["thread_id"])
    params = {"AIRPORT_CODE": airport, "APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": VERSION}
    given: dict[str, Any] = {"params": params, "control": {"execution_strategy": "script_only", "max_parallel": 2}}
    client.runs.wait(thread, "pam_deploy", input=given)
    (question,) = _questions(client, thread)
    client.runs.create(thread, "pam_deploy", command={"resume": {question["id"]: "approve"}})
    return thread


def _questions(client: SyncLangGraphClient, thread: str) -> list[dict[str, Any]]:
    """会话里等着的问题。"""
    state = client.threads.get_state(thread)
    return [dict(one) for task in state["tasks"] for one in task["interrupts"]]


def _until_done(cluster: Cluster, threads: list[str], kills: int, found: Figures) -> None:
    """等到都做完；其间隔一阵杀掉一个实例，等另一个接手，再起来。"""
    deadline, next_kill = time.monotonic() + patience(_PATIENCE_SECONDS), time.monotonic() + _KILL_EVERY / 4
    while found.finished < len(threads):
        if time.monotonic() > deadline:
            return
        if found.kills < kills and time.monotonic() >= next_kill:
            found.waits.append(_kill(cluster, found.kills % 2))
            found.kills, next_kill = found.kills + 1, time.monotonic() + _KILL_EVERY
        found.finished = sum(_exit_code(cluster.client(found.kills % 2), thread) == 0 for thread in threads)
        time.sleep(0.5)


def _kill(cluster: Cluster, number: int) -> float:
    """杀掉一个实例，等到又有效果发生（另一个在做、或接了手），再起来；返回等了几秒。"""
    victim, before = cluster.instances[number], len(cluster.lab.journal())
    victim.kill()
    began = time.monotonic()
    while len(cluster.lab.journal()) == before and time.monotonic() - began < patience(30):
        time.sleep(0.2)
    waited = time.monotonic() - began
    _say(f"kill -9 {victim.name}；{waited:.1f} 秒之后又有工作站在做")
    victim.start()
    victim.wait_ready()
    return waited


def _exit_code(client: SyncLangGraphClient, thread: str) -> int | None:
    """会话里说的退出码；还没有为 ``None``。"""
    values: Any = client.threads.get_state(thread)["values"]
    code = values.get("exit_code")
    return None if code is None else int(code)


def _check(cluster: Cluster, threads: list[str], found: Figures) -> None:
    """与试验场的真相核对：每个键一次，每台都在新版本上运行；账本里没有占着的模块。"""
    import psycopg

    keys = Counter(str(row["key"]) for row in cluster.lab.journal() if row["key"])
    found.effects, found.duplicates = sum(keys.values()), sum(count - 1 for count in keys.values())
    for code in AIRPORTS[: len(threads)]:
        real = cluster.lab.workstations(code)
        found.lost += sum(not (row["running"] and row["version"] == VERSION) for row in real)
    with psycopg.connect(cluster.store_url) as connection:
        rows = connection.execute("SELECT run_id, exit_code FROM runs").fetchall()
        found.locked = len(connection.execute("SELECT 1 FROM module_locks").fetchall())
    found.false = sum(code != 0 for _, code in rows) if found.finished == found.airports and not found.lost else 0


def main() -> int:
    """命令行入口。"""
    parser = argparse.ArgumentParser(description="走一遍集群")
    parser.add_argument("--airports", type=int, default=3, choices=range(1, len(AIRPORTS) + 1), metavar="N")
    parser.add_argument("--workstations", type=int, default=4, metavar="N")
    parser.add_argument("--kills", type=int, default=2, metavar="N")
    given = parser.parse_args()
    if reason := why_not() or why_no_postgres() or ("" if may_unshare() else "这台机器不许 unshare：换不了主机名"):
        _say(reason)
        return 2
    found = walk(given.airports, given.workstations, given.kills)
    sys.stdout.write(found.text() + "\n")
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
