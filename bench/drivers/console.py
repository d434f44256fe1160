"""一万台的一次运行正推着，几个人看着它的页面：``console 台数 几个人 几秒``。

控制台是真的进程，看的人各有一条真的流；旁边一个进程照同样的节拍只做折叠，当作参照。
"""

import asyncio
import gzip
import math
import os
import re
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path
from typing import Final

import aiohttp

from bench.child import driver
from bench.drivers.meter import tell
from bench.fleet import PARAMS, addresses
from pam_deploy_graph.constants import IP_ACTION_SEQUENCE
from pam_deploy_graph.ledger import Ledger, RunSession
from pam_deploy_graph.models import Event
from pam_deploy_graph.runs.registration import RunRequest, register
from pam_deploy_graph.runs.services import Services

RUN_ID: Final = "bench"
RATE: Final = 700
_BATCH: Final = 14
_PARALLEL: Final = 50
_TICK: Final = 0.5
_URL: Final = re.compile(r"(http://\S+?/)(login\S+)")
_DRAWN: Final = re.compile(r'data-seq="(\d+)" data-grid="(\w+)"')


def _story(ips: list[str]) -> list[Event]:
    """各台的经过，同时 ``_PARALLEL`` 台，一步一步交错着。"""
    found: list[Event] = []
    for start in range(0, len(ips), _PARALLEL):
        together = ips[start : start + _PARALLEL]
        found += [{"type": "IP_START", "ip": ip, "message": "start"} for ip in together]
        for stage in map(str, IP_ACTION_SEQUENCE):
            found += [{"type": "INTENT", "ip": ip, "stage": stage, "attempt": 1} for ip in together]
            done = {"type": "ACTION_DONE", "stage": stage, "backend": "mcp", "message": "ok", "values": {}}
            found += [done | {"ip": ip} for ip in together]
        found += [{"type": "IP_DONE", "ip": ip} for ip in together]
    return found


def begin(ledger: Ledger, ips: list[str]) -> list[Event]:
    """登记，提出计划，做完三成；返回还没有写的。"""
    register(ledger, RunRequest(PARAMS, "fake", RUN_ID, target_ips=ips))
    story = _story(ips)
    first = len(story) * 3 // 10
    write(ledger, [{"type": "PLAN_PROPOSED", "digest": "d" * 64, "target_ips": ips, "text": ""}, *story[:first]])
    return story[first:]


def write(ledger: Ledger, events: list[Event], rate: float = math.inf) -> None:
    """写进账本，每秒 ``rate`` 个。"""

    async def work(session: RunSession) -> None:
        """一小批一小批，晚了就赶上。"""
        began = time.monotonic()
        for start in range(0, len(events), _BATCH):
            for event in events[start : start + _BATCH]:
                session.append(event)
            await asyncio.sleep(max(0.0, began + start / rate - time.monotonic()))
        await session.flush()

    ledger.open_session(ledger.load_state(RUN_ID, keep_events=False)).drive(work)


def _cpu(process: Process) -> float:
    """一个进程到现在用了多少 CPU，秒。"""
    used = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


async def _watch(session: aiohttp.ClientSession, address: str, heard: Counter[str]) -> None:
    """一个人看着：收流里的每一帧，数有多大。"""
    async with session.get(address, headers={"accept": "text/event-stream"}) as stream:
        async for line in stream.content:
            heard["bytes"] += len(line)


async def _said(process: Process, wanted: re.Pattern[str]) -> re.Match[str]:
    """等一个进程说出 ``wanted``；没有说就结束了的抛 ``RuntimeError``。"""
    stream = process.stderr or process.stdout
    while stream and (line := await stream.readline()):
        if found := wanted.search(line.decode()):
            return found
    raise RuntimeError(f"没有等到 {wanted.pattern}")


async def _measure(ledger: Ledger, rest: list[Event], viewers: int) -> dict[str, float]:
    """开起来，几个人看着，把余下的照速率写完，量其间的 CPU。"""
    web = [sys.executable, "-m", "pam_deploy_graph", "web", "--port", "0", "--home", ".", "--watch-only"]
    server = await asyncio.create_subprocess_exec(*web, stderr=PIPE)
    fold = await asyncio.create_subprocess_exec(*driver("console", "fold"), stdout=PIPE)
    timeout, jar = aiohttp.ClientTimeout(total=None), aiohttp.CookieJar(unsafe=True)
    connector = aiohttp.TCPConnector(limit=0)
    try:
        site, entry = (await _said(server, _URL)).groups()
        await _said(fold, re.compile("ready"))
        async with aiohttp.ClientSession(
            cookie_jar=jar, timeout=timeout, auto_decompress=False, connector=connector
        ) as session:
            await session.get(site + entry)
            packed = await (await session.get(f"{site}runs/{RUN_ID}", headers={"accept-encoding": "gzip"})).read()
            drawn = _DRAWN.search(gzip.decompress(packed).decode())
            heard = Counter[str]()
            address = f"{site}live?w={RUN_ID}:{':'.join(drawn.groups() if drawn else ())}"
            watching = [asyncio.create_task(_watch(session, address, heard)) for _ in range(viewers)]
            await asyncio.sleep(1.5)
            heard.clear()
            before, at = (_cpu(server), _cpu(fold)), time.monotonic()
            await asyncio.to_thread(write, ledger, rest, RATE)
            took, after = time.monotonic() - at, (_cpu(server), _cpu(fold))
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
    finally:
        for process in (server, fold):
            process.terminate()
            await process.wait()
    used, least = (100 * (b - a) / took for a, b in zip(before, after, strict=True))
    return {"page": len(packed) / 1000, "cpu": used, "fold": least, "ratio": used / least, "rate": len(rest) / took} | {
        "stream": heard["bytes"] / viewers / took / 1000
    }


def _fold() -> None:
    """参照：照控制台的节拍只做折叠，直到被结束。"""
    ledger = Services(home=Path()).ledger
    state = ledger.load_state(RUN_ID, keep_events=False)
    tell(said="ready")
    while True:
        time.sleep(_TICK)
        ledger.catch_up(state)


def main() -> None:
    """量一轮，写出读数。"""
    if sys.argv[1] == "fold":
        _fold()
    workstations, viewers, seconds = map(int, sys.argv[1:4])
    services = Services(home=Path())
    rest = begin(services.ledger, addresses(workstations))
    tell(**asyncio.run(_measure(services.ledger, rest[: RATE * seconds], viewers)))
    services.close()


if __name__ == "__main__":
    main()
